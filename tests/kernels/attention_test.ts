import { expect } from "@std/expect";
import { attention, headBundle, NO_WINDOW } from "../../src/kernels/attention.ts";
import { attentionCombine, attentionFlash, FLASH_HEAD_STEP } from "../../src/kernels/attention_flash.ts";
import { subgroupTuning } from "../../src/kernels/tuning.ts";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { gpuTest } from "../gpu/device.ts";
import { attention as attentionOracle, type Matrix } from "../oracle/ops.ts";
import { expectClose, noiseMatrix, padColumns, padded, runKernel, SUBGROUP } from "./harness.ts";
import { pageCache, type PagedCache } from "./paged_cache.ts";

interface Case {
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly blockSize: number;
  readonly window: number | null;
  /** Of the rows; all of one sequence. */
  readonly positions: readonly number[];
}

const CASES: Readonly<Record<string, Case>> = {
  "one key": { queryHeads: 1, kvHeads: 1, headDim: 4, blockSize: 16, window: null, positions: [0] },
  "a prompt": {
    queryHeads: 2,
    kvHeads: 2,
    headDim: 8,
    blockSize: 4,
    window: null,
    positions: [0, 1, 2, 3, 4, 5, 6],
  },
  "two heads a key": {
    queryHeads: 6,
    kvHeads: 3,
    headDim: 16,
    blockSize: 16,
    window: null,
    positions: [63, 64, 65],
  },
  "three heads a key": {
    queryHeads: 3,
    kvHeads: 1,
    headDim: 12,
    blockSize: 16,
    window: null,
    positions: [70, 5],
  },
  "seven heads a key": {
    queryHeads: 14,
    kvHeads: 2,
    headDim: 20,
    blockSize: 3,
    window: null,
    positions: [127, 128],
  },
  "a large head": { queryHeads: 4, kvHeads: 1, headDim: 256, blockSize: 16, window: null, positions: [200] },
  "a head of 128": {
    queryHeads: 8,
    kvHeads: 2,
    headDim: 128,
    blockSize: 16,
    window: null,
    positions: [0, 130],
  },
  "a head of 32, many keys": {
    queryHeads: 6,
    kvHeads: 2,
    headDim: 32,
    blockSize: 16,
    window: null,
    positions: [300, 0, 63, 64, 257],
  },
  "a head of 64 and a window": {
    queryHeads: 2,
    kvHeads: 2,
    headDim: 64,
    blockSize: 16,
    window: 70,
    positions: [300, 3, 69, 70, 129],
  },
  "a window": {
    queryHeads: 2,
    kvHeads: 1,
    headDim: 8,
    blockSize: 8,
    window: 5,
    positions: [0, 3, 4, 5, 6, 90],
  },
  "a window over tiles": {
    queryHeads: 2,
    kvHeads: 1,
    headDim: 8,
    blockSize: 16,
    window: 100,
    positions: [99, 100, 250],
  },
  "a window of one": {
    queryHeads: 2,
    kvHeads: 1,
    headDim: 8,
    blockSize: 16,
    window: 1,
    positions: [0, 1, 77],
  },
};

/** Of a paged cache. */
const FORMATS = ["f32", "fp8"] as const;
const libsFor = ({ cache }: PagedCache) => ({
  cache: cache instanceof Uint32Array ? "cache_fp8" : "cache_act",
});

async function run(device: GpuDevice, shape: Case, queries: Matrix, paged: PagedCache) {
  const { queryHeads, kvHeads, headDim, blockSize, window, positions } = shape;
  const { table, cache } = paged;
  const tableAt = positions.length * 4;
  const plan = Uint32Array.from([...positions.flatMap((position) => [0, 0, position, tableAt]), ...table]);
  const queryStride = padded(queryHeads * headDim);
  const { attended } = await runKernel(
    device,
    attention,
    { libs: libsFor(paged), overrides: { HEADS: headBundle(queryHeads, kvHeads) } },
    {
      queries: padColumns(queries),
      cache,
      plan,
      attended: {
        elements: positions.length * queryStride,
        initial: new Float32Array(positions.length * queryStride),
      },
    },
    {
      rows: positions.length,
      firstRow: 0,
      queryHeads,
      kvHeads,
      columns: headDim / 4,
      queryStride,
      blockSize,
      window: window ?? NO_WINDOW,
      scale: headDim ** -0.5,
    },
  );
  return attended!;
}

/** The same through attention_flash, each row's keys in parts of `splitKeys`, and attention_combine. */
async function runInParts(
  device: GpuDevice,
  shape: Case,
  splitKeys: number,
  queries: Matrix,
  paged: PagedCache,
) {
  const { queryHeads, kvHeads, headDim, blockSize, window, positions } = shape;
  const { table, cache } = paged;
  const rows = positions.length;
  // Rows begin at the second row of the plan: the first is another family's.
  const tableAt = (rows + 1) * 4;
  const plan = Uint32Array.from([0, 0, 0, 0, ...positions.flatMap((p) => [0, 0, p, tableAt]), ...table]);
  const queryStride = padded(queryHeads * headDim);
  const ahead = (m: Matrix) => ({
    rows: m.rows + 1,
    columns: m.columns,
    data: Float64Array.of(...new Float64Array(m.columns), ...m.data),
  });
  const splits = Math.floor(Math.max(...positions) / splitKeys) + 1;
  const { splitKeys: _, ...lanes } = subgroupTuning(SUBGROUP).attention!;
  const elements = (rows + 1) * queryStride;
  const attendedOutput = { elements, initial: new Float32Array(elements) };
  const partElements = rows * splits * queryHeads * headDim;
  const shared = { rows, firstRow: 1, queryHeads, columns: headDim / 4, queryStride, splits, splitKeys };
  const flash = await runKernel(
    device,
    attentionFlash,
    {
      libs: libsFor(paged),
      overrides: { ...lanes, HEADS: headBundle(queryHeads, kvHeads), CHUNKS: headDim / FLASH_HEAD_STEP },
    },
    {
      queries: padColumns(ahead(queries)),
      cache,
      plan,
      attended: attendedOutput,
      parts: { elements: partElements },
      part_terms: { elements: rows * splits * queryHeads },
    },
    { ...shared, kvHeads, blockSize, window: window ?? NO_WINDOW, scale: headDim ** -0.5 },
  );
  if (splits === 1) return flash.attended!.slice(queryStride);
  const { attended } = await runKernel(device, attentionCombine, {}, {
    parts: flash.parts as Float32Array<ArrayBuffer>,
    part_terms: flash.part_terms as Float32Array<ArrayBuffer>,
    plan,
    attended: attendedOutput,
  }, shared);
  return attended!.slice(queryStride);
}

/** Queries of the rows, and the cache of as many tokens as they see. */
function inputs(shape: Case, format: typeof FORMATS[number]) {
  const { queryHeads, kvHeads, headDim, positions } = shape;
  const tokens = Math.max(...positions) + 1;
  const queries = noiseMatrix(positions.length, queryHeads * headDim, 1);
  const keys = noiseMatrix(tokens, kvHeads * headDim, 2);
  const values = noiseMatrix(tokens, kvHeads * headDim, 3);
  const paged = pageCache(keys, values, shape, format);
  const expected = padColumns(attentionOracle(queries, paged.keys, paged.values, shape));
  return { queries, paged, expected };
}

const FLASH_CASES = Object.entries(CASES).filter(([, { headDim }]) => headDim % FLASH_HEAD_STEP === 0);

for (const [name, shape] of FLASH_CASES) {
  for (const [format, splitKeys] of [["f32", 64], ["f32", 1000], ["fp8", 64]] as const) {
    gpuTest(
      `attention_flash equals the oracle in parts of ${splitKeys} keys, ${format}: ${name}`,
      async (device) => {
        const { queryHeads, headDim, positions } = shape;
        const { queries, paged, expected } = inputs(shape, format);
        const attended = await runInParts(device, shape, splitKeys, queries, paged);
        expectClose(attended, expected, 1e-5);
        // A row that fits one part keeps its bits whether others need more parts or not.
        for (const [row, position] of positions.entries()) {
          const columns = queryHeads * headDim;
          const one = { rows: 1, columns, data: queries.data.slice(row * columns, (row + 1) * columns) };
          const alone = await runInParts(device, { ...shape, positions: [position] }, splitKeys, one, paged);
          expect(alone).toEqual(attended.slice(row * padded(columns), (row + 1) * padded(columns)));
        }
      },
    );
  }
}

for (const [name, shape] of Object.entries(CASES)) {
  for (const format of FORMATS) {
    gpuTest(`attention equals the oracle, ${format}: ${name}`, async (device) => {
      const { queries, paged, expected } = inputs(shape, format);
      // A weighted mean of values below 1; what remains is the accuracy of exp, 2e-6 relative on llvmpipe.
      expectClose(await run(device, shape, queries, paged), expected, 1e-5);
    });
  }
}

/** Of the cases, one that both kernels can run, with a NaN in one key or value of kv head 1 at token 70. */
function poisoned(part: "keys" | "values", format: typeof FORMATS[number]) {
  const shape = { ...CASES["a head of 32, many keys"]!, positions: [300, 69, 70] };
  const { queries, paged } = inputs(shape, format);
  const source = { keys: paged.keys, values: paged.values };
  source[part].data[70 * source[part].columns + 32 + 5] = NaN;
  return { shape, queries, paged: pageCache(source.keys, source.values, shape, format) };
}

for (const format of FORMATS) {
  for (const part of ["keys", "values"] as const) {
    gpuTest(`a NaN among ${part} reaches every row that sees it, and no other, ${format}`, async (device) => {
      const { shape, queries, paged } = poisoned(part, format);
      const whole = await run(device, shape, queries, paged);
      for (const attended of [whole, await runInParts(device, shape, 64, queries, paged)]) {
        const stride = padded(6 * 32);
        // Query heads 3 to 5 read kv head 1; of its values, a NaN in f32 spoils its own column only.
        const columns = (
          row: number,
          first: number,
          count: number,
        ) => [...attended.slice(row * stride + first, row * stride + first + count)];
        for (const row of [0, 1, 2]) expect(columns(row, 0, 96).every(Number.isFinite)).toBe(true);
        expect(columns(1, 96, 96).every(Number.isFinite)).toBe(true);
        for (const row of [0, 2]) {
          for (const head of [3, 4, 5]) expect(columns(row, head * 32 + 5, 1)).toEqual([NaN]);
        }
      }
    }, { subgroups: true });
  }
}

gpuTest("attention survives scores too large for exp", async (device) => {
  const shape: Case = { queryHeads: 1, kvHeads: 1, headDim: 4, blockSize: 16, window: null, positions: [80] };
  const scaled = (m: Matrix, factor: number) => ({ ...m, data: m.data.map((value) => value * factor) });
  const queries = scaled(noiseMatrix(1, 4, 4), 100);
  const keys = scaled(noiseMatrix(81, 4, 5), 100);
  const values = noiseMatrix(81, 4, 6);
  const attended = await run(device, shape, queries, pageCache(keys, values, shape));
  expectClose(attended, padColumns(attentionOracle(queries, keys, values, shape)), 1e-3);
});

for (const format of FORMATS) {
  gpuTest(`attention gives a row the same bits alone and among others, ${format}`, async (device) => {
    const shape = CASES["two heads a key"]!;
    const { queries, paged } = inputs(shape, format);
    const together = await run(device, shape, queries, paged);
    for (let row = 0; row < 3; row++) {
      const one = { rows: 1, columns: 96, data: queries.data.slice(row * 96, (row + 1) * 96) };
      const alone = await run(device, { ...shape, positions: [shape.positions[row]!] }, one, paged);
      expect(alone).toEqual(together.slice(row * 96, (row + 1) * 96));
    }
  });
}
