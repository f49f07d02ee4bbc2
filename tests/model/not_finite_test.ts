/**
 * A token whose activations are beyond f16 ends its own sequence, in the middle of a submit, and nobody else's: whatever
 * runs beside it, before it in the same blocks or after it, has the bits that it has alone.
 */
import { expect } from "@std/expect";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { type DeviceTuning, portableTuning, subgroupTuning } from "../../src/kernels/tuning.ts";
import { loadModel, type LoadOptions } from "../../src/model/load.ts";
import { NOT_FINITE, type SampledToken, type Slot } from "../../src/model/runner.ts";
import { gpuTest } from "../gpu/device.ts";
import { COUNTED, OVERFLOWING, writeOverflowingCheckpoint } from "../support/overflowing_checkpoint.ts";
import { SAMPLING } from "../support/sampling.ts";
import { tempDir } from "../support/temp.ts";
import { blocks, generate, GREEDY, type Job, LOAD } from "./harness.ts";

const f16 = { ...LOAD, precision: "f16", maxContext: 128, checksBits: false } as const;

interface Way {
  readonly name: string;
  readonly options: Partial<LoadOptions>;
  readonly tuning: (device: GpuDevice) => DeviceTuning;
  readonly subgroups?: boolean;
}
/** With fewer variants, for compiling takes longest: of one row, of two, and the first of prompts. */
const few = ({ matrices, halves, attention }: DeviceTuning, inHalves = false): DeviceTuning => {
  const some = (family: DeviceTuning["matrices"]) =>
    Object.fromEntries(
      Object.entries(family).map((
        [role, { decode, prompt }],
      ) => [role, { decode: decode.slice(0, 2), prompt: prompt.slice(0, 1) }]),
    ) as unknown as DeviceTuning["matrices"];
  return { matrices: some(matrices), attention, ...inHalves && halves && { halves: some(halves) } };
};

const WAYS: readonly Way[] = [
  { name: "kernels that run anywhere", options: {}, tuning: () => portableTuning(true) },
  {
    name: "subgroups, KV cache in FP8",
    options: { kvCacheDtype: "fp8" },
    tuning: ({ info }) => few(subgroupTuning(info.subgroupSize!)),
    subgroups: true,
  },
  {
    name: "products in pairs of f16",
    options: { quantization: "fp8" },
    tuning: ({ info }) => few(subgroupTuning(info.subgroupSize!), true),
    subgroups: true,
  },
];

const logprobs = { ...GREEDY.sampling, logprobs: 3 };
/** Counts up to the token that ends it: five tokens and no sixth. */
const ILL: Job = {
  prompt: [1, 3, 4],
  slot: 0,
  firstBlock: 0,
  count: 14,
  init: { ...GREEDY, sampling: logprobs },
};
const HEALTHY: Job = { ...ILL, prompt: [20, 10], slot: 1, firstBlock: 4 };
const counting = (from: number, count: number) =>
  Array.from({ length: count }, (_, n) => (from + n) % COUNTED);
const ids = (tokens: readonly SampledToken[]) => tokens.map(({ id }) => id);

for (const { name, options, tuning, subgroups = false } of WAYS) {
  gpuTest(
    `logits that are not finite end their sequence and leave the bits of others: ${name}`,
    async (device) => {
      await using dir = await tempDir();
      await writeOverflowingCheckpoint(dir.path);
      using runner = await loadModel(device, dir.path, { ...f16, ...options, tuning: tuning(device) });
      const [healthy] = await generate(runner, [HEALTHY]);
      expect(ids(healthy!)).toEqual(counting(11, 14));

      const solo = await generate(runner, [ILL]);
      expect(ids(solo[0]!)).toEqual([...counting(5, 5), NOT_FINITE]);
      expect(solo[0]!.at(-1)).toEqual({ slot: 0, id: NOT_FINITE, logprob: NaN, top: [] });
      for (const stepsPerSubmit of [1, 4]) {
        const together = await generate(runner, [ILL, HEALTHY], { stepsPerSubmit });
        expect(together).toEqual([solo[0], healthy]);
      }
      // Where the keys and values of the one that ended were, and of prompts that end at once, is another's now.
      const prompt = [...counting(0, 9), OVERFLOWING, ...Array(30).fill(11)];
      const [atOnce, beside] = await generate(runner, [{ ...ILL, prompt }, HEALTHY], { stepsPerSubmit: 4 });
      expect(ids(atOnce!)).toEqual([NOT_FINITE]);
      expect(beside).toEqual(healthy);
      expect(await generate(runner, [{ ...HEALTHY, firstBlock: 0 }])).toEqual([healthy]);
      expect(await generate(runner, [{ ...HEALTHY, slot: 0, firstBlock: 0 }])).toEqual([
        healthy!.map((token) => ({ ...token, slot: 0 })),
      ]);
    },
    { feature: "shader-f16", subgroups },
  );
}

gpuTest("drafts come to logits that are not finite only where single steps would", async (device) => {
  await using dir = await tempDir();
  await writeOverflowingCheckpoint(dir.path);
  using runner = await loadModel(device, dir.path, f16);
  const slot = 0 as Slot;
  const blockTable = blocks(20, runner.limits.blockSize);
  const sampling = { ...SAMPLING, temperature: 0, frequencyPenalty: 0.01 };
  /** After 5 and 6, rows of 7 and of the drafts. */
  const window = async (drafts: readonly number[]) => {
    const tokenIds = Uint32Array.of(5, 6);
    runner.initSlot(slot, { ...GREEDY, sampling, promptTokenIds: tokenIds });
    const chunk = { slot, tokenIds, start: 0, replay: false, sample: true, blockTable };
    await runner.prepare([{ prompts: [chunk], decodes: [] }]).submit().collect();
    const decode = { slot, position: 2, blockTable };
    const step = async (row: typeof decode & { readonly drafts?: Uint32Array }) =>
      ids((await runner.prepare([{ prompts: [], decodes: [row] }]).submit().collect()).flat());
    const found = await step({ ...decode, drafts: Uint32Array.from(drafts) });
    return [found, await step({ ...decode, position: 2 + found.length })];
  };
  // The right ones lead there; the slot has stopped.
  expect(await window([8, 9, 10])).toEqual([[8, 9, NOT_FINITE], []]);
  // A wrong one does not: whatever comes behind it has not happened.
  expect(await window([9, 10])).toEqual([[8], [9]]);
  expect(await window([8, 3, 9])).toEqual([[8, 9], [NOT_FINITE]]);
}, { feature: "shader-f16" });

gpuTest("the same model in f32 goes on", async (device) => {
  await using dir = await tempDir();
  await writeOverflowingCheckpoint(dir.path);
  using runner = await loadModel(device, dir.path, { ...f16, precision: "f32" });
  const [tokens] = await generate(runner, [ILL]);
  expect(ids(tokens!).slice(0, 5)).toEqual(counting(5, 5));
  expect(ids(tokens!).slice(5).every((id) => id < runner.limits.vocabSize)).toBe(true);
  expect(tokens!.length).toBe(ILL.count);
});
