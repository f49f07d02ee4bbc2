import { expect } from "@std/expect";
import { attention, headBundle, NO_WINDOW } from "../../src/kernels/attention.ts";
import { attentionCombine, attentionFlash, FLASH_HEAD_STEP } from "../../src/kernels/attention_flash.ts";
import { subgroupTuning } from "../../src/kernels/tuning.ts";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { gpuTest } from "../gpu/device.ts";
import { attention as attentionOracle, type Matrix } from "../oracle/ops.ts";
import { expectClose, noiseMatrix, padColumns, padded, runKernel, SUBGROUP } from "./harness.ts";

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

/** Rows of keys and values scattered over a cache by a block table; everything else in it is NaN. */
function pageCache(keys: Matrix, values: Matrix, { kvHeads, headDim, blockSize }: Case) {
  const blocks = Math.ceil(keys.rows / blockSize);
  const table = Array.from({ length: blocks }, (_, i) => (blocks - 1 - i) * 2 + 1); // backwards, with gaps
  const cache = new Float32Array(2 * blocks * 2 * kvHeads * blockSize * headDim).fill(NaN);
  for (let token = 0; token < keys.rows; token++) {
    for (let head = 0; head < kvHeads; head++) {
      const block = table[Math.floor(token / blockSize)]!;
      [keys, values].forEach(({ data, columns }, part) => {
        const at = (((block * 2 + part) * kvHeads + head) * blockSize + token % blockSize) * headDim;
        const from = token * columns + head * headDim;
        cache.set(data.subarray(from, from + headDim), at);
      });
    }
  }
  return { table, cache };
}

async function run(device: GpuDevice, shape: Case, queries: Matrix, keys: Matrix, values: Matrix) {
  const { queryHeads, kvHeads, headDim, blockSize, window, positions } = shape;
  const { table, cache } = pageCache(keys, values, shape);
  const tableAt = positions.length * 4;
  const plan = Uint32Array.from([...positions.flatMap((position) => [0, 0, position, tableAt]), ...table]);
  const queryStride = padded(queryHeads * headDim);
  const { attended } = await runKernel(
    device,
    attention,
    { overrides: { HEADS: headBundle(queryHeads, kvHeads) } },
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
  [queries, keys, values]: readonly [Matrix, Matrix, Matrix],
) {
  const { queryHeads, kvHeads, headDim, blockSize, window, positions } = shape;
  const { table, cache } = pageCache(keys, values, shape);
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
    { overrides: { ...lanes, HEADS: headBundle(queryHeads, kvHeads), CHUNKS: headDim / FLASH_HEAD_STEP } },
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

for (
  const [name, shape] of Object.entries(CASES).filter(([, { headDim }]) => headDim % FLASH_HEAD_STEP === 0)
) {
  for (const splitKeys of [64, 1000]) {
    gpuTest(`attention_flash equals the oracle in parts of ${splitKeys} keys: ${name}`, async (device) => {
      const { queryHeads, kvHeads, headDim, positions } = shape;
      const tokens = Math.max(...positions) + 1;
      const queries = noiseMatrix(positions.length, queryHeads * headDim, 1);
      const keys = noiseMatrix(tokens, kvHeads * headDim, 2);
      const values = noiseMatrix(tokens, kvHeads * headDim, 3);
      const attended = await runInParts(device, shape, splitKeys, [queries, keys, values]);
      expectClose(attended, padColumns(attentionOracle(queries, keys, values, shape)), 1e-5);
      // A row that fits one part keeps its bits whether others need more parts or not.
      for (const [row, position] of positions.entries()) {
        const columns = queryHeads * headDim;
        const one = { rows: 1, columns, data: queries.data.slice(row * columns, (row + 1) * columns) };
        const alone = await runInParts(device, { ...shape, positions: [position] }, splitKeys, [
          one,
          keys,
          values,
        ]);
        expect(alone).toEqual(attended.slice(row * padded(columns), (row + 1) * padded(columns)));
      }
    });
  }
}

for (const [name, shape] of Object.entries(CASES)) {
  gpuTest(`attention equals the oracle: ${name}`, async (device) => {
    const { queryHeads, kvHeads, headDim, positions } = shape;
    const tokens = Math.max(...positions) + 1;
    const queries = noiseMatrix(positions.length, queryHeads * headDim, 1);
    const keys = noiseMatrix(tokens, kvHeads * headDim, 2);
    const values = noiseMatrix(tokens, kvHeads * headDim, 3);
    const attended = await run(device, shape, queries, keys, values);
    // A weighted mean of values below 1; what remains is the accuracy of exp, 2e-6 relative on llvmpipe.
    expectClose(attended, padColumns(attentionOracle(queries, keys, values, shape)), 1e-5);
  });
}

gpuTest("attention survives scores too large for exp", async (device) => {
  const shape: Case = { queryHeads: 1, kvHeads: 1, headDim: 4, blockSize: 16, window: null, positions: [80] };
  const scaled = (m: Matrix, factor: number) => ({ ...m, data: m.data.map((value) => value * factor) });
  const queries = scaled(noiseMatrix(1, 4, 4), 100);
  const keys = scaled(noiseMatrix(81, 4, 5), 100);
  const values = noiseMatrix(81, 4, 6);
  const attended = await run(device, shape, queries, keys, values);
  expectClose(attended, padColumns(attentionOracle(queries, keys, values, shape)), 1e-3);
});

gpuTest("attention gives a row the same bits alone and among others", async (device) => {
  const shape = CASES["two heads a key"]!;
  const queries = noiseMatrix(3, 96, 1);
  const keys = noiseMatrix(66, 48, 2);
  const values = noiseMatrix(66, 48, 3);
  const together = await run(device, shape, queries, keys, values);
  for (let row = 0; row < 3; row++) {
    const one = { rows: 1, columns: 96, data: queries.data.slice(row * 96, (row + 1) * 96) };
    const alone = await run(device, { ...shape, positions: [shape.positions[row]!] }, one, keys, values);
    expect(alone).toEqual(together.slice(row * 96, (row + 1) * 96));
  }
});
