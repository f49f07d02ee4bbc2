/**
 * The gateway's process dies while it generates, and is started again on the same data: whoever watched continues where
 * they were, over real HTTP and WebSocket, and hears how it ended. No token is lost or comes twice.
 */
import { expect } from "@std/expect";
import { hasDevice } from "../gpu/device.ts";
import { GatewayProcess } from "../support/gateway_process.ts";
import { RawSocket } from "../support/ws_client.ts";
import { tempDir } from "../support/temp.ts";

const FIELDS = `__typename seq generationId
  ... on TokensGenerated { text tokens { id } }
  ... on GenerationFinished { text }
  ... on GenerationFailed { code }`;
const GENERATE = `subscription ($input: GenerateInput!) { generate(input: $input) { ${FIELDS} } }`;
const WATCH =
  `subscription ($id: ID!, $after: Int!) { generationEvents(id: $id, afterSeq: $after) { ${FIELDS} } }`;
const INPUT = {
  model: { name: "geodesic/demo-slerp" },
  prompt: { text: "Tell me a story about a fox and a lantern." },
  sampling: { temperature: 0.8, seed: "1", maxTokens: 200, ignoreEos: true },
  onDisconnect: "CONTINUE",
};

interface Event {
  readonly __typename: string;
  readonly seq: number;
  readonly generationId: string;
  readonly code?: string;
  readonly tokens?: readonly { readonly id: number }[];
}
const ids = (events: readonly Event[]) => events.flatMap(({ tokens }) => tokens?.map(({ id }) => id) ?? []);

/** Reads until the stream ends or breaks. */
async function read(
  stream: AsyncGenerator<Record<string, unknown>>,
  onTokens: (count: number) => void = () => {},
) {
  const events: Event[] = [];
  try {
    for await (const message of stream) {
      if ("errors" in message) throw new Error(JSON.stringify(message.errors));
      events.push(Object.values(message.data as Record<string, Event>)[0]!);
      onTokens(ids(events).length);
    }
  } catch (error) {
    // The connection breaks with the process.
    if (!(error instanceof TypeError)) throw error;
  }
  return events;
}

async function readSocket(gateway: GatewayProcess, variables: Record<string, unknown>): Promise<Event[]> {
  const socket = await new RawSocket(`${gateway.url}/graphql`).init();
  socket.subscribe("1", WATCH, variables);
  const events: Event[] = [];
  for (let message = await socket.next(); message.type === "next"; message = await socket.next()) {
    events.push(message.payload.data.generationEvents);
  }
  await socket.close();
  return events;
}

Deno.test({
  name:
    "kill -9 of the gateway in the middle of an answer: watchers resume, and hear that it was interrupted",
  ignore: !hasDevice || Deno.build.os !== "linux",
  fn: async () => {
    await using dir = await tempDir();
    // Anywhere: another moment with each run.
    const killAfter = 1 + Math.floor(120 * Math.random());
    console.log(`killed after ${killAfter} tokens`);
    const killed = Promise.withResolvers<unknown>();
    const before = await (async () => {
      await using gateway = await GatewayProcess.start({ dataDir: dir.path });
      const events = await read(gateway.subscribe(GENERATE, { input: INPUT }), (count) => {
        if (count >= killAfter) killed.resolve(gateway.end("SIGKILL"));
      });
      await killed.promise;
      return events;
    })();
    expect(ids(before).length).toBeGreaterThanOrEqual(killAfter);
    const { generationId: id, seq } = before.at(-1)!;

    await using gateway = await GatewayProcess.start({ dataDir: dir.path });
    const rest = await read(gateway.subscribe(WATCH, { id, after: seq }));
    expect(await readSocket(gateway, { id, after: seq })).toEqual(rest);
    expect(rest.at(-1)).toMatchObject({ __typename: "GenerationFailed", code: "INTERRUPTED" });
    const whole = await read(gateway.subscribe(WATCH, { id, after: 0 }));
    expect(whole.map((event) => event.seq)).toEqual(whole.map((_, index) => index + 1));
    expect(ids([...before, ...rest])).toEqual(ids(whole));
    // What there is of the answer is the answer: the same request gives it again, to its end.
    const again = await read(gateway.subscribe(GENERATE, { input: INPUT }));
    expect(again.at(-1)!.__typename).toBe("GenerationFinished");
    expect(ids(again)).toHaveLength(200);
    expect(ids(again).slice(0, ids(whole).length)).toEqual(ids(whole));
  },
});
