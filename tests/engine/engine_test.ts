/** One request's story through the engine: messages, finish reasons, run-ahead, cancellation, queue. */
import { expect } from "@std/expect";
import { FakeEngine, SAMPLING, settle, submitCommand } from "../support/fake_engine.ts";
import type { RequestFinished } from "../../src/engine/protocol.ts";
import { FAKE_LIMITS, PIECES } from "../support/fake_runner.ts";
import { soloTokens } from "../support/fake_tokens.ts";

const PROMPT = [1, 2, 3];

/** What the fake model answers to a prompt alone. */
function solo(
  count: number,
  prompt: readonly number[] = PROMPT,
  minTokens = 0,
  banned: number[] = [],
): number[] {
  const sampling = { ...SAMPLING, minTokens, seed: BigInt(SAMPLING.seed), stop: [] };
  const init = {
    sampling,
    bannedUntilMinTokens: banned,
    promptTokenIds: Uint32Array.from(prompt),
    outputTokenIds: [],
  };
  return soloTokens(init, count, FAKE_LIMITS.vocabSize);
}

Deno.test("Engine streams a request's messages in order and ends with LENGTH", async () => {
  const fake = await FakeEngine.withModel();
  fake.send(submitCommand("r", PROMPT, { maxTokens: 3 }));
  await fake.drain();
  const types = fake.of("r").map(({ type }) => type);
  expect(types).toEqual(["promptProcessed", "tokens", "tokens", "tokens", "finished"]);
  expect(fake.of("r")[0]).toMatchObject({ promptTokens: 3, cachedTokens: 0 });
  expect(fake.tokens("r")).toEqual(solo(3));
  expect(fake.end("r")).toMatchObject({ reason: "LENGTH", promptTokens: 3, completionTokens: 3 });
});

Deno.test("Engine answers a load with the model's figures and refuses the same key twice", async () => {
  const fake = await FakeEngine.withModel();
  const loaded = { type: "loaded", modelKey: "m", weightBytes: 1000, kvCacheBytes: 200, accumulation: "f32" };
  expect(fake.messages).toEqual([{ ...loaded, maxContext: 48, vocabSize: 64 }]);
  await fake.load("m");
  expect(fake.messages.at(-1)).toMatchObject({ type: "loadFailed", error: { code: "CONFIG" } });
  expect(fake.runners.size).toBe(1);
});

Deno.test("Engine serves a context no larger than the cache", async () => {
  const fake = await FakeEngine.withModel({ limits: { blockCount: 5 } });
  expect(fake.messages[0]).toMatchObject({ type: "loaded", maxContext: 20 });
  fake.send(submitCommand("r", PROMPT, { maxTokens: 1000 }));
  await fake.drain();
  expect(fake.end("r")).toMatchObject({ reason: "CONTEXT_FULL", completionTokens: 17 });
});

Deno.test("Engine stops at an end-of-sequence id, which is the last token, and drops what ran ahead", async () => {
  const expected = solo(4);
  const eos = expected[2]!;
  const fake = await FakeEngine.withModel();
  fake.send(submitCommand("r", PROMPT, {}, { eosTokenIds: [eos, 5000] }));
  await fake.drain();
  expect(fake.tokens("r")).toEqual(expected.slice(0, expected.indexOf(eos) + 1));
  expect(fake.end("r")).toMatchObject({ reason: "STOP" });
  expect(fake.metrics()).toMatchObject({ models: [{ usedBlocks: 0, running: 0, waiting: 0 }] });
  // One step was prepared before the stop was read; it does not count as one the request took part in.
  expect(fake.runner.batchSizes.length).toBe(fake.tokens("r").length + 1);
  expect(fake.end("r")).toMatchObject({ timings: { steps: fake.tokens("r").length } });
});

Deno.test("Engine stops at a stop id, and not at end-of-sequence when told to ignore it", async () => {
  const [first, second] = solo(2);
  const fake = await FakeEngine.withModel();
  fake.send(submitCommand("stop", PROMPT, { stopTokenIds: [second!] }));
  fake.send(submitCommand("ignore", PROMPT, { ignoreEos: true }, { eosTokenIds: [first!] }));
  await fake.drain();
  expect(fake.tokens("stop")).toEqual(solo(2));
  expect(fake.end("stop")).toMatchObject({ reason: "STOP" });
  expect(fake.tokens("ignore")).toEqual(solo(8));
  expect(fake.end("ignore")).toMatchObject({ reason: "LENGTH" });
});

Deno.test("Engine bans stops until minTokens are out and stops at the first after them", async () => {
  const eos = solo(1)[0]!;
  const fake = await FakeEngine.withModel();
  fake.send(submitCommand("r", PROMPT, { minTokens: 4, maxTokens: 40 }, { eosTokenIds: [eos] }));
  await fake.drain();
  const expected = solo(40, PROMPT, 4, [eos]);
  const stop = expected.indexOf(eos, 4);
  expect(expected[0]).not.toBe(eos);
  expect(stop).toBeGreaterThan(0);
  expect(fake.tokens("r")).toEqual(expected.slice(0, stop + 1));
  expect(fake.end("r")).toMatchObject({ reason: "STOP" });
});

Deno.test("Engine ends with CONTEXT_FULL when the context is used up before maxTokens", async () => {
  const fake = await FakeEngine.withModel({ limits: { maxContext: 10 } });
  fake.send(submitCommand("r", PROMPT, { maxTokens: 8 }), submitCommand("exact", PROMPT, { maxTokens: 7 }));
  await fake.drain();
  expect(fake.end("r")).toMatchObject({ reason: "CONTEXT_FULL", completionTokens: 7 });
  expect(fake.end("exact")).toMatchObject({ reason: "LENGTH", completionTokens: 7 });
});

Deno.test("Engine reads a prompt longer than the step budget in chunks", async () => {
  const prompt = Array.from({ length: 21 }, (_, index) => index);
  const fake = await FakeEngine.withModel();
  fake.send(submitCommand("r", prompt, { maxTokens: 2 }));
  await fake.drain();
  expect(fake.tokens("r")).toEqual(solo(2, prompt));
  expect(fake.of("r").filter(({ type }) => type === "promptProcessed").length).toBe(1);
  expect(fake.end("r")).toMatchObject({ timings: { steps: 4 } });
});

Deno.test("Engine prepares a step while the last one runs, and submits it before it looks at what came back", async () => {
  const log: string[] = [];
  const fake = await FakeEngine.withModel({ onEvent: (event) => log.push(event) });
  fake.onMessage = ({ type }) => log.push(type);
  fake.send(submitCommand("r", PROMPT, { maxTokens: 3 }));
  await fake.drain();
  expect(log).toEqual([
    ...["prepare 0", "submit 0"],
    ...["prepare 1", "collect 0", "submit 1", "promptProcessed", "tokens"],
    ...["prepare 2", "collect 1", "submit 2", "tokens"],
    ...["collect 2", "tokens", "finished"],
  ]);
  expect(fake.runner.maxInFlight).toBe(1);
  expect(fake.runner.idleSubmits).toEqual([0]);
});

for (const stepsPerSubmit of [1, 3, 4, 20]) {
  Deno.test(`Engine decodes ${stepsPerSubmit} steps a submit, and no further than asked`, async () => {
    const fake = await FakeEngine.withModel({ stepsPerSubmit: 2 }, { stepsPerSubmit });
    fake.send(submitCommand("r", PROMPT, { maxTokens: 12 }));
    await fake.drain();
    expect(fake.tokens("r")).toEqual(solo(12));
    // The prompt, which samples the first token, then as many at once as the runner takes.
    const most = Math.min(8, stepsPerSubmit);
    const counts = [1, ...Array(Math.floor(11 / most)).fill(most), 11 % most].filter((count) => count > 0);
    expect(fake.runner.stepCounts).toEqual(counts);
    expect(fake.of("r").filter(({ type }) => type === "tokens").length).toBe(counts.length);
    // The prompt finds the device idle.
    const submits = counts.length + PIECES;
    expect(fake.metrics()).toMatchObject({ steps: 12, submits, stepsPerSubmit: 12 / submits });
    const share = (counts.length - 1) / 11;
    expect(fake.end("r")).toMatchObject({ timings: { steps: 12 } });
    expect((fake.end("r") as RequestFinished).timings.submitsPerStep).toBeCloseTo(share);
  });
}

Deno.test("Engine takes as many steps a submit as the runner prefers, but one while somebody waits", async () => {
  const fake = await FakeEngine.withModel({ stepsPerSubmit: 4, limits: { maxSequences: 1 } });
  fake.send(submitCommand("a", PROMPT, { maxTokens: 5 }), submitCommand("b", PROMPT, { maxTokens: 5 }));
  await fake.drain();
  expect(fake.runner.stepCounts).toEqual([1, 1, 1, 1, 1, 1, 4]);
  expect([fake.tokens("a"), fake.tokens("b")]).toEqual([solo(5), solo(5)]);
});

Deno.test("Engine drops the steps of a submit that lie behind a stop", async () => {
  const expected = solo(6);
  const eos = expected[2]!;
  const fake = await FakeEngine.withModel({ stepsPerSubmit: 4 });
  fake.send(submitCommand("r", PROMPT, { maxTokens: 40 }, { eosTokenIds: [eos] }));
  await fake.drain();
  const tokens = expected.slice(0, expected.indexOf(eos) + 1);
  expect(fake.tokens("r")).toEqual(tokens);
  expect(fake.end("r")).toMatchObject({ reason: "STOP", timings: { steps: tokens.length } });
  expect(fake.metrics()).toMatchObject({ models: [{ usedBlocks: 0, running: 0 }] });
});

Deno.test("Engine decodes concurrent requests in one batch, each as it would be alone", async () => {
  const fake = await FakeEngine.withModel();
  fake.send(submitCommand("a", PROMPT), submitCommand("b", [9, 9]), submitCommand("c", [4]));
  await fake.drain();
  expect(fake.tokens("a")).toEqual(solo(8));
  expect(fake.tokens("b")).toEqual(solo(8, [9, 9]));
  expect(fake.tokens("c")).toEqual(solo(8, [4]));
  expect(fake.runner.batchSizes).toEqual(Array(8).fill(3));
});

Deno.test("Engine reports logprobs only when asked", async () => {
  const fake = await FakeEngine.withModel();
  fake.send(submitCommand("with", PROMPT, { logprobs: 2 }), submitCommand("without", PROMPT));
  await fake.drain();
  const first = (id: string) => fake.of(id).find((m) => m.type === "tokens")?.tokens[0];
  expect(first("without")).toEqual({ id: solo(1)[0] });
  const top = [{ id: 0, logprob: -1 }, { id: 1, logprob: -2 }];
  expect(first("with")).toEqual({ id: solo(1)[0], logprob: -0.5, top });
});

Deno.test("Engine cancels a running request: the batch is without it one step later", async () => {
  const fake = await FakeEngine.withModel();
  fake.send(submitCommand("a", PROMPT, { maxTokens: 40 }), submitCommand("b", [5], { maxTokens: 40 }));
  for (let turn = 0; turn < 5; turn++) await fake.tick();
  fake.send({ type: "cancel", requestId: "a" });
  expect(fake.end("a")).toMatchObject({ reason: "CANCELLED", completionTokens: fake.tokens("a").length });
  const before = fake.runner.batchSizes.length;
  await fake.tick();
  expect(fake.runner.batchSizes.slice(before)).toEqual([1]);
  expect(fake.metrics()).toMatchObject({ lastBatchSize: 1, models: [{ running: 1, waiting: 0 }] });
  fake.send({ type: "cancel", requestId: "b" }, { type: "cancel", requestId: "b" });
  await fake.drain();
  expect(fake.runner.batchSizes.slice(before)).toEqual([1]);
  expect(fake.metrics()).toMatchObject({ lastBatchSize: 0, models: [{ running: 0, usedBlocks: 0 }] });
  expect(fake.tokens("a")).toEqual(solo(fake.tokens("a").length));
});

Deno.test("Engine cancels a waiting request and one in the middle of its prompt", async () => {
  const long = Array.from({ length: 30 }, (_, index) => index);
  const fake = await FakeEngine.withModel({ limits: { maxSequences: 1 } });
  fake.send(submitCommand("prompting", long), submitCommand("waiting", PROMPT));
  await fake.tick();
  fake.send({ type: "cancel", requestId: "waiting" }, { type: "cancel", requestId: "prompting" });
  await fake.drain();
  for (const id of ["prompting", "waiting"]) {
    expect(fake.end(id)).toMatchObject({ reason: "CANCELLED", completionTokens: 0 });
  }
  expect(fake.end("waiting")).toMatchObject({ timings: { steps: 0, prefillMs: 0, ttftMs: 0 } });
  expect(fake.metrics()).toMatchObject({ models: [{ usedBlocks: 0, running: 0, waiting: 0 }] });
  // Cancelling what has ended or never was is nothing.
  const count = fake.messages.length;
  fake.send({ type: "cancel", requestId: "waiting" }, { type: "cancel", requestId: "never" });
  expect(fake.messages.length).toBe(count);
});

Deno.test("Engine tells waiting requests their position whenever it changes", async () => {
  const fake = await FakeEngine.withModel({ limits: { maxSequences: 1 } });
  for (const id of ["a", "b", "c", "d"]) fake.send(submitCommand(id, PROMPT, { maxTokens: 2 }));
  await fake.tick();
  fake.send({ type: "cancel", requestId: "c" });
  await fake.drain();
  const positions = (id: string) => fake.of(id).flatMap((m) => m.type === "queued" ? [m.position] : []);
  expect(["a", "b", "c", "d"].map(positions)).toEqual([[], [1], [2], [3, 2, 1]]);
  const types = (id: string) => fake.of(id).map(({ type }) => type).filter((type) => type !== "tokens");
  expect(types("a")).toEqual(["promptProcessed", "finished"]);
  expect(types("b")).toEqual(["queued", "started", "promptProcessed", "finished"]);
  expect(types("c")).toEqual(["queued", "finished"]);
});

Deno.test("Engine refuses a request beyond its bounded queue and says when to come back", async () => {
  const fake = await FakeEngine.withModel({ limits: { maxSequences: 1 } }, { maxWaiting: 2 });
  for (const id of ["a", "b"]) fake.send(submitCommand(id, PROMPT));
  await fake.tick();
  for (const id of ["c", "d"]) fake.send(submitCommand(id, PROMPT));
  const details = { modelKey: "m", waiting: 2, maxWaiting: 2, retryAfterMs: 1000 };
  expect(fake.end("d")).toMatchObject({ type: "failed", error: { code: "CAPACITY", details } });
  await fake.drain();
  expect(["a", "b", "c"].map((id) => fake.end(id).type)).toEqual(Array(3).fill("finished"));
});

Deno.test("Engine ignores a second use of an open request id", async () => {
  const fake = await FakeEngine.withModel();
  fake.send(submitCommand("r", PROMPT), submitCommand("r", [9]));
  await fake.drain();
  expect(fake.tokens("r")).toEqual(solo(8));
  expect(fake.end("r").type).toBe("finished");
});

Deno.test("Engine steps several models in turn", async () => {
  const fake = await FakeEngine.withModel();
  await fake.load("n");
  fake.send(submitCommand("a", PROMPT), submitCommand("b", PROMPT, {}, { modelKey: "n" }));
  const ticks = await fake.drain();
  expect(ticks).toBeLessThan(14);
  expect(fake.tokens("a")).toEqual(solo(8));
  expect(fake.tokens("b")).toEqual(solo(8));
  expect(fake.metrics().models.map(({ modelKey }) => modelKey)).toEqual(["m", "n"]);
});

Deno.test("Engine tells how many bytes its steps read a second, once the device has read them", async () => {
  const fake = await FakeEngine.withModel();
  expect(fake.metrics().readBytesPerSecond).toBe(0);
  fake.send(submitCommand("a", PROMPT, { maxTokens: 8 }));
  await fake.drain();
  // Eight steps of 1,000 bytes, a token each.
  const { steps, tokensPerSecond, readBytesPerSecond } = fake.metrics();
  expect(steps).toBe(8);
  expect(readBytesPerSecond).toBeCloseTo(1000 * tokensPerSecond, 6);
});

Deno.test("Engine times a request by the clock it is given and counts by its steps", async () => {
  const fake = await FakeEngine.withModel({ limits: { maxSequences: 1 } });
  fake.send(submitCommand("a", PROMPT, { maxTokens: 3 }), submitCommand("b", PROMPT, { maxTokens: 3 }));
  await fake.drain();
  const end = fake.end("b");
  // Turns last 10 ms. "a" is submitted in the first and read in the next three, and "b" starts in the one after those.
  expect(end).toMatchObject({
    timings: {
      steps: 3,
      dispatchesPerStep: 11,
      submitsPerStep: 1,
      readbackBytesPerStep: 4,
      queueMs: 50,
      prefillMs: 10,
      ttftMs: 60,
      decodeMs: 20,
      decodeTokensPerSecond: 100,
    },
  });
  expect(fake.metrics()).toMatchObject({ steps: 6, generatedTokens: 6, dispatchesPerStep: 11 });
});

Deno.test("Engine rests when there is nothing to do", async () => {
  const fake = await FakeEngine.withModel();
  fake.send(submitCommand("r", PROMPT));
  await fake.drain();
  await settle();
  fake.metrics();
  expect(await fake.tick()).toBe(false);
});
