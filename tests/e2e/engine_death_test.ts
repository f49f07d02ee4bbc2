/**
 * The engine's process dies while a gateway serves: over real HTTP, with the trained demo model, whose answers are known
 * token by token. Nothing but the engine is lost, and no client reads a token twice or misses one.
 */
import { expect } from "@std/expect";
import { hasDevice } from "../gpu/device.ts";
import { GatewayProcess } from "../support/gateway_process.ts";
import { processIsGone } from "../support/processes.ts";

const MODEL = "geodesic/demo-slerp";
const FIELDS = `__typename seq generationId
  ... on TokensGenerated { text tokens { id } }
  ... on GenerationFinished { text finishReason usage { completionTokens } }
  ... on GenerationFailed { code message }`;
const GENERATE = `subscription ($input: GenerateInput!) { generate(input: $input) { ${FIELDS} } }`;
const WATCH =
  `subscription ($id: ID!, $after: Int!) { generationEvents(id: $id, afterSeq: $after) { ${FIELDS} } }`;

interface Event {
  readonly __typename: string;
  readonly seq: number;
  readonly generationId: string;
  readonly text?: string;
  readonly code?: string;
  readonly message?: string;
  readonly tokens?: readonly { readonly id: number }[];
}

function input(text: string, seed: string) {
  return {
    model: { name: MODEL },
    prompt: { text },
    sampling: { temperature: 0.8, seed, maxTokens: 60, ignoreEos: true },
    onDisconnect: "CONTINUE",
  };
}
const REQUESTS = [
  input("Tell me a story about a fox and a lantern.", "1"),
  input("What is the capital of Japan?", "2"),
  input("Hello!", "3"),
];

/** Reads to the end; `onTokens` hears how many tokens have come. */
async function watch(
  stream: AsyncGenerator<Record<string, unknown>>,
  onTokens: (count: number) => void = () => {},
): Promise<Event[]> {
  const events: Event[] = [];
  let count = 0;
  for await (const message of stream) {
    if ("errors" in message) throw new Error(JSON.stringify(message.errors));
    const event = Object.values(message.data as Record<string, Event>)[0]!;
    events.push(event);
    count += event.tokens?.length ?? 0;
    if (event.tokens !== undefined) onTokens(count);
  }
  return events;
}

const ids = (events: readonly Event[]) => events.flatMap(({ tokens }) => tokens?.map(({ id }) => id) ?? []);

/** In order, whole, and the same when it is read again. */
async function expectSoundLog(gateway: GatewayProcess, events: readonly Event[]): Promise<void> {
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  const id = events[0]!.generationId;
  const replayed = await watch(gateway.subscribe(WATCH, { id, after: 0 }));
  expect(replayed).toEqual(events);
  const text = events.map(({ tokens, text }) => tokens === undefined ? "" : text!).join("");
  const last = events.at(-1)!;
  if (last.__typename === "GenerationFinished") expect(text).toBe(last.text);
}

Deno.test({
  name: "kill -9 of the engine: two running generations and a queued one give what they give without it",
  ignore: !hasDevice || Deno.build.os !== "linux",
  fn: async () => {
    await using gateway = await GatewayProcess.start({ args: ["--max-sequences", "2"] });
    const alone: number[][] = [];
    for (const request of REQUESTS) {
      alone.push(ids(await watch(gateway.subscribe(GENERATE, { input: request }))));
    }
    expect(alone.map(({ length }) => length)).toEqual([60, 60, 60]);

    const enginePid = await gateway.enginePid();
    const counts = [0, 0, 0];
    let killed = false;
    const runs = await Promise.all(
      REQUESTS.map((request, index) =>
        watch(gateway.subscribe(GENERATE, { input: request }), (count) => {
          counts[index] = count;
          if (killed || counts.filter((each) => each >= 20).length < 2) return;
          killed = true;
          Deno.kill(enginePid, "SIGKILL");
        })
      ),
    );
    expect(killed).toBe(true);
    expect(runs.map((events) => events.at(-1))).toMatchObject(
      REQUESTS.map(() => ({ __typename: "GenerationFinished" })),
    );
    expect(runs.map(ids)).toEqual(alone);
    for (const events of runs) await expectSoundLog(gateway, events);
    expect(await gateway.enginePid()).not.toBe(enginePid);
    const { data } = await gateway.query(`{ runtime { engine { state restarts } } }`);
    expect(data).toEqual({ runtime: { engine: { state: "READY", restarts: 1 } } });
    expect((await fetch(`${gateway.url}/readyz`).then((response) => response.json())).ready).toBe(true);
    expect(gateway.output).toContain(`"message":"engine died"`);

    const lastPid = await gateway.enginePid();
    expect((await gateway.end("SIGINT")).code).toBe(0);
    expect(await processIsGone(lastPid, 100)).toBe(true);
  },
});

Deno.test({
  name: "kill -9 of the engine, time and again: the generation ends with a typed error, the gateway goes on",
  ignore: !hasDevice || Deno.build.os !== "linux",
  fn: async () => {
    await using gateway = await GatewayProcess.start();
    let pid = await gateway.enginePid(-1);
    let kills = 0;
    let seen = 0;
    // What was delivered is not delivered again, so each death comes a few tokens after a new engine was there. On a busy
    // machine some of the last one's may still be on their way when it is gone.
    let killAt = 5;
    const events = await watch(
      gateway.subscribe(GENERATE, { input: { ...REQUESTS[0]!, sampling: { ...REQUESTS[0]!.sampling } } }),
      (count) => {
        seen = count;
        if (count < killAt) return;
        killAt = Infinity;
        kills++;
        Deno.kill(pid, "SIGKILL");
        gateway.enginePid(pid).then((next) => {
          pid = next;
          killAt = seen + 5;
        });
      },
    );
    expect(kills).toBe(3);
    expect(events.at(-1)).toMatchObject({ __typename: "GenerationFailed", code: "DEVICE_LOST" });
    expect(events.at(-1)!.message).toBe("The engine's process died: SIGKILL");
    await expectSoundLog(gateway, events);
    const again = await watch(gateway.subscribe(GENERATE, { input: REQUESTS[2]! }));
    expect(again.at(-1)!.__typename).toBe("GenerationFinished");
  },
});

Deno.test({
  name: "kill -9 of the gateway, while its engine generates, takes the engine along",
  ignore: !hasDevice || Deno.build.os !== "linux",
  fn: async () => {
    await using gateway = await GatewayProcess.start();
    const pid = await gateway.enginePid();
    const killed = Promise.withResolvers<void>();
    await watch(gateway.subscribe(GENERATE, { input: REQUESTS[0]! }), () => {
      gateway.end("SIGKILL").then(() => killed.resolve());
    }).catch(() => {}); // The connection broke with the process.
    await killed.promise;
    expect(await processIsGone(pid, 2_000)).toBe(true);
  },
});
