/** Constrained outputs the whole way down, from a trained model that would rather say something else. */
import { expect } from "@std/expect";
import Ajv from "ajv";
import { createWorkerEngine } from "../../src/engine/client.ts";
import type { EngineClient, RequestMessage, SubmitCommand } from "../../src/engine/protocol.ts";
import { hasDevice } from "../gpu/device.ts";
import { SAMPLING } from "../support/fake_engine.ts";
import { DEMO_DIR, tokenizerOf } from "../tokenizer/support.ts";

const PROMPT = (await tokenizerOf(DEMO_DIR)).encode("Tell me a story.", { bos: true });

const SCHEMA = {
  type: "object",
  properties: {
    title: { type: "string", maxLength: 16 },
    pages: { type: "integer", minimum: 1, maximum: 400 },
    kind: { enum: ["tale", "poem"] },
    tags: { type: "array", items: { type: "boolean" }, maxItems: 2 },
  },
  required: ["title", "pages", "kind"],
  additionalProperties: false,
};
const JSON_SCHEMA = { jsonSchema: JSON.stringify(SCHEMA) };

interface Run {
  readonly ids: readonly number[];
  readonly text: string;
  readonly last: RequestMessage;
}

async function run(
  engine: EngineClient,
  requestId: string,
  sampling: Partial<SubmitCommand["sampling"]>,
  onMessage: (message: RequestMessage) => void = () => {},
): Promise<Run> {
  const ids: number[] = [];
  const last = await new Promise<RequestMessage>((resolve) =>
    engine.submit({
      requestId,
      modelKey: "helper",
      promptTokenIds: PROMPT,
      sampling: { ...SAMPLING, temperature: 1.5, maxTokens: 290, ...sampling },
      eosTokenIds: [2],
    }, (message) => {
      if (message.type === "tokens") ids.push(...message.tokens.map(({ id }) => id));
      onMessage(message);
      if (message.type === "finished" || message.type === "failed") resolve(message);
    })
  );
  const stream = (await tokenizerOf(DEMO_DIR)).streamDecoder({ afterPrompt: true });
  return { ids, text: ids.map((id) => stream.push(id)).join("") + stream.flush(), last };
}

type Step = readonly [name: string, body: (engine: EngineClient) => Promise<void>];
const steps: Step[] = [];

/** Shares the engine with the others: a load and the threads for its grammars take longest. */
function workerTest(...step: Step): void {
  steps.push(step);
}

const seeds = (count: number) => Array.from({ length: count }, (_, seed) => String(seed));

workerTest("whatever the seed, at temperature 1.5, JSON is valid by its schema", async (engine) => {
  const validate = new Ajv.default().compile(SCHEMA);
  const runs = await Promise.all(
    seeds(3).map((seed) => run(engine, seed, { seed, constraint: JSON_SCHEMA, ignoreEos: seed === "0" })),
  );
  for (const { text, last } of runs) {
    expect({ text, last }).toMatchObject({ last: { type: "finished", reason: "STOP" } });
    expect({ text, valid: validate(JSON.parse(text)) }).toEqual({ text, valid: true });
  }
  expect(new Set(runs.map(({ text }) => text)).size).toBe(3);
});

workerTest("a choice gives one of the choices, and an expression a match", async (engine) => {
  const choice = ["yes", "no", "I would rather not say"];
  const regex = "[A-Z][a-z]{2,6}( and [A-Z][a-z]{2,6})?";
  const all = seeds(4);
  const chosen = await Promise.all(
    all.map((seed) => run(engine, `c${seed}`, { seed, constraint: { choice } })),
  );
  const matching = await Promise.all(
    all.map((seed) => run(engine, `r${seed}`, { seed, topP: 0.9, logprobs: 1, constraint: { regex } })),
  );
  expect(chosen.filter(({ text }) => !choice.includes(text))).toEqual([]);
  expect(matching.filter(({ text }) => !new RegExp(`^(${regex})$`).test(text))).toEqual([]);
  expect([...chosen, ...matching].filter(({ last }) => last.type !== "finished")).toEqual([]);
});

workerTest("minTokens keeps a constrained output from its end, ignored or not", async (engine) => {
  const constraint = { regex: "[a-z ]*" };
  // The end is likelier than anything else at the beginning.
  const logitBias = [{ tokenId: 2, bias: 100 }];
  for (const ignoreEos of [false, true]) {
    const least = { constraint, logitBias, ignoreEos, minTokens: 6 };
    const { ids, last } = await run(engine, `m${ignoreEos}`, least);
    expect({ ignoreEos, count: ids.length, at: ids.indexOf(2), last })
      .toMatchObject({ ignoreEos, count: 7, at: 6, last: { type: "finished", reason: "STOP" } });
  }
});

workerTest(
  "those beside a constrained output get the tokens they get alone, and so does it",
  async (engine) => {
    const free = (id: string) => run(engine, id, { seed: "5", maxTokens: 30, ignoreEos: true });
    const greedy = (id: string) => run(engine, id, { temperature: 0, maxTokens: 30 });
    const constraint = { regex: "[a-z]{8} [0-9]{3}" };
    const held = (id: string) => run(engine, id, { seed: "11", constraint });
    const alone = [await free("a0"), await greedy("a1"), await held("a2")];
    const together = await Promise.all([free("b0"), greedy("b1"), held("b2"), held("b3")]);
    expect(together.map(({ ids }) => ids)).toEqual([...alone, alone[2]!].map(({ ids }) => ids));
  },
);

workerTest("a grammar that explodes is refused in time while another output streams", async (engine) => {
  let streamed = 0;
  const free = run(engine, "streaming", { seed: "5", maxTokens: 120, ignoreEos: true }, ({ type }) => {
    if (type === "tokens") streamed++;
  });
  while (streamed === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const before = streamed;
  const startedMs = performance.now();
  const { last } = await run(engine, "bomb", { constraint: { regex: "(([ab]|c[de]){70}c){250}" } });
  expect(last).toMatchObject({
    type: "failed",
    error: { code: "CONFIG", details: { field: "constraint.regex" } },
  });
  expect(performance.now() - startedMs).toBeLessThan(20_000);
  expect(streamed).toBeGreaterThan(before + 5);
  expect((await free).last).toMatchObject({ type: "finished", reason: "LENGTH" });
  expect((await run(engine, "after", { constraint: { choice: ["ok"] } })).text).toBe("ok");
});

workerTest("a constrained output is cancelled in the middle", async (engine) => {
  const constraint = { regex: "[a-z ]{250}" };
  let tokens = 0;
  const { last } = await run(engine, "c", { constraint }, ({ type }) => {
    if (type === "tokens" && ++tokens === 3) engine.cancel("c");
  });
  expect(last).toMatchObject({ type: "finished", reason: "CANCELLED" });
  expect((await engine.metrics()).models).toMatchObject([{ running: 0, usedBlocks: expect.any(Number) }]);
});

Deno.test({
  name: "an engine with a trained model holds outputs to constraints",
  ignore: !hasDevice,
  fn: async (t) => {
    await using engine = createWorkerEngine();
    await engine.load({
      modelKey: "helper",
      path: DEMO_DIR,
      quantization: "none",
      precision: "f32",
      maxContext: 320,
      maxSequences: 4,
    });
    for (const [name, body] of steps) await t.step(name, () => body(engine));
  },
});
