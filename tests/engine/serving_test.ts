/** What many requests do to each other: cached prefixes, preemption, priorities, deadlines, prompts beside decodes. */
import { expect } from "@std/expect";
import { AGEING_STEPS } from "../../src/engine/ranking.ts";
import { FakeEngine, SAMPLING, submitCommand } from "../support/fake_engine.ts";
import { FAKE_LIMITS } from "../support/fake_runner.ts";
import { soloTokens } from "../support/fake_tokens.ts";

function solo(count: number, prompt: readonly number[]): number[] {
  const sampling = { ...SAMPLING, seed: BigInt(SAMPLING.seed), stop: [] };
  const promptTokenIds = Uint32Array.from(prompt);
  const init = { sampling, bannedUntilMinTokens: [], promptTokenIds, outputTokenIds: [] };
  return soloTokens(init, count, FAKE_LIMITS.vocabSize);
}

const range = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index);
const processed = (fake: FakeEngine, id: string) =>
  fake.of(id).find(({ type }) => type === "promptProcessed");

Deno.test("Engine takes the blocks of a prompt from one that began alike, and says how much", async () => {
  const fake = await FakeEngine.withModel(); // blocks of 4
  fake.send(submitCommand("first", range(10)));
  await fake.drain();
  expect(processed(fake, "first")).toMatchObject({ promptTokens: 10, cachedTokens: 0 });
  expect(fake.metrics().models).toMatchObject([{ usedBlocks: 0, cachedBlocks: 2 }]);
  const prompts = { same: range(10), longer: range(17), whole: range(8), parts: [...range(6), 9, 9, 9] };
  for (const [id, prompt] of Object.entries(prompts)) fake.send(submitCommand(id, prompt));
  await fake.drain();
  for (const [id, prompt] of Object.entries(prompts)) expect(fake.tokens(id)).toEqual(solo(8, prompt));
  const cached = Object.keys(prompts).map((id) =>
    (processed(fake, id) as { cachedTokens: number }).cachedTokens
  );
  // Of a prompt that is cached to its end, the last block is computed, for its last token samples.
  expect(cached).toEqual([8, 8, 4, 4]);
  expect(fake.end("same")).toMatchObject({ promptTokens: 10, cachedTokens: 8 });
  expect(fake.metrics().models).toMatchObject([{
    prefixCacheQueries: 10 + 10 + 17 + 8 + 9,
    prefixCacheHits: 24,
  }]);
});

Deno.test("Engine gives nobody the blocks of a prompt with another salt", async () => {
  const fake = await FakeEngine.withModel();
  const ask = async (id: string, cacheSalt?: string) => {
    fake.send({ ...submitCommand(id, range(10)), ...(cacheSalt === undefined ? {} : { cacheSalt }) });
    await fake.drain();
    expect(fake.tokens(id)).toEqual(solo(8, range(10)));
    return (processed(fake, id) as { cachedTokens: number }).cachedTokens;
  };
  expect(await ask("alice", "alice")).toBe(0);
  expect(await ask("bob", "bob")).toBe(0);
  expect(await ask("nobody")).toBe(0);
  expect(await ask("alice again", "alice")).toBe(8);
  fake.send({ ...submitCommand("long", range(10)), cacheSalt: "x".repeat(201) });
  await fake.drain();
  expect(fake.end("long")).toMatchObject({ error: { code: "CONFIG", details: { field: "cacheSalt" } } });
});

Deno.test("Engine never gives outputs as a cached prefix, though the next prompt may repeat them", async () => {
  const fake = await FakeEngine.withModel();
  fake.send(submitCommand("turn 1", range(6), { maxTokens: 12 }));
  await fake.drain();
  const prompt = [...range(6), ...fake.tokens("turn 1"), 1, 2];
  fake.send(
    submitCommand("turn 2", prompt, { maxTokens: 4 }),
    submitCommand("again", prompt, { maxTokens: 4 }),
  );
  await fake.drain();
  expect(processed(fake, "turn 2")).toMatchObject({ cachedTokens: 4 });
  expect(fake.tokens("turn 2")).toEqual(solo(4, prompt));
  fake.send(submitCommand("turn 3", prompt, { maxTokens: 4 }));
  await fake.drain();
  expect(processed(fake, "turn 3")).toMatchObject({ cachedTokens: 16 });
});

Deno.test("Engine forgets cached blocks when they are needed, the oldest first", async () => {
  const fake = await FakeEngine.withModel({ limits: { blockCount: 6, maxContext: 24 } });
  for (const [id, from] of [["a", 0], ["b", 20], ["c", 40]] as const) {
    fake.send(submitCommand(id, range(9, from), { maxTokens: 4 }));
    await fake.drain();
  }
  for (const [id, from] of [["c2", 40], ["a2", 0]] as const) {
    fake.send(submitCommand(id, range(9, from), { maxTokens: 1 }));
    await fake.drain();
  }
  expect(processed(fake, "c2")).toMatchObject({ cachedTokens: 8 });
  // Its two blocks were the oldest when "c" needed a third, and the end of a prefix goes before its beginning.
  expect(processed(fake, "a2")).toMatchObject({ cachedTokens: 4 });
});

Deno.test("Engine keeps a prefix that one request shares from another that needs blocks in the same step", async () => {
  const fake = await FakeEngine.withModel({ limits: { blockCount: 9, maxContext: 36, maxPromptTokens: 64 } });
  for (const [id, prompt] of [["old", range(9)], ["young", range(17, 40)]] as const) {
    fake.send(submitCommand(id, prompt, { maxTokens: 1 }));
    await fake.drain();
  }
  // Three blocks are free, and the first needs four: the next to go would be the end of the second's prefix.
  fake.send(
    submitCommand("first", range(14, 20), { maxTokens: 1 }),
    submitCommand("second", range(9), { maxTokens: 1 }),
  );
  await fake.tick();
  expect(fake.runner.batchSizes.at(-1)).toBe(2);
  await fake.drain();
  expect(fake.end("second")).toMatchObject({ cachedTokens: 8 });
  expect(fake.tokens("second")).toEqual(solo(1, range(9)));
});

Deno.test("Engine preempts the last of the queue when blocks run out, and nobody can tell from the answers", async () => {
  const fake = await FakeEngine.withModel({ limits: { blockCount: 6, maxContext: 24 } });
  const requests = { a: [1, 2, 3], b: [4, 5], c: [6] };
  for (const [id, prompt] of Object.entries(requests)) {
    fake.send(submitCommand(id, prompt, { maxTokens: 15 }));
  }
  await fake.drain();
  for (const [id, prompt] of Object.entries(requests)) {
    expect(fake.tokens(id)).toEqual(solo(15, prompt));
    const types = fake.of(id).map(({ type }) => type).filter((type) => type !== "tokens");
    // To its owner it has been running all the time.
    expect(types).toEqual(["promptProcessed", "finished"]);
  }
  const [model] = fake.metrics().models;
  expect(model).toMatchObject({ usedBlocks: 0, running: 0, waiting: 0 });
  expect(model!.preemptions).toBeGreaterThan(0);
  const ends = fake.messages.flatMap((m) => m.type === "finished" ? [m.requestId] : []);
  expect(ends).toEqual(["a", "b", "c"]);
});

Deno.test("Engine cancels a preempted request while its last step is in flight, and while it waits", async () => {
  for (const delay of [0, 1, 2, 3]) {
    const fake = await FakeEngine.withModel({ limits: { blockCount: 6, maxContext: 24 } });
    for (const id of ["a", "b", "c"]) fake.send(submitCommand(id, [7, 8, 9], { maxTokens: 20 }));
    while (fake.metrics().models[0]!.preemptions === 0) await fake.tick();
    for (let turn = 0; turn < delay; turn++) await fake.tick();
    fake.send({ type: "cancel", requestId: "c" });
    await fake.drain();
    expect(fake.end("c")).toMatchObject({ reason: "CANCELLED" });
    expect([fake.tokens("a"), fake.tokens("b")]).toEqual([solo(20, [7, 8, 9]), solo(20, [7, 8, 9])]);
    expect(fake.metrics().models).toMatchObject([{ usedBlocks: 0, waiting: 0 }]);
  }
});

Deno.test("Engine serves higher priorities first, and refuses those that there are not", async () => {
  const fake = await FakeEngine.withModel({ limits: { maxSequences: 1 } });
  fake.send(submitCommand("now", [1], { maxTokens: 3 }));
  await fake.tick();
  for (const [id, priority] of [["low", -1], ["normal", 0], ["high", 3], ["normal 2", 0]] as const) {
    fake.send(submitCommand(id, [2], { maxTokens: 1 }, { priority }));
  }
  fake.send(
    submitCommand("bad", [1], {}, { priority: 11 }),
    submitCommand("half", [1], {}, { priority: 0.5 }),
  );
  await fake.drain();
  const ends = fake.messages.flatMap((m) => m.type === "finished" ? [m.requestId] : []);
  expect(ends).toEqual(["now", "high", "normal", "normal 2", "low"]);
  for (const id of ["bad", "half"]) {
    expect(fake.end(id)).toMatchObject({ error: { code: "CONFIG", details: { field: "priority" } } });
  }
});

Deno.test("Engine lets no stream of high priorities starve a low one", async () => {
  const fake = await FakeEngine.withModel({ limits: { maxSequences: 1 } });
  fake.send(submitCommand("busy", [1], { maxTokens: 5 }));
  await fake.tick();
  fake.send(submitCommand("low", [2], { maxTokens: 1 }, { priority: -1 }));
  let sent = 0;
  while (!fake.of("low").some(({ type }) => type === "finished")) {
    fake.send(submitCommand(`high ${sent++}`, [3], { maxTokens: 2 }, { priority: 0 }));
    await fake.tick();
    await fake.tick();
    expect(fake.metrics().steps).toBeLessThan(3 * AGEING_STEPS);
  }
  expect(fake.metrics().steps).toBeGreaterThan(AGEING_STEPS / 2);
  await fake.drain();
});

Deno.test("Engine fails what has not ended at its deadline, running or waiting, and keeps what came before", async () => {
  const fake = await FakeEngine.withModel({ limits: { maxSequences: 1 } });
  fake.send(submitCommand("running", [1], { maxTokens: 40 }, { deadlineMs: 85 }));
  fake.send(submitCommand("waiting", [2], { maxTokens: 40 }, { deadlineMs: 50 }));
  fake.send(submitCommand("in time", [3], { maxTokens: 3 }, { deadlineMs: 1000 }));
  await fake.drain();
  const error = { code: "CAPACITY", details: { reason: "DEADLINE", completionTokens: 0 } };
  expect(fake.end("waiting")).toMatchObject({ type: "failed", error });
  expect(fake.tokens("running").length).toBe(7); // Turns last 10 ms, and the first token is read in the second.
  expect(fake.end("running")).toMatchObject({
    error: { details: { reason: "DEADLINE", completionTokens: 7 } },
  });
  expect(fake.tokens("in time")).toEqual(solo(3, [3]));
  expect(fake.metrics().models).toMatchObject([{ usedBlocks: 0 }]);
  fake.send(submitCommand("never", [1], {}, { deadlineMs: NaN }));
  expect(fake.end("never")).toMatchObject({ error: { code: "CONFIG", details: { field: "deadlineMs" } } });
});

Deno.test("Engine lets a long prompt take only a few tokens of a step in which others decode", async () => {
  const sizes: number[] = [];
  const fake = await FakeEngine.withModel({
    onPrepare: (_, [plan]) =>
      sizes.push(plan!.prompts.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0)),
  }, { batch: { mixedPromptTokens: 4 } });
  fake.send(submitCommand("stream", [1], { maxTokens: 7 }));
  await fake.tick();
  fake.send(submitCommand("long", range(34), { maxTokens: 2 }));
  await fake.drain();
  // The stream decodes in six steps; then the budget is the whole 8 tokens again.
  expect(sizes).toEqual([1, 4, 4, 4, 4, 4, 4, 8, 2, 0]);
  expect(fake.tokens("stream")).toEqual(solo(7, [1]));
  expect(fake.tokens("long")).toEqual(solo(2, range(34)));
});
