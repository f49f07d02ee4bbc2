/** What a step costs and refuses, and what a runner leaves behind. */
import { expect } from "@std/expect";
import { CapacityError } from "../../src/errors.ts";
import { liveBufferCount } from "../../src/gpu/buffer.ts";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { StepEncoder } from "../../src/gpu/encoder.ts";
import { loadModel } from "../../src/model/load.ts";
import type { BlockId, ModelRunner, Slot, SlotInit, StepPlan } from "../../src/model/runner.ts";
import { gpuTest } from "../gpu/device.ts";
import { SAMPLING } from "../support/sampling.ts";
import { demoParent, fixture, generate, GREEDY, type Job, LOAD } from "./harness.ts";

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
  replay: false,
  sample,
  blockTable: block(slot),
});

const prompts = (...prompts: StepPlan["prompts"]): StepPlan => ({ prompts, decodes: [] });
const decodes = (...decodes: StepPlan["decodes"]): StepPlan => ({ prompts: [], decodes });
/** Submits as the engine does, without anything ahead. */
const submit = (runner: ModelRunner, ...plans: StepPlan[]) => runner.prepare(plans).submit();

gpuTest("prepare() costs one submit, five dispatches a layer and four bytes a sequence", async (device) => {
  using runner = await loadModel(device, demoParent("helper"), LOAD);
  const layers = 8;
  const dispatches = 1 + 5 * layers + 1 + 2; // embed, layers, lm_head, sample
  for (const slot of [0, 1, 2]) runner.initSlot(slot as Slot, GREEDY);
  const buffers = liveBufferCount();
  const first = runner.prepare([prompts(chunk(0, [1, 5, 9]), chunk(1, [1]))]);
  expect(first.costs).toMatchObject([{ dispatches, submits: 1, readbackBytes: 8 }]);
  const prompting = first.submit();
  const mixed = runner.prepare([{
    prompts: [chunk(2, [1, 7], false)],
    decodes: [decode(0, 3), decode(1, 1)],
  }]);
  expect(mixed.costs).toMatchObject([{ dispatches, submits: 1, readbackBytes: 8 }]);
  await prompting.collect();
  await mixed.submit().collect();
  const steps = runner.prepare([4, 5, 6, 7].map((position) => decodes(decode(0, position))));
  expect(steps.costs).toMatchObject(Array(4).fill({ dispatches, submits: 0.25, readbackBytes: 4 }));
  expect((await steps.submit().collect()).map(({ length }) => length)).toEqual([1, 1, 1, 1]);
  expect(liveBufferCount()).toBe(buffers);
});

gpuTest(
  "prepare() counts what a step reads: matrices once, the head if anything samples, keys by row",
  async (device) => {
    using runner = await loadModel(device, demoParent("helper"), LOAD);
    for (const slot of [0, 1, 2]) runner.initSlot(slot as Slot, GREEDY);
    const reads = async (plan: StepPlan) => {
      const step = runner.prepare([plan]);
      await step.submit().collect();
      return step.costs[0]!.readBytes;
    };
    const silent = await reads(prompts(chunk(2, [1, 7], false)));
    const [one, two] = [await reads(prompts(chunk(0, [1]))), await reads(prompts(chunk(1, [1, 5])))];
    // A token more: its row of the embedding, and its keys and values.
    const token = two - one;
    const row = await reads(decodes(decode(0, 1))) - one; // another token's keys and values
    expect(token).toBeGreaterThan(row);
    expect(await reads({ prompts: [], decodes: [decode(0, 2), decode(1, 2)] })).toBe(
      await reads(decodes(decode(0, 3))) + (token - row) + 2 * row,
    );
    const head = two - silent;
    expect(head).toBeGreaterThan(0);
    expect(head).toBeLessThan(silent);
  },
);

gpuTest("of prompt rows that do not sample, the last layer computes keys and values only", async (device) => {
  using runner = await loadModel(device, fixture("gqa"), LOAD);
  for (const slot of [0, 1, 2, 3]) runner.initSlot(slot as Slot, GREEDY);
  // rows and firstRow of each dispatch of a step
  const rows: [name: string, first: number, end: number][] = [];
  const { dispatch } = StepEncoder.prototype;
  StepEncoder.prototype.dispatch = function (kernel, params: Readonly<Record<string, number>>) {
    const { firstRow = 0, rows: count = 0 } = params;
    rows.push([kernel.name, firstRow, firstRow + count]);
    return dispatch.call(this, kernel, params);
  };
  try {
    await submit(runner, prompts(chunk(3, [1]))).collect();
    rows.length = 0;
    await submit(runner, {
      prompts: [chunk(0, [1, 5, 9]), chunk(1, [1, 2], false), chunk(2, [1, 7])],
      decodes: [decode(3, 1)],
    }).collect();
  } finally {
    StepEncoder.prototype.dispatch = dispatch;
  }
  // Rows 0 and 1 do not sample, of rows 2 to 4 the last one does, then two of another and a decode.
  const [all, wanted] = [[0, 8], [4, 8]] as const;
  const rest = ["attention", "linear_residual", "gate_up", "linear_residual"];
  expect(rows.slice(1, -3)).toEqual([
    ...["qkv_rope", ...rest, "qkv_rope", ...rest, "qkv_rope"].map((name) => [name, ...all]),
    ...rest.map((name) => [name, ...wanted]),
  ]);
});

gpuTest(
  "prepare() skips the output head where nothing samples, and what only it would read",
  async (device) => {
    using runner = await loadModel(device, fixture("gqa"), LOAD);
    runner.initSlot(0 as Slot, GREEDY);
    const step = runner.prepare([prompts(chunk(0, [1, 2, 3], false))]);
    // Of the last layer, queries, keys and values.
    expect(step.costs).toMatchObject([{ dispatches: 1 + 5 * 2 + 1, submits: 1, readbackBytes: 4 }]);
    expect(await step.submit().collect()).toEqual([[]]);
  },
);

gpuTest("prepare() does not let the chunks of a prompt pile up on the device", async (device) => {
  using runner = await loadModel(device, fixture("gqa"), LOAD);
  runner.initSlot(0 as Slot, GREEDY);
  const plan = prompts(chunk(0, [1, 2, 3], false));
  const steps = Array.from({ length: 4 }, () => submit(runner, plan));
  expect(() => runner.prepare([plan])).toThrow(CapacityError);
  await steps[0]!.collect(); // Returns when the device is done with it, and makes room.
  steps.push(submit(runner, plan));
  for (const step of steps.slice(1)) await step.collect();
});

gpuTest("prepare() runs ahead of collect(), but not without bound", async (device) => {
  using runner = await loadModel(device, fixture("gqa"), LOAD);
  runner.initSlot(0 as Slot, GREEDY);
  const steps = [submit(runner, prompts(chunk(0, [1, 2, 3])))];
  for (const position of [3, 4, 5]) steps.push(submit(runner, decodes(decode(0, position))));
  expect(() => runner.prepare([decodes(decode(0, 6))])).toThrow(CapacityError);
  const ahead = [];
  for (const step of steps) ahead.push(...(await step.collect()).flat());
  const [awaited] = await generate(runner, [{ prompt: [1, 2, 3], count: 4, slot: 1, firstBlock: 1 }]);
  expect(ahead.map(({ id }) => id)).toEqual(awaited!.map(({ id }) => id));
});

gpuTest("prepare() holds one submit at a time, and a submit is handed over once", async (device) => {
  using runner = await loadModel(device, fixture("gqa"), LOAD);
  runner.initSlot(0 as Slot, GREEDY);
  const prepared = runner.prepare([prompts(chunk(0, [1, 2, 3]))]);
  expect(() => runner.prepare([decodes(decode(0, 3))])).toThrow("waits to be submitted");
  const pending = prepared.submit();
  expect(() => prepared.submit()).toThrow("twice");
  expect((await pending.collect()).flat().length).toBe(1);
});

/** Submits to the device while `work` runs. */
function countSubmits<T>({ handle: { queue } }: GpuDevice, work: () => T): { submits: number; result: T } {
  const { submit } = queue;
  let submits = 0;
  queue.submit = (commands) => {
    submits++;
    return submit.call(queue, commands);
  };
  try {
    return { result: work(), submits };
  } finally {
    queue.submit = submit;
  }
}

gpuTest(
  "an idle device is handed the first step in pieces, up to the sampling, with the same tokens",
  async (device) => {
    using runner = await loadModel(device, demoParent("helper"), LOAD); // 44 dispatches a step
    const sampling = { ...SAMPLING, temperature: 0.9, repetitionPenalty: 1.2, seed: 5n, logprobs: 2 };
    const init = { ...GREEDY, sampling };
    const prompt = [1, 5, 9, 12];
    const jobs: Job[] = [{ prompt, count: 9, slot: 0, firstBlock: 0, init }];
    const expected = await generate(runner, jobs);
    for (const stepsPerSubmit of [1, 3]) {
      expect(await generate(runner, jobs, { stepsPerSubmit, waits: true })).toEqual(expected);
    }
    runner.initSlot(0 as Slot, GREEDY);
    await submit(runner, prompts(chunk(0, prompt))).collect();
    const plans = [4, 5].map((position) => decodes(decode(0, position)));
    const { result: ahead, submits: none } = countSubmits(device, () => runner.prepare(plans));
    expect([none, ...ahead.costs.map(({ submits }) => submits)]).toEqual([0, 0.5, 0.5]);
    await ahead.submit().collect();
    const later = [6, 7].map((position) => decodes(decode(0, position)));
    const { result: prepared, submits } = countSubmits(
      device,
      () => runner.prepare(later, { isDeviceIdle: true }),
    );
    expect([
      submits,
      ...prepared.costs.map(({ submits }) => submits),
    ]).toEqual([1, 1.5, 0.5]);
    const { result: pending, submits: last } = countSubmits(device, () => prepared.submit());
    expect(last).toBe(1);
    expect((await pending.collect()).map(({ length }) => length)).toEqual([1, 1]);
  },
);

gpuTest("several steps in a submit give the bits of as many submits", async (device) => {
  using runner = await loadModel(device, fixture("sliding-window"), LOAD);
  const sampling = { ...SAMPLING, temperature: 0.9, repetitionPenalty: 1.2, seed: 5n, logprobs: 2 };
  const jobs: Job[] = [
    { prompt: [1, 5, 9, 12], count: 9, slot: 0, firstBlock: 0 },
    { prompt: [7, 8], count: 6, slot: 3, firstBlock: 8, joins: 2, init: { ...GREEDY, sampling } },
    { prompt: Array.from({ length: 20 }, (_, i) => i + 3), count: 4, slot: 1, firstBlock: 16, joins: 3 },
  ];
  const one = await generate(runner, jobs);
  for (const stepsPerSubmit of [2, 4, 8]) {
    expect(await generate(runner, jobs, { stepsPerSubmit })).toEqual(one);
  }
});

gpuTest("a sequence that is computed again by replay goes on with the same bits", async (device) => {
  using runner = await loadModel(device, fixture("sliding-window"), LOAD);
  const { maxPromptTokens } = runner.limits;
  const prompt = [1, 5, 9, 12, 40];
  const sampling = { ...SAMPLING, temperature: 1.1, repetitionPenalty: 1.3, presencePenalty: 0.5, seed: 9n };
  const init: SlotInit = { ...GREEDY, sampling: { ...sampling, frequencyPenalty: 0.3, logprobs: 3 } };
  const [whole] = await generate(runner, [{ prompt, count: 24, slot: 0, firstBlock: 0, init }]);
  const outputs = whole!.slice(0, 15).map(({ id }) => id);

  // Elsewhere: another slot, other blocks, and another sequence of the step is a prompt.
  const slot = 5 as Slot;
  const blockTable = [30, 33, 31].map((id) => id as BlockId);
  const promptTokenIds = Uint32Array.from(prompt);
  runner.initSlot(slot, { ...init, promptTokenIds, outputTokenIds: outputs });
  runner.initSlot(6 as Slot, GREEDY);
  const again = { slot, blockTable, replay: false, sample: false };
  await submit(runner, prompts({ ...again, tokenIds: promptTokenIds, start: 0 })).collect();
  const replay = { ...again, replay: true, tokenIds: Uint32Array.from(outputs), start: prompt.length };
  expect(outputs.length).toBeLessThan(maxPromptTokens);
  const other = { ...chunk(6, [3, 4]), blockTable: block(40) };
  const [samples] = await submit(runner, prompts({ ...replay, sample: true }, other)).collect();
  // The prompt comes first, though it is last in the plan.
  expect(samples!.map((sample) => sample.slot)).toEqual([6, 5]);
  const found = [samples![1]!];
  const more = Array.from({ length: 8 }, (_, n) => decodes({ slot, blockTable, position: 20 + n }));
  found.push(...(await submit(runner, ...more).collect()).flat());
  expect(found.map((token) => ({ ...token, slot: 0 }))).toEqual(whole!.slice(15));
});

for (const isDeviceIdle of [false, true]) {
  gpuTest(
    `prepare() that fails midway has changed nothing${isDeviceIdle ? ", but for what it handed over" : ""}`,
    async (device) => {
      using runner = await loadModel(device, demoParent("helper"), LOAD);
      const init = { ...GREEDY, sampling: { ...SAMPLING, temperature: 1.5, seed: 11n } };
      const job: Job = { prompt: [1, 2, 3], count: 5, slot: 0, firstBlock: 0, init };
      const [expected] = await generate(runner, [job]);
      runner.initSlot(0 as Slot, init);
      const found = (await submit(runner, prompts(chunk(0, [1, 2, 3]))).collect()).flat();
      const { queue } = device.handle;
      const { writeBuffer } = queue;
      for (let turn = 0; turn < 6; turn++) { // more often than there is room for results
        let writes = isDeviceIdle ? 2 : 0; // Plans and parameters of the piece.
        queue.writeBuffer = (...args: Parameters<typeof writeBuffer>) => {
          if (writes-- === 0) throw new Error("no write");
          return writeBuffer.apply(queue, args);
        };
        const plans = [3, 4].map((position) => decodes(decode(0, position)));
        const { submits } = countSubmits(
          device,
          () => expect(() => runner.prepare(plans, { isDeviceIdle })).toThrow("no write"),
        );
        queue.writeBuffer = writeBuffer;
        expect(submits).toBe(isDeviceIdle ? 1 : 0);
      }
      const rest = submit(runner, ...[3, 4, 5, 6].map((position) => decodes(decode(0, position))));
      found.push(...(await rest.collect()).flat());
      expect(found).toEqual(expected);
    },
  );
}

gpuTest("submit() that fails gives back the room for its results", async (device) => {
  using runner = await loadModel(device, fixture("gqa"), LOAD);
  const { queue } = device.handle;
  const { submit: handOver } = queue;
  for (let turn = 0; turn < 6; turn++) { // more often than there is room for results
    runner.initSlot(0 as Slot, GREEDY);
    queue.submit = () => {
      throw new Error("no submit");
    };
    expect(() => submit(runner, prompts(chunk(0, [1, 2, 3])))).toThrow("no submit");
    queue.submit = handOver;
  }
  const [tokens] = await generate(runner, [{ prompt: [1, 2, 3], count: 2, slot: 0, firstBlock: 0 }]);
  expect(tokens!.length).toBe(2);
});

gpuTest("prepare() refuses plans outside its limits and stays usable", async (device) => {
  using runner = await loadModel(device, fixture("gqa"), LOAD);
  const { maxSequences, blockCount, vocabSize, maxPromptTokens, maxDrafts, maxContext } = runner.limits;
  const fine = prompts(chunk(0, [1]));
  const bad: Record<string, StepPlan[]> = {
    "unknown slot": [prompts(chunk(maxSequences, [1]))],
    "slot twice": [{ prompts: [chunk(1, [1])], decodes: [decode(1, 1)] }],
    "empty chunk": [prompts(chunk(0, []))],
    "token beyond the vocabulary": [prompts(chunk(0, [vocabSize]))],
    "negative start": [prompts({ ...chunk(0, [1]), start: -1 })],
    "block table too short": [prompts(chunk(0, Array(17).fill(1)))],
    "unknown block": [prompts({ ...chunk(0, [1]), blockTable: block(blockCount) })],
    "beyond the context": [decodes(decode(0, maxContext))],
    "negative position": [decodes(decode(0, -1))],
    "too many tokens": [prompts({
      ...chunk(0, Array(maxPromptTokens + 1).fill(1)),
      blockTable: Array.from({ length: 64 }, (_, i) => i as BlockId),
    })],
    "too many drafts": [decodes({ ...decode(0, 1), drafts: new Uint32Array(maxDrafts + 1) })],
    "draft beyond the vocabulary": [decodes({ ...decode(0, 1), drafts: Uint32Array.of(vocabSize) })],
    "draft beyond the context": [decodes({ ...decode(0, maxContext - 1), drafts: new Uint32Array(1) })],
    "drafts beside a further step": [
      decodes({ ...decode(0, 1), drafts: new Uint32Array(1) }),
      decodes(decode(0, 3)),
    ],
    "bad after a good one": [fine, decodes(decode(0, -1))],
    "no steps": [],
    "too many steps": Array(runner.stepsPerSubmit.max + 1).fill(fine),
  };
  const accepted = Object.keys(bad).filter((name) => {
    try {
      runner.prepare(bad[name]!);
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
