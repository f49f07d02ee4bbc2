/** Logits that are not finite: one request fails by name and keeps what it has said, its prompt is not shared, others go on. */
import { expect } from "@std/expect";
import type { TokenMatcher } from "../../src/constraint/service.ts";
import { NOT_FINITE } from "../../src/model/runner.ts";
import { gpuTest } from "../gpu/device.ts";
import { DeviceEngine } from "../support/device_engine.ts";
import { FakeEngine, SAMPLING, submitCommand } from "../support/fake_engine.ts";
import { FAKE_LIMITS } from "../support/fake_runner.ts";
import { OVERFLOWING, soloTokens } from "../support/fake_tokens.ts";
import {
  OVERFLOWING as OVERFLOWING_TOKEN,
  writeOverflowingCheckpoint,
} from "../support/overflowing_checkpoint.ts";
import { maskOf } from "../support/sampling.ts";
import { tempDir } from "../support/temp.ts";

const PROMPT = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

/** What a request with this seed says alone. */
const solo = (prompt: readonly number[], seed: bigint, count: number) =>
  soloTokens(
    {
      sampling: { ...SAMPLING, seed, stop: [] },
      bannedUntilMinTokens: [],
      promptTokenIds: Uint32Array.from(prompt),
      outputTokenIds: [],
    },
    count,
    FAKE_LIMITS.vocabSize,
  );

/** A seed for which it has no token after so many. */
function overflowingAfter(prompt: readonly number[], tokens: number): bigint {
  let seed = OVERFLOWING;
  while (solo(prompt, seed, tokens + 1).indexOf(NOT_FINITE) !== tokens) seed++;
  return seed;
}

for (const stepsPerSubmit of [1, 4]) {
  for (const count of [0, 1, 6]) {
    Deno.test(`Engine fails a request that has no token after ${count}, in submits of ${stepsPerSubmit}`, async () => {
      const fake = await FakeEngine.withModel({}, { stepsPerSubmit });
      const seed = overflowingAfter(PROMPT, count);
      const ill = submitCommand("ill", PROMPT, { maxTokens: 20, seed: `${seed}` });
      fake.send(ill, submitCommand("well", [9, 8, 7], { maxTokens: 20 }));
      await fake.drain();
      expect(fake.tokens("ill")).toEqual(solo(PROMPT, seed, count));
      expect(fake.of("ill").map(({ type }) => type)).toContain("promptProcessed");
      expect(fake.end("ill")).toEqual({
        type: "failed",
        requestId: "ill",
        error: {
          code: "NOT_FINITE",
          message:
            `Model "m" has logits that are not finite at output token ${count + 1}: not even f32 holds its ` +
            "activations, so its weights may be damaged; fetch or merge it anew (of a merge, geodesic verify finds " +
            "what is damaged)",
          details: {
            model: "m",
            outputToken: count + 1,
            precision: "f32",
            accumulation: "f32",
            kvCacheFormat: "f32",
          },
        },
      });
      expect(fake.tokens("well")).toEqual(solo([9, 8, 7], 7n, 20));
      // Only the one that went well has left anything behind.
      expect(fake.metrics().models).toMatchObject([{ running: 0, usedBlocks: 0, cachedBlocks: 0 }]);
      fake.send({ ...ill, requestId: "again" });
      await fake.drain();
      expect(fake.of("again").find(({ type }) => type === "promptProcessed")).toMatchObject({
        cachedTokens: 0,
      });
      expect(fake.tokens("again")).toEqual(fake.tokens("ill"));
      expect(fake.internalErrors).toEqual([]);
    });
  }
}

Deno.test("Engine leaves a prompt to whoever shares it, and lets nobody else find it", async () => {
  const fake = await FakeEngine.withModel();
  const seed = overflowingAfter(PROMPT, 3);
  const send = async (requestId: string, own: bigint, maxTokens = 20) => {
    fake.send(submitCommand(requestId, PROMPT, { maxTokens, seed: `${own}` }));
    await fake.tick();
  };
  const cachedTokens = (requestId: string) =>
    fake.of(requestId).flatMap((message) => message.type === "promptProcessed" ? [message.cachedTokens] : []);
  await send("first", 1n, 30);
  await fake.tick();
  await fake.tick();
  await send("ill", seed);
  while (fake.of("ill").at(-1)?.type !== "failed") await fake.tick();
  await send("third", 2n);
  await fake.drain();
  expect([cachedTokens("first"), cachedTokens("ill"), cachedTokens("third")]).toEqual([[0], [8], [0]]);
  expect(fake.tokens("first")).toEqual(solo(PROMPT, 1n, 30));
  expect(fake.tokens("third")).toEqual(solo(PROMPT, 2n, 20));
  expect(fake.metrics().models).toMatchObject([{ usedBlocks: 0 }]);
});

Deno.test("Engine fails a constrained request, too, and lets go of its matcher", async () => {
  let disposed = 0;
  const everything = maskOf([...Array(FAKE_LIMITS.vocabSize).keys()], FAKE_LIMITS.vocabSize);
  const matcher: TokenMatcher = {
    mask: everything,
    accept: () => Promise.resolve(everything),
    [Symbol.dispose]: () => void disposed++,
  };
  const fake = await FakeEngine.withModel({}, { openMatcher: () => Promise.resolve(matcher) });
  const seed = overflowingAfter(PROMPT, 2);
  fake.send(submitCommand("c", PROMPT, { maxTokens: 20, seed: `${seed}`, constraint: { regex: "a" } }));
  await fake.drain();
  expect(fake.tokens("c")).toEqual(solo(PROMPT, seed, 2));
  expect(fake.end("c")).toMatchObject({ error: { code: "NOT_FINITE", details: { outputToken: 3 } } });
  expect(disposed).toBe(1);
});

gpuTest("Engine on a device ends one generation and not its neighbour, guessed or not", async (device) => {
  await using dir = await tempDir();
  await writeOverflowingCheckpoint(dir.path);
  await using engine = new DeviceEngine(device, { stepsPerSubmit: 4, precision: "f16", blocks: 40 });
  await engine.load(dir.path);
  const counted = [...Array(OVERFLOWING_TOKEN + 1).keys()];
  // Its prompt is a block and more; it says 2 … 9.
  const prompt = [...Array(8).fill([14, 15]).flat(), 0, 1];
  const request = (id: string, ids: number[], more = {}) =>
    submitCommand(id, ids, { maxTokens: 12, ...more });
  await engine.serve([
    request("ill", prompt),
    request("well", [10]),
    request("warm", prompt, { temperature: 0.5 }),
  ]);
  for (const id of ["ill", "warm"]) {
    expect(engine.ids(id)).toEqual(counted.slice(2));
    const { message } = engine.of(id).flatMap((one) => one.type === "failed" ? [one.error] : [])[0]!;
    expect(message).toBe(
      'Model "m" has logits that are not finite at output token 9: its activations left the range of f16, which ends ' +
        "at 65,504; serve or run it with --precision f32",
    );
  }
  expect(engine.ids("well")).toEqual([11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6]);
  // Alone and repeating its prompt, so that it is guessed on the way.
  const round = [10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7, 8];
  await engine.serve([request("guessed", [...round, 10], { maxTokens: 20 })]);
  expect(engine.ids("guessed")).toEqual([...round.slice(1), 9]);
  const { draftedTokens, acceptedTokens, usedBlocks, cachedBlocks } = engine.metrics();
  expect([draftedTokens > 0, acceptedTokens > 0, usedBlocks, cachedBlocks]).toEqual([true, true, 0, 0]);
}, { feature: "shader-f16" });
