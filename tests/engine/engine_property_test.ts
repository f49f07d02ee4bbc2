/**
 * Random arrivals, cancels, stops and exhaustion over the whole engine. The fake runner checks on every submit that
 * no block or slot in flight is reused; here: every request ends once, its tokens are those it gets alone, in order
 * and without gaps, the queue is served in order of arrival, and nothing leaks.
 */
import { expect } from "@std/expect";
import fc from "fast-check";
import { FakeEngine, SAMPLING, submitCommand } from "../support/fake_engine.ts";
import { FAKE_LIMITS, soloTokens } from "../support/fake_runner.ts";

interface Arrival {
  readonly prompt: number[];
  readonly maxTokens: number;
  readonly minTokens: number;
  readonly eos: number[];
  readonly seed: number;
}
type Act = { readonly submit: Arrival } | { readonly cancel: number } | { readonly ticks: number };

const id = fc.nat(FAKE_LIMITS.vocabSize - 1);
const arrival: fc.Arbitrary<Arrival> = fc.record({
  prompt: fc.array(id, { minLength: 1, maxLength: 47 }),
  maxTokens: fc.integer({ min: 1, max: 60 }),
  minTokens: fc.nat(6),
  // Many ids end it, so that stops are common and come at every distance.
  eos: fc.array(id, { maxLength: 12 }),
  seed: fc.nat(1000),
});
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ submit: arrival }) },
  { weight: 1, arbitrary: fc.record({ cancel: fc.nat(40) }) },
  { weight: 2, arbitrary: fc.record({ ticks: fc.integer({ min: 1, max: 6 }) }) },
);
const limits = fc.record({
  maxSequences: fc.integer({ min: 1, max: 5 }),
  blockSize: fc.integer({ min: 1, max: 7 }),
  // From a cache that holds one sequence of the whole context down to one that does not.
  blockCount: fc.integer({ min: 2, max: 40 }),
  maxContext: fc.integer({ min: 2, max: 48 }),
  maxPromptTokens: fc.integer({ min: 1, max: 20 }),
});

Deno.test("Engine ends every request once, with the tokens it gets alone, and leaks nothing", async () => {
  const runAheads = fc.integer({ min: 0, max: 3 });
  const acts = fc.array(act, { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(limits, runAheads, acts, async (size, runAhead, script) => {
      const fake = await FakeEngine.withModel({ limits: size }, { runAhead });
      const context = Math.min(size.maxContext, size.blockCount * size.blockSize);
      const arrivals = new Map<string, Arrival>();
      for (const step of script) {
        if ("submit" in step) {
          const { prompt, maxTokens, minTokens, eos, seed } = step.submit;
          const requestId = `r${arrivals.size}`;
          arrivals.set(requestId, step.submit);
          const sampling = { maxTokens, minTokens, seed: `${seed}` };
          fake.send(submitCommand(requestId, prompt, sampling, { eosTokenIds: eos }));
        } else if ("cancel" in step) {
          fake.send({ type: "cancel", requestId: `r${step.cancel}` });
        } else {
          for (let tick = 0; tick < step.ticks; tick++) await fake.tick();
        }
        const { running, usedBlocks } = fake.metrics().models[0]!;
        expect(running).toBeLessThanOrEqual(size.maxSequences);
        expect(usedBlocks).toBeLessThanOrEqual(size.blockCount);
      }
      // Nobody starves: even one at a time, a request takes its prompt's chunks and a turn per token.
      const bound = arrivals.size * (48 / size.maxPromptTokens + 60 + runAhead + 2) + 10;
      expect(await fake.drain()).toBeLessThan(bound);

      for (const [requestId, request] of arrivals) checkRequest(fake, requestId, request, context);
      const order = fake.runner.started.map((prompt) => prompt.join());
      const arrived = [...arrivals.values()].map(({ prompt }) => prompt.join());
      expect(isSubsequence(order, arrived)).toBe(true);
      expect(fake.internalErrors).toEqual([]);
      expect(fake.metrics().models).toMatchObject([{ running: 0, waiting: 0, usedBlocks: 0 }]);

      fake.send({ type: "close" });
      await fake.drain();
      expect(fake.messages.slice(-2).map(({ type }) => type)).toEqual(["unloaded", "closed"]);
      expect(fake.runner.disposed).toBe(true);
    }),
    { numRuns: 300 },
  );
});

function checkRequest(fake: FakeEngine, requestId: string, request: Arrival, context: number): void {
  const end = fake.end(requestId);
  if (request.prompt.length >= context) {
    expect(end).toMatchObject({ type: "failed", error: { code: "CAPACITY" } });
    return;
  }
  const { prompt, maxTokens, minTokens, eos, seed } = request;
  const sampling = { ...SAMPLING, minTokens, seed: BigInt(seed), stop: [] };
  const init = {
    sampling,
    bannedUntilMinTokens: eos,
    promptTokenIds: Uint32Array.from(prompt),
    outputTokenIds: [],
  };
  const room = Math.min(maxTokens, context - prompt.length);
  const all = soloTokens(init, room, FAKE_LIMITS.vocabSize);
  const stop = all.findIndex((token, index) => index >= minTokens && eos.includes(token));
  const whole = stop < 0 ? all : all.slice(0, stop + 1);
  const tokens = fake.tokens(requestId);
  if (end.type !== "finished") throw new Error(`${requestId} failed: ${JSON.stringify(end)}`);
  expect(end.completionTokens).toBe(tokens.length);
  if (end.reason === "CANCELLED") {
    expect(tokens).toEqual(whole.slice(0, tokens.length));
    return;
  }
  expect(tokens).toEqual(whole);
  expect(end.reason).toBe(stop >= 0 ? "STOP" : room < maxTokens ? "CONTEXT_FULL" : "LENGTH");
}

/** Started prompts are arrived ones in the same order, cancelled and refused ones left out. */
function isSubsequence(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0;
  for (const item of whole) if (item === part[at]) at++;
  return at === part.length;
}
