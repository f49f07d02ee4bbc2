/**
 * A sequence that stops in the middle of a submit: the steps behind leave everything of it as it is, cost next to nothing
 * where nobody else runs, and change no bit of those who do.
 */
import { expect } from "@std/expect";
import * as fc from "fast-check";
import type { GpuBuffer, GpuBufferOptions } from "../../src/gpu/buffer.ts";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { type DeviceTuning, joinsParts, portableTuning, subgroupTuning } from "../../src/kernels/tuning.ts";
import { loadModel } from "../../src/model/load.ts";
import type { KvCacheDtype, ModelRunner, SampledToken, Slot, SlotInit } from "../../src/model/runner.ts";
import { MAX_STOPS } from "../../src/model/sampler_slot.ts";
import { gpuTest } from "../gpu/device.ts";
import { runs } from "../support/properties.ts";
import { SAMPLING } from "../support/sampling.ts";
import { blocks, fixture, generate, GREEDY, type Job, LOAD, readBuffer } from "./harness.ts";

const PROMPT = [1, 5, 9, 12];
const VOCAB = 384;

interface Way {
  readonly name: string;
  readonly tuning: (device: GpuDevice) => DeviceTuning;
  readonly kvCacheDtype?: KvCacheDtype;
  readonly subgroups?: boolean;
  /** FP8 weights and activations in f16: products in pairs of f16. */
  readonly halves?: boolean;
}

/** A tuning's first way for each matrix, for all rows: what is left out does not go by the way, and compiling takes long. */
const simple = ({ matrices, halves, attention }: DeviceTuning, joins = false): DeviceTuning => {
  const few = (family: DeviceTuning["matrices"]) =>
    Object.fromEntries(
      Object.entries(family).map(([role, { decode }]) => [role, { decode: [decode[0]!], prompt: [] }]),
    ) as unknown as DeviceTuning["matrices"];
  return {
    matrices: few(matrices),
    ...halves && { halves: few(halves) },
    attention: attention && { ...attention, splitKeys: 4, maxSplits: 4, joins },
  };
};

const withSubgroups = ({ info }: GpuDevice) => subgroupTuning(info.subgroupSize!);

const WAYS: readonly Way[] = [
  { name: "sliding-window", tuning: () => simple(portableTuning(true)) },
  { name: "sliding-window", tuning: () => simple(portableTuning(false)), kvCacheDtype: "fp8" },
  { name: "head-dim", tuning: (device) => simple(withSubgroups(device)), subgroups: true },
  {
    name: "head-dim",
    tuning: (device) => simple(withSubgroups(device), joinsParts(device.info)),
    subgroups: true,
    halves: true,
  },
];

/** A runner, and its buffers by label. */
async function load(device: GpuDevice, { name, kvCacheDtype = "auto", tuning, halves = false }: Way) {
  const buffers = new Map<string, GpuBuffer>();
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (options: GpuBufferOptions) => {
    const buffer = createBuffer(options);
    buffers.set(options.label, buffer);
    return buffer;
  };
  try {
    const formats = halves ? { quantization: "fp8", precision: "f16" } as const : {};
    const own = { tuning: tuning(device), kvCacheDtype, maxContext: 256 };
    const runner = await loadModel(device, fixture(name), { ...LOAD, ...own, ...formats });
    return { runner, buffers };
  } finally {
    device.createBuffer = createBuffer;
  }
}

/** Prefills slot 0 and decodes in one submit; what was sampled, step by step. */
async function run(runner: ModelRunner, init: SlotInit, decodes: number): Promise<SampledToken[][]> {
  const slot = 0 as Slot;
  const blockTable = blocks(PROMPT.length + decodes, runner.limits.blockSize);
  const tokenIds = Uint32Array.from(PROMPT);
  runner.initSlot(slot, { ...init, promptTokenIds: tokenIds });
  const chunk = { slot, tokenIds, start: 0, replay: false, sample: true, blockTable };
  const steps = await runner.prepare([{ prompts: [chunk], decodes: [] }]).submit().collect();
  const plans = Array.from({ length: decodes }, (_, n) => ({
    prompts: [],
    decodes: [{ slot, position: PROMPT.length + n, blockTable }],
  }));
  const more = await runner.prepare(plans).submit().collect();
  return [...steps, ...more].map((samples) => [...samples]);
}

const ids = (steps: readonly (readonly SampledToken[])[]) => steps.flat().map(({ id }) => id);

for (const way of WAYS) {
  const { name, kvCacheDtype = "auto", subgroups = false, halves = false } = way;
  gpuTest(
    `steps behind a stop write nothing at all: ${name}, cache ${kvCacheDtype}${
      subgroups ? ", subgroups" : ""
    }${halves ? ", pairs of f16" : ""}`,
    async (device) => {
      const { runner, buffers } = await load(device, way);
      using _ = runner;
      const free = ids(await run(runner, GREEDY, 7));
      const at = 2 + free.slice(2).findIndex((id, index) => free.indexOf(id) === index + 2);
      expect(at).toBeGreaterThan(1);
      expect(at).toBeLessThan(6);
      const init = { ...GREEDY, stopTokenIds: [free[at]!] };
      /** What the buffers hold after a run before which they were all canaries. */
      const after = async <T>(labels: RegExp, work: () => Promise<T>) => {
        const computed = [...buffers].filter(([label]) => labels.test(label));
        for (const [, buffer] of computed) {
          const canaries = new Uint32Array(buffer.bytes / 4).fill(0x12345678);
          device.handle.queue.writeBuffer(buffer.handle, 0, canaries);
        }
        const result = await work();
        const contents = new Map<string, Uint8Array>();
        for (const [label, buffer] of computed) contents.set(label, await readBuffer(device, buffer));
        return { result, contents };
      };
      const expectSame = (found: Map<string, Uint8Array>, expected: Map<string, Uint8Array>) => {
        for (const [label, bytes] of expected) {
          const changed = bytes.findIndex((byte, index) => byte !== found.get(label)![index]);
          expect([label, changed]).toEqual([label, -1]);
        }
      };
      const all =
        /^(hidden|normed|queries|attended|kept|activated|logits|attention part|cache|sample groups)/;
      const stopped = await after(all, () => run(runner, init, at)); // The last of its steps samples the stop.
      const ahead = await after(all, () => run(runner, init, 7));
      expect(ids(stopped.result)).toEqual(free.slice(0, at + 1));
      expect(ahead.result).toEqual([...stopped.result, ...Array(7 - at).fill([])]);
      expectSame(ahead.contents, stopped.contents);
      expect(stopped.contents.size).toBeGreaterThan(8);

      // Beside somebody who goes on: of the one that has stopped nothing more gets into the cache.
      const beside = (count: number) => {
        const job = { prompt: PROMPT, slot: 0, firstBlock: 0, init, count };
        const other = { prompt: [7, 8], slot: 1, firstBlock: 3, count: 8 };
        return after(/^cache/, () => generate(runner, [job, other], { stepsPerSubmit: 8 }));
      };
      const [alone, mixed] = [await beside(at + 1), await beside(8)];
      expect(mixed.result).toEqual(alone.result);
      expectSame(mixed.contents, alone.contents);
    },
    { subgroups, ...halves && { feature: "shader-f16" } },
  );
}

gpuTest("products that do not look for stops give the same tokens, and write", async (device) => {
  const tuning = () => ({ ...simple(portableTuning(true)), skipsStopped: false });
  const { runner, buffers } = await load(device, { name: "sliding-window", tuning });
  using _ = runner;
  const logits = buffers.get("logits")!;
  const free = ids(await run(runner, GREEDY, 3));
  const init = { ...GREEDY, stopTokenIds: [free[0]!] };
  const clear = new Uint8Array(logits.bytes);
  expect((await run(runner, init, 3)).map(({ length }) => length)).toEqual([1, 0, 0, 0]);
  device.handle.queue.writeBuffer(logits.handle, 0, clear);
  const decode = { slot: 0 as Slot, position: 7, blockTable: blocks(8, 16) };
  expect(await runner.prepare([{ prompts: [], decodes: [decode] }]).submit().collect()).toEqual([[]]);
  expect((await readBuffer(device, logits)).some((byte) => byte !== 0)).toBe(true);
});

gpuTest(
  "a slot that has stopped begins anew when it is initialised, and drafts do not revive it",
  async (device) => {
    const { runner } = await load(device, WAYS[0]!);
    using _ = runner;
    const free = ids(await run(runner, GREEDY, 5));
    const stops = { ...GREEDY, stopTokenIds: [free[0]!] };
    expect(ids(await run(runner, stops, 2))).toEqual(free.slice(0, 1));
    const decode = { slot: 0 as Slot, position: 4, blockTable: blocks(8, 16) };
    const step = (drafts?: Uint32Array) =>
      runner.prepare([{ prompts: [], decodes: [{ ...decode, ...drafts && { drafts } }] }]).submit().collect();
    expect(await step(Uint32Array.from(free.slice(1, 3)))).toEqual([[]]);
    expect(await step()).toEqual([[]]);
    runner.initSlot(0 as Slot, stops);
    expect((await step())[0]!.length).toBe(1);
    expect(ids(await run(runner, GREEDY, 5))).toEqual(free);
  },
);

gpuTest("the device knows so many stop ids, and none that comes before minTokens", async (device) => {
  const { runner } = await load(device, WAYS[0]!);
  using _ = runner;
  const free = ids(await run(runner, GREEDY, 5));
  const others = Array.from({ length: VOCAB }, (_, id) => id).filter((id) => !free.includes(id));
  const first = [...others.slice(0, MAX_STOPS - 1), free[0]!];
  expect(ids(await run(runner, { ...GREEDY, stopTokenIds: first }, 5))).toEqual(free.slice(0, 1));
  const late = [...others.slice(0, MAX_STOPS), free[0]!]; // The host's to notice.
  expect(ids(await run(runner, { ...GREEDY, stopTokenIds: late }, 5))).toEqual(free);
  for (const minTokens of [1, 2, 3]) {
    const sampling = { ...GREEDY.sampling, minTokens };
    const found = ids(await run(runner, { ...GREEDY, sampling, stopTokenIds: free }, 5));
    expect(found).toEqual(free.slice(0, minTokens + 1));
  }
});

for (const subgroups of [false, true]) {
  gpuTest(
    `random stops end their sequences alone, and leave the others' bits${subgroups ? ", subgroups" : ""}`,
    async (device) => {
      const { runner } = await load(device, WAYS[subgroups ? 2 : 0]!);
      using _ = runner;
      const { vocabSize } = runner.limits;
      const specs = fc.array(
        fc.record({
          prompt: fc.array(fc.integer({ min: 3, max: vocabSize - 1 }), { minLength: 1, maxLength: 20 }),
          count: fc.integer({ min: 4, max: 12 }),
          joins: fc.integer({ min: 0, max: 4 }),
          /** Stops at the token that it samples there, unless that comes before. */
          stopsAt: fc.array(fc.nat(8), { maxLength: 3 }),
          minTokens: fc.nat(4),
          seed: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
          logprobs: fc.constantFrom(-1, 2),
        }),
        { minLength: 1, maxLength: 4 },
      );
      let cut = 0;
      await fc.assert(
        fc.asyncProperty(specs, fc.integer({ min: 2, max: 8 }), async (sequences, stepsPerSubmit) => {
          const jobs: Job[] = [];
          const expected: SampledToken[][] = [];
          for (const [slot, { stopsAt, minTokens, seed, logprobs, ...spec }] of sequences.entries()) {
            const sampling = { ...SAMPLING, temperature: 0.9, frequencyPenalty: 0.3, seed, logprobs };
            const init = { ...GREEDY, sampling: { ...sampling, minTokens } };
            const job: Job = { ...spec, slot, firstBlock: slot * 4, init };
            const [all] = await generate(runner, [{ ...job, joins: 0, slot: 7, firstBlock: 40 }]);
            const stopTokenIds = stopsAt.flatMap((at) => all![at]?.id ?? []);
            const end = all!.findIndex(({ id }, index) => index >= minTokens && stopTokenIds.includes(id));
            const whole = end === -1 ? all! : all!.slice(0, end + 1);
            if (whole.length < all!.length) cut++;
            expected.push(whole.map((token) => ({ ...token, slot: slot as Slot })));
            jobs.push({ ...job, init: { ...init, stopTokenIds } });
          }
          expect(await generate(runner, jobs, { stepsPerSubmit })).toEqual(expected);
        }),
        { numRuns: runs(8) },
      );
      expect(cut).toBeGreaterThan(4); // Or the test does not show what it says.
    },
    { subgroups },
  );
}
