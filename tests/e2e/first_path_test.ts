/**
 * The first whole path, as a client sees it: the real process, real HTTP and SSE, a real database, the engine's own
 * Worker on whatever Vulkan driver there is. One gateway serves all steps, for the merge and the load take longest.
 */
import { expect } from "@std/expect";
import { GatewayProcess } from "../support/gateway_process.ts";

const MODEL = "geodesic/demo-slerp";
const EVENT_FIELDS = `
  __typename seq generationId
  ... on GenerationQueued { position }
  ... on GenerationLoading { stage fraction }
  ... on PromptProcessed { promptTokens cachedTokens }
  ... on TokensGenerated { text tokens { id text } }
  ... on GenerationFinished {
    finishReason text usage { promptTokens completionTokens }
    timings { steps dispatchesPerStep submitsPerStep readbackBytesPerStep }
  }
  ... on GenerationFailed { code message }
  ... on GenerationCancelled { usage { completionTokens } }
`;
const GENERATE = `subscription ($input: GenerateInput!) { generate(input: $input) { ${EVENT_FIELDS} } }`;
const WATCH =
  `subscription ($id: ID!, $after: Int!) { generationEvents(id: $id, afterSeq: $after) { ${EVENT_FIELDS} } }`;
const START = `mutation ($input: GenerateInput!) {
  startGeneration(input: $input) {
    __typename
    ... on StartGenerationPayload { generation { id status } }
    ... on Error { code message }
  }
}`;

interface Event {
  readonly __typename: string;
  readonly seq: number;
  readonly generationId: string;
  readonly text?: string;
  readonly tokens?: readonly { readonly id: number; readonly text: string }[];
  readonly finishReason?: string;
  readonly timings?: Readonly<Record<string, number>>;
}
interface Reference {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly output_ids: readonly number[];
  readonly text: string;
  readonly finish: string;
  readonly min_margin: number;
}

const ROOT = new URL("../../", import.meta.url);
const references: readonly Reference[] = (await Deno.readTextFile(new URL("demo/eval/reference.jsonl", ROOT)))
  .trim().split("\n").map((line) => JSON.parse(line));
const merged = references.filter((reference) => reference.model === "merged");

/** Reads a subscription to its end, or until `until` says so (which drops the connection). */
async function collect(
  stream: AsyncGenerator<Record<string, unknown>>,
  field: "generate" | "generationEvents",
  until: (event: Event) => boolean = () => false,
): Promise<Event[]> {
  const events: Event[] = [];
  for await (const message of stream) {
    if ("errors" in message) throw new Error(JSON.stringify(message.errors));
    const event = (message.data as Record<string, Event>)[field]!;
    events.push(event);
    if (until(event)) break;
  }
  return events;
}
const tokenIds = (events: readonly Event[]) =>
  events.flatMap((event) => event.tokens?.map(({ id }) => id) ?? []);
const seqs = (events: readonly Event[]) => events.map((event) => event.seq);

Deno.test("a fresh gateway merges, streams, resumes, cancels and proves where its tensors come from", async (t) => {
  await using gateway = await GatewayProcess.start();

  await t.step("the greedy stream of the served merge equals the reference", async () => {
    expect(merged.length).toBeGreaterThan(5);
    for (const reference of merged.slice(0, 2)) {
      const events = await collect(
        gateway.subscribe(GENERATE, {
          input: {
            model: { name: MODEL },
            prompt: {
              messages: reference.messages.map(({ role, content }) => ({
                role: role.toUpperCase(),
                content,
              })),
            },
            sampling: { temperature: 0, maxTokens: 260 },
          },
        }),
        "generate",
      );
      const last = events.at(-1)!;
      expect(last.__typename).toBe("GenerationFinished");
      expect(tokenIds(events)).toEqual(reference.output_ids);
      expect(last.text).toBe(reference.text);
      expect(last.finishReason).toBe(reference.finish === "stop" ? "STOP" : "LENGTH");
      expect(seqs(events)).toEqual(events.map((_, index) => index + 1));
    }
  });

  await t.step("decode costs a fixed, small number of dispatches and bytes, one submit a step", async () => {
    const events = await collect(
      gateway.subscribe(GENERATE, {
        input: { model: { name: MODEL }, prompt: { text: "Hello!" }, sampling: { temperature: 0 } },
      }),
      "generate",
    );
    const timings = events.at(-1)!.timings!;
    expect(timings.submitsPerStep).toBe(1);
    expect(timings.dispatchesPerStep).toBeLessThanOrEqual(8 * 8 + 8);
    expect(timings.readbackBytesPerStep).toBeLessThanOrEqual(512);
  });

  await t.step("a dropped connection resumes without losing or repeating a token", async () => {
    const input = {
      model: { name: MODEL },
      prompt: { text: "Tell me a story about a fox and a lantern." },
      sampling: { temperature: 0, maxTokens: 120 },
      onDisconnect: "CONTINUE",
    };
    const whole = await collect(gateway.subscribe(GENERATE, { input }), "generate");
    let tokens = 0;
    const before = await collect(gateway.subscribe(GENERATE, { input }), "generate", (event) => {
      tokens += event.tokens?.length ?? 0;
      return tokens > 5;
    });
    const { generationId: id, seq } = before.at(-1)!;
    const after = await collect(gateway.subscribe(WATCH, { id, after: seq }), "generationEvents");
    expect(seqs([...before, ...after])).toEqual([...before, ...after].map((_, index) => index + 1));
    expect(tokenIds([...before, ...after])).toEqual(tokenIds(whole));
    expect(after.at(-1)!.text).toBe(whole.at(-1)!.text);
  });

  await t.step("a sampled generation is reproduced token by token", async () => {
    const input = { model: { name: MODEL }, prompt: { text: "Hello!" }, sampling: { maxTokens: 24 } };
    const first = await collect(gateway.subscribe(GENERATE, { input }), "generate");
    const { data } = await gateway.query<{ reproduceGeneration: { generation: { id: string } } }>(
      `mutation ($id: ID!) { reproduceGeneration(input: { id: $id }) {
        ... on ReproduceGenerationPayload { generation { id } } } }`,
      { id: first[0]!.generationId },
    );
    const again = { id: data!.reproduceGeneration.generation.id, after: 0 };
    const events = await collect(gateway.subscribe(WATCH, again), "generationEvents");
    expect([events.at(-2)!.__typename, tokenIds(events)]).toEqual(["GenerationReproduced", tokenIds(first)]);
  });

  await t.step("two concurrent generations give what each gives alone", async () => {
    const run = (text: string) =>
      collect(
        gateway.subscribe(GENERATE, {
          input: {
            model: { name: MODEL },
            prompt: { text },
            sampling: { temperature: 0.8, seed: "7", maxTokens: 60 },
          },
        }),
        "generate",
      ).then(tokenIds);
    const prompts = ["Tell me a story about a dragon and a pancake.", "What is the capital of Japan?"];
    const alone = [await run(prompts[0]!), await run(prompts[1]!)];
    expect(await Promise.all(prompts.map(run))).toEqual(alone);
  });

  await t.step("cancelling mid-stream ends the stream and empties the engine", async () => {
    const started = await gateway.query<{ startGeneration: { generation: { id: string } } }>(START, {
      input: {
        model: { name: MODEL },
        prompt: { text: "Tell me a story." },
        sampling: { ignoreEos: true, maxTokens: 900, temperature: 0 },
      },
    });
    const id = started.data!.startGeneration.generation.id;
    let cancelled = false;
    const events: Event[] = [];
    for await (const message of gateway.subscribe(WATCH, { id, after: 0 })) {
      const event = (message.data as { generationEvents: Event }).generationEvents;
      events.push(event);
      if (!cancelled && event.__typename === "TokensGenerated") {
        cancelled = true;
        const answer = await gateway.query(
          `mutation ($id: ID!) { cancelGeneration(input: { id: $id }) { __typename ... on Error { code message } } }`,
          { id },
        );
        expect(answer.data).toEqual({ cancelGeneration: { __typename: "CancelGenerationPayload" } });
      }
    }
    expect(events.at(-1)!.__typename).toBe("GenerationCancelled");
    // The step that ran ahead of the cancel may still be on the device when the first answer comes.
    const idle = { runtime: { running: 0, waiting: 0, kvBlocksUsed: 0 } };
    let runtime: unknown;
    for (let attempt = 0; attempt < 100 && JSON.stringify(runtime) !== JSON.stringify(idle); attempt++) {
      runtime = (await gateway.query(`{ runtime { running waiting kvBlocksUsed } }`)).data;
    }
    expect(runtime).toEqual(idle);
  });

  await t.step("a session keeps its messages and continues the conversation", async () => {
    const created = await gateway.query<{ createSession: { session: { id: string } } }>(
      `mutation ($input: CreateSessionInput!) {
        createSession(input: $input) { ... on CreateSessionPayload { session { id } } ... on Error { code message } }
      }`,
      { input: { model: { name: MODEL } } },
    );
    const sessionId = created.data!.createSession.session.id;
    const say = (text: string) =>
      collect(
        gateway.subscribe(GENERATE, {
          input: {
            model: { name: MODEL },
            sessionId,
            prompt: { text },
            sampling: { temperature: 0, maxTokens: 40 },
          },
        }),
        "generate",
      );
    await say("My name is Lucy.");
    await say("What is my name?");
    const session = await gateway.query<{ session: { messages: { edges: { node: { role: string } }[] } } }>(
      `query ($id: ID!) { session(id: $id) { messages(first: 10) { edges { node { role content } } } } }`,
      { id: sessionId },
    );
    expect(session.data!.session.messages.edges.map(({ node }) => node.role))
      .toEqual(["USER", "ASSISTANT", "USER", "ASSISTANT"]);
  });

  await t.step("provenance names every tensor, and its hashes are those of the files", async () => {
    const answer = await gateway.query<{ model: Provenance }>(
      `query ($name: String!) { model(ref: { name: $name }) {
        parents { name }
        artifact { manifestSha256 files { path sha256 } }
        provenance {
          status method dtype configSha256 baseModel { name }
          curves { filter t }
          tensors(first: 100) { totalCount edges { node { name layer filter t mode cosine outputSha256 } } }
        }
      } }`,
      { name: MODEL },
    );
    const { parents, artifact, provenance } = answer.data!.model;
    expect(parents.map(({ name }) => name).sort()).toEqual([
      "geodesic/demo-helper",
      "geodesic/demo-storyteller",
    ]);
    expect(provenance).toMatchObject({ status: "SUCCEEDED", method: "SLERP", dtype: "BFLOAT16" });
    expect(provenance.baseModel.name).toBe("geodesic/demo-helper");
    expect(provenance.tensors.totalCount).toBe(75);
    const expected = JSON.parse(await Deno.readTextFile(new URL("demo/eval/merge-reference.json", ROOT)));
    const byName = new Map(provenance.tensors.edges.map(({ node }) => [node.name, node]));
    const rows = Array.isArray(expected) ? expected : expected.tensors ?? expected;
    for (const [name, row] of Object.entries<{ t: number; name?: string }>(rows)) {
      expect(byName.get(row.name ?? name)?.t).toBeCloseTo(row.t, 12);
    }
    // The README shows this very answer.
    const readme = await Deno.readTextFile(new URL("README.md", ROOT));
    expect(readme).toContain(artifact.manifestSha256);
    const shown = byName.get("model.layers.3.self_attn.q_proj.weight")!;
    for (const value of [shown.t, shown.cosine, shown.outputSha256]) expect(readme).toContain(`${value}`);
    const weights = artifact.files.find(({ path }) => path.endsWith(".safetensors"))!;
    const bytes = await Deno.readFile(`${gateway.dataDir}/models/${MODEL}/${weights.path}`);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    expect(weights.sha256).toBe(digest.toHex());
  });

  await t.step("an admin changes a default and the next answer uses it; anybody else may not", async () => {
    const update = `mutation ($input: UpdateSamplingDefaultsInput!) {
      updateSamplingDefaults(input: $input) { __typename ... on Error { code } }
    }`;
    const input = {
      model: { name: MODEL },
      sampling: { maxTokens: 3, temperature: 0 },
      reason: "Shorter answers",
    };
    const refused = await gateway.query<{ updateSamplingDefaults: { code: string } }>(update, { input });
    expect(refused.data!.updateSamplingDefaults.code).toBe("FORBIDDEN");
    const wrong = await gateway.query(update, { input }, `${gateway.adminKey.slice(0, -2)}xx`);
    expect([401, 403]).toContain(wrong.status);
    const accepted = await gateway.query<{ updateSamplingDefaults: { __typename: string } }>(
      update,
      { input },
      gateway.adminKey,
    );
    expect(accepted.data!.updateSamplingDefaults.__typename).toBe("UpdateSamplingDefaultsPayload");
    const events = await collect(
      gateway.subscribe(GENERATE, {
        input: { model: { name: MODEL }, prompt: { text: "Tell me a story." } },
      }),
      "generate",
    );
    expect(tokenIds(events)).toHaveLength(3);
    expect(events.at(-1)!.finishReason).toBe("LENGTH");
  });

  await t.step("a second start on the same data merges nothing again and keeps what was said", async () => {
    const list = `{ sessions(first: 5) { totalCount } models(first: 10) { edges { node { name } } } }`;
    const before = await gateway.query(list);
    const status = await gateway.end("SIGINT");
    expect(status.code).toBe(0);
    await using again = await GatewayProcess.start({ dataDir: gateway.dataDir });
    expect(again.output).not.toMatch(/gsk_/);
    expect(again.output).not.toMatch(/[Mm]erging/);
    expect((await again.query(list)).data).toEqual(before.data!);
  });
});

Deno.test("killing the gateway mid-stream loses no finished generation and leaves no open one", async () => {
  const dataDir = await Deno.makeTempDir({ prefix: "geodesic-e2e-" });
  const answers = `query ($done: ID!, $open: ID!) {
    done: generation(id: $done) { id status finishReason text }
    open: generation(id: $open) { id status }
  }`;
  try {
    const ids: string[] = [];
    let text = "";
    {
      await using gateway = await GatewayProcess.start({ dataDir });
      const finished = await collect(
        gateway.subscribe(GENERATE, {
          input: { model: { name: MODEL }, prompt: { text: "Hello!" }, sampling: { temperature: 0 } },
        }),
        "generate",
      );
      ids.push(finished[0]!.generationId);
      text = finished.at(-1)!.text!;
      const open = gateway.subscribe(GENERATE, {
        input: {
          model: { name: MODEL },
          prompt: { text: "Tell me a story." },
          sampling: { ignoreEos: true, maxTokens: 900 },
        },
      });
      try {
        for await (const message of open) {
          const event = (message.data as { generate: Event }).generate;
          if (event.__typename !== "TokensGenerated") continue;
          ids.push(event.generationId);
          await gateway.end("SIGKILL");
          break;
        }
      } catch {
        // The connection broke with the process, as it should.
      }
    }
    await using again = await GatewayProcess.start({ dataDir });
    const answer = await again.query(answers, { done: ids[0], open: ids[1] });
    expect(answer.errors).toBeUndefined();
    expect(answer.data).toEqual({
      done: { id: ids[0], status: "SUCCEEDED", finishReason: "STOP", text },
      open: { id: ids[1], status: "FAILED" },
    });
    const replay = await collect(again.subscribe(WATCH, { id: ids[1], after: 0 }), "generationEvents");
    expect(replay.at(-1)!.__typename).toBe("GenerationFailed");
    expect(seqs(replay)).toEqual(replay.map((_, index) => index + 1));
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});

Deno.test("stopping the gateway tells watchers how their generation ended before it ends the stream", async () => {
  await using gateway = await GatewayProcess.start();
  const input = {
    model: { name: MODEL },
    prompt: { text: "Tell me a story." },
    sampling: { ignoreEos: true, maxTokens: 900 },
  };
  const ended: { status?: Promise<Deno.CommandStatus> } = {};
  const events = await collect(gateway.subscribe(GENERATE, { input }), "generate", (event) => {
    if (event.__typename === "TokensGenerated") ended.status ??= gateway.end("SIGINT");
    return false;
  });
  expect(events.at(-1)).toMatchObject({ __typename: "GenerationFailed", code: "INTERRUPTED" });
  expect(seqs(events)).toEqual(events.map((_, index) => index + 1));
  expect((await ended.status)?.code).toBe(0);
});

interface Provenance {
  readonly parents: readonly { readonly name: string }[];
  readonly artifact: {
    readonly manifestSha256: string;
    readonly files: readonly { readonly path: string; readonly sha256: string }[];
  };
  readonly provenance: {
    readonly baseModel: { readonly name: string };
    readonly tensors: {
      readonly totalCount: number;
      readonly edges: readonly {
        readonly node: {
          readonly name: string;
          readonly t: number | null;
          readonly cosine: number | null;
          readonly outputSha256: string;
        };
      }[];
    };
  };
}
