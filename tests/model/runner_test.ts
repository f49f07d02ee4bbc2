/** What a step costs and refuses, and what a runner leaves behind. */
import { expect } from "@std/expect";
import { CapacityError } from "../../src/errors.ts";
import { liveBufferCount } from "../../src/gpu/buffer.ts";
import { loadModel } from "../../src/model/load.ts";
import type { BlockId, Slot, StepPlan } from "../../src/model/runner.ts";
import { gpuTest } from "../gpu/device.ts";
import { demoParent, fixture, generate, GREEDY, LOAD } from "./harness.ts";

const block = (id: number) => [id as BlockId];
const decode = (slot: number, position: number) => ({
  slot: slot as Slot,
  position,
  blockTable: block(slot),
});
const chunk = (slot: number, tokens: number[], sample = true) => ({
  slot: slot as Slot,
  tokenIds: Uint32Array.from(tokens),
  start: 0,
  sample,
  blockTable: block(slot),
});

gpuTest("submit() costs one submit, five dispatches a layer and four bytes a sequence", async (device) => {
  using runner = await loadModel(device, demoParent("helper"), LOAD);
  const layers = 8;
  const dispatches = 1 + 5 * layers + 1 + 1; // embed, layers, lm_head, sample
  for (const slot of [0, 1, 2]) runner.initSlot(slot as Slot, GREEDY);
  const buffers = liveBufferCount();
  const prompts = runner.submit({ prompts: [chunk(0, [1, 5, 9]), chunk(1, [1])], decodes: [] });
  expect(prompts.cost).toEqual({ dispatches, submits: 1, readbackBytes: 8 });
  const mixed = runner.submit({ prompts: [chunk(2, [1, 7], false)], decodes: [decode(0, 3), decode(1, 1)] });
  expect(mixed.cost).toEqual({ dispatches, submits: 1, readbackBytes: 8 });
  await prompts.collect();
  for (let position = 4; position < 8; position++) {
    const step = runner.submit({ prompts: [], decodes: [decode(0, position)] });
    expect(step.cost).toEqual({ dispatches, submits: 1, readbackBytes: 4 });
    await step.collect();
  }
  await mixed.collect();
  expect(liveBufferCount()).toBe(buffers);
});

gpuTest("submit() skips the output head where nothing samples", async (device) => {
  using runner = await loadModel(device, fixture("gqa"), LOAD);
  runner.initSlot(0 as Slot, GREEDY);
  const step = runner.submit({ prompts: [chunk(0, [1, 2, 3], false)], decodes: [] });
  expect(step.cost).toEqual({ dispatches: 1 + 5 * 3, submits: 1, readbackBytes: 4 });
  expect(await step.collect()).toEqual([]);
});

gpuTest("submit() does not let the chunks of a prompt pile up on the device", async (device) => {
  using runner = await loadModel(device, fixture("gqa"), LOAD);
  runner.initSlot(0 as Slot, GREEDY);
  const plan: StepPlan = { prompts: [chunk(0, [1, 2, 3], false)], decodes: [] };
  const steps = Array.from({ length: 4 }, () => runner.submit(plan));
  expect(() => runner.submit(plan)).toThrow(CapacityError);
  await steps[0]!.collect(); // Returns when the device is done with it, and makes room.
  steps.push(runner.submit(plan));
  for (const step of steps.slice(1)) await step.collect();
});

gpuTest("submit() runs ahead of collect(), but not without bound", async (device) => {
  using runner = await loadModel(device, fixture("gqa"), LOAD);
  runner.initSlot(0 as Slot, GREEDY);
  const steps = [runner.submit({ prompts: [chunk(0, [1, 2, 3])], decodes: [] })];
  for (const position of [3, 4, 5]) {
    steps.push(runner.submit({ prompts: [], decodes: [decode(0, position)] }));
  }
  const tooMany = () => runner.submit({ prompts: [], decodes: [decode(0, 6)] });
  expect(tooMany).toThrow(CapacityError);
  const ahead = [];
  for (const step of steps) ahead.push(...await step.collect());
  const [awaited] = await generate(runner, [{ prompt: [1, 2, 3], count: 4, slot: 1, firstBlock: 1 }]);
  expect(ahead.map(({ id }) => id)).toEqual(awaited!.map(({ id }) => id));
});

gpuTest("submit() refuses plans outside its limits and stays usable", async (device) => {
  using runner = await loadModel(device, fixture("gqa"), LOAD);
  const { maxSequences, blockCount, vocabSize, maxPromptTokens } = runner.limits;
  const prompts = (...prompts: StepPlan["prompts"]): StepPlan => ({ prompts, decodes: [] });
  const bad: Record<string, StepPlan> = {
    "unknown slot": prompts(chunk(maxSequences, [1])),
    "slot twice": { prompts: [chunk(1, [1])], decodes: [decode(1, 1)] },
    "empty chunk": prompts(chunk(0, [])),
    "token beyond the vocabulary": prompts(chunk(0, [vocabSize])),
    "negative start": prompts({ ...chunk(0, [1]), start: -1 }),
    "block table too short": prompts(chunk(0, Array(17).fill(1))),
    "unknown block": prompts({ ...chunk(0, [1]), blockTable: block(blockCount) }),
    "beyond the context": { prompts: [], decodes: [decode(0, runner.limits.maxContext)] },
    "negative position": { prompts: [], decodes: [decode(0, -1)] },
    "too many tokens": prompts({
      ...chunk(0, Array(maxPromptTokens + 1).fill(1)),
      blockTable: Array.from({ length: 64 }, (_, i) => i as BlockId),
    }),
  };
  const accepted = Object.keys(bad).filter((name) => {
    try {
      runner.submit(bad[name]!);
      return true;
    } catch (error) {
      return !(error instanceof RangeError);
    }
  });
  expect(accepted).toEqual([]);
  expect(() => runner.initSlot(maxSequences as Slot, GREEDY)).toThrow(RangeError);
  const [tokens] = await generate(runner, [{ prompt: [1, 2, 3], count: 2, slot: 0, firstBlock: 0 }]);
  expect(tokens!.length).toBe(2);
});

gpuTest("disposing a runner leaves no buffer behind", async (device) => {
  const before = liveBufferCount();
  const runner = await loadModel(device, fixture("gqa"), LOAD);
  expect(liveBufferCount()).toBeGreaterThan(before);
  expect(runner.memory.weightBytes).toBeGreaterThan(380_000 - 4000);
  await generate(runner, [{ prompt: [1, 2, 3], count: 2, slot: 0, firstBlock: 0 }]);
  runner[Symbol.dispose]();
  expect(liveBufferCount()).toBe(before);
});
