/**
 * Random arrivals, priorities, cancels, deadlines, stops and exhaustion over the whole engine, with prompts that begin
 * alike, outputs that can be guessed and caches too small for those who run. The fake runner checks every row's view of
 * the cache and that nothing in flight is reused; here: every request ends once, its tokens are those it gets alone, in
 * order and without gaps, up to where logits are not finite, nobody starves, and nothing leaks.
 */
import { expect } from "@std/expect";
import fc from "fast-check";
import { NOT_FINITE } from "../../src/model/runner.ts";
import { FakeEngine, SAMPLING, submitCommand } from "../support/fake_engine.ts";
import { FAKE_LIMITS } from "../support/fake_runner.ts";
import { soloTokens } from "../support/fake_tokens.ts";
import { runs } from "../support/properties.ts";

interface Arrival {
  /** Begins like all others with the same letter, for so many tokens. */
  readonly prefix: readonly [letter: number, tokens: number];
  readonly rest: number[];
  readonly maxTokens: number;
  readonly minTokens: number;
  readonly eos: number[];
  readonly seed: number;
  readonly priority: number;
  readonly deadlineMs: number | undefined;
}
type Act = { readonly submit: Arrival } | { readonly cancel: number } | { readonly ticks: number };

const id = fc.nat(FAKE_LIMITS.vocabSize - 1);
const arrival: fc.Arbitrary<Arrival> = fc.record({
  prefix: fc.tuple(fc.nat(1), fc.oneof(fc.nat(8), fc.nat(30))),
  rest: fc.array(id, { minLength: 1, maxLength: 12 }),
  maxTokens: fc.integer({ min: 1, max: 60 }),
  minTokens: fc.nat(6),
  // Several ids end it, so that stops come at every distance, or none does, so that caches fill up.
  eos: fc.oneof(fc.constant<number[]>([]), fc.array(id, { maxLength: 6 })),
  seed: fc.oneof(fc.nat(499), fc.integer({ min: 500, max: 999 }), fc.integer({ min: 1000, max: 1499 })),
  priority: fc.integer({ min: -2, max: 2 }),
  deadlineMs: fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, fc.integer({ min: 0, max: 600 })),
});
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ submit: arrival }) },
  { weight: 1, arbitrary: fc.record({ cancel: fc.nat(40) }) },
  { weight: 2, arbitrary: fc.record({ ticks: fc.integer({ min: 1, max: 6 }) }) },
);
const sizes = fc.record({
  maxSequences: fc.integer({ min: 1, max: 5 }),
  blockSize: fc.integer({ min: 1, max: 7 }),
  // A cache for one sequence of the whole context, or a little less or more: then there is a fight for it.
  cacheTokens: fc.integer({ min: -8, max: 40 }),
  maxContext: fc.integer({ min: 8, max: 48 }),
  maxPromptTokens: fc.integer({ min: 1, max: 20 }),
}).map(({ cacheTokens, ...size }) => ({
  ...size,
  blockCount: Math.max(2, Math.ceil((size.maxContext + cacheTokens) / size.blockSize)),
}));
const options = fc.record({
  stepsPerSubmit: fc.integer({ min: 1, max: 5 }),
  batch: fc.record({ mixedPromptTokens: fc.integer({ min: 1, max: 20 }) }),
});

const promptOf = ({ prefix: [letter, length], rest }: Arrival) => [
  ...Array.from({ length }, (_, index) => (index * 7 + letter) % FAKE_LIMITS.vocabSize),
  ...rest,
];

Deno.test("Engine ends every request once, with the tokens it gets alone, and leaks nothing", async () => {
  const acts = fc.array(act, { minLength: 1, maxLength: 40 });
  let [preemptions, hits, deadlines, overflows, accepted, leftOut] = [0, 0, 0, 0, 0, 0];
  await fc.assert(
    fc.asyncProperty(sizes, options, acts, async (limits, engineOptions, script) => {
      const fake = await FakeEngine.withModel({ limits }, engineOptions);
      const context = Math.min(limits.maxContext, limits.blockCount * limits.blockSize);
      const arrivals = new Map<string, Arrival>();
      for (const step of script) {
        if ("submit" in step) {
          const { maxTokens, minTokens, eos, seed, priority, deadlineMs } = step.submit;
          const requestId = `r${arrivals.size}`;
          arrivals.set(requestId, step.submit);
          const sampling = { maxTokens, minTokens, seed: `${seed}` };
          const rest = { eosTokenIds: eos, priority, ...deadlineMs === undefined ? {} : { deadlineMs } };
          fake.send(submitCommand(requestId, promptOf(step.submit), sampling, rest));
        } else if ("cancel" in step) {
          fake.send({ type: "cancel", requestId: `r${step.cancel}` });
        } else {
          for (let tick = 0; tick < step.ticks; tick++) await fake.tick();
        }
        const { running, usedBlocks, cachedBlocks } = fake.metrics().models[0]!;
        expect(running).toBeLessThanOrEqual(limits.maxSequences);
        expect(usedBlocks + cachedBlocks).toBeLessThanOrEqual(limits.blockCount);
      }
      // Nobody starves: even one at a time, and started over for every block of output, it takes no longer.
      const chunks = 48 / Math.min(limits.maxPromptTokens, engineOptions.batch.mixedPromptTokens) + 1;
      const bound = arrivals.size * (60 + 3) * (1 + 2 * chunks) + 10;
      expect(await fake.drain()).toBeLessThan(bound);
      expect(fake.internalErrors).toEqual([]);
      for (const [requestId, request] of arrivals) {
        const code = checkRequest(fake, requestId, request, context);
        if (code === "DEADLINE") deadlines++;
        if (code === "NOT_FINITE") overflows++;
      }
      const [model] = fake.metrics().models;
      expect(model).toMatchObject({ running: 0, waiting: 0, usedBlocks: 0 });
      preemptions += model!.preemptions;
      hits += model!.prefixCacheHits;
      accepted += model!.acceptedTokens;
      leftOut += fake.runner.leftOut;
    }),
    { numRuns: runs(300) },
  );
  // Or the test does not show what it says.
  expect([preemptions > 20, hits > 100, deadlines > 5, overflows > 50]).toEqual(Array(4).fill(true));
  expect([accepted > 20, leftOut > 20]).toEqual([true, true]);
});

Deno.test("Engine starts requests of one priority in order of arrival, whatever their size", async () => {
  const requests = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 })), {
    minLength: 2,
    maxLength: 20,
  });
  await fc.assert(fc.asyncProperty(sizes, requests, async (size, script) => {
    const limits = { ...size, maxContext: 48, blockCount: Math.ceil(48 / size.blockSize) };
    const fake = await FakeEngine.withModel({ limits });
    for (const [index, [length, maxTokens]] of script.entries()) {
      fake.send(submitCommand(`r${index}`, [index, ...Array(length).fill(7)], { maxTokens }));
      if (index % 3 === 0) await fake.tick();
    }
    await fake.drain();
    // A preempted one starts again; the first time counts.
    expect([...new Set(fake.runner.started.map(([first]) => first))]).toEqual(
      script.map((_, index) => index),
    );
  }));
});

/** What ended it before its time. */
function checkRequest(
  fake: FakeEngine,
  requestId: string,
  request: Arrival,
  context: number,
): "DEADLINE" | "NOT_FINITE" | null {
  const end = fake.end(requestId);
  const prompt = promptOf(request);
  if (prompt.length >= context) {
    expect(end).toMatchObject({
      type: "failed",
      error: { code: "CAPACITY", details: { maxContext: context } },
    });
    return null;
  }
  const { maxTokens, minTokens, eos, seed, deadlineMs } = request;
  const sampling = { ...SAMPLING, minTokens, seed: BigInt(seed), stop: [] };
  const promptTokenIds = Uint32Array.from(prompt);
  const init = { sampling, bannedUntilMinTokens: eos, promptTokenIds, outputTokenIds: [] };
  const room = Math.min(maxTokens, context - prompt.length);
  const all = soloTokens(init, room, FAKE_LIMITS.vocabSize);
  const stop = all.findIndex((token, index) => index >= minTokens && eos.includes(token));
  const whole = stop < 0 ? all : all.slice(0, stop + 1);
  const tokens = fake.tokens(requestId);
  const overflows = end.type === "failed" && end.error.code === "NOT_FINITE";
  expect(fake.of(requestId).filter(({ type }) => type === "promptProcessed").length).toBe(
    tokens.length > 0 || overflows ? 1 : 0,
  );
  if (overflows) {
    expect([...tokens, NOT_FINITE]).toEqual(whole);
    expect(end.error.details["outputToken"]).toBe(whole.length);
    return "NOT_FINITE";
  }
  if (end.type === "failed") {
    expect(deadlineMs).toBeDefined();
    expect(end.error).toMatchObject({ code: "CAPACITY", details: { reason: "DEADLINE" } });
    expect(tokens).toEqual(whole.slice(0, tokens.length));
    return "DEADLINE";
  }
  expect(end.completionTokens).toBe(tokens.length);
  expect(end.cachedTokens).toBeLessThan(prompt.length);
  if (end.reason === "CANCELLED") {
    expect(tokens).toEqual(whole.slice(0, tokens.length));
    return null;
  }
  expect(tokens).toEqual(whole);
  expect(end.reason).toBe(stop >= 0 ? "STOP" : room < maxTokens ? "CONTEXT_FULL" : "LENGTH");
  return null;
}
