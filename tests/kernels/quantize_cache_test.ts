import { expect } from "@std/expect";
import * as fc from "fast-check";
import { quantizeCache } from "../../src/kernels/quantize_cache.ts";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { gpuTest } from "../gpu/device.ts";
import { decodeE4m3 } from "../oracle/fp8.ts";
import { noise, runKernel } from "./harness.ts";
import { cacheWords, putFp8, scatteredTable } from "./paged_cache.ts";
import { runs } from "../support/properties.ts";

interface Case {
  readonly kvHeads: number;
  readonly headDim: number;
  readonly blockSize: number;
  readonly positions: readonly number[];
}

const CASES: readonly Case[] = [
  { kvHeads: 1, headDim: 4, blockSize: 16, positions: [0] },
  { kvHeads: 3, headDim: 12, blockSize: 3, positions: [3, 4, 5, 6, 7, 8] },
  { kvHeads: 2, headDim: 20, blockSize: 4, positions: [50, 49, 1] },
  { kvHeads: 2, headDim: 128, blockSize: 16, positions: [17, 18] },
  { kvHeads: 1, headDim: 256, blockSize: 16, positions: [5] },
];

/** The cache after rows of keys and values, [rows, k|v, kvHeads, headDim], and what the oracle makes of them. */
async function run(device: GpuDevice, shape: Case, rows: Float32Array<ArrayBuffer>) {
  const { kvHeads, headDim, blockSize, positions } = shape;
  const table = scatteredTable(Math.max(...positions) + 1, blockSize);
  const tableAt = positions.length * 4;
  const elements = cacheWords(table.length, shape, "fp8");
  const { cache } = await runKernel(device, quantizeCache, {}, {
    kept: rows,
    plan: Uint32Array.from([...positions.flatMap((p) => [0, 0, p, tableAt]), ...table]),
    cache: { elements },
  }, { rows: positions.length, kvHeads, columns: headDim / 4, blockSize });
  const expected = new Uint32Array(elements).fill(0x7fc00000); // as the harness leaves what nobody writes
  for (const [row, position] of positions.entries()) {
    for (let head = 0; head < 2 * kvHeads; head++) {
      const from = (row * 2 * kvHeads + head) * headDim;
      const section = table[Math.floor(position / blockSize)]! * 2 * kvHeads + head;
      const place = { section, token: position % blockSize, headDim, blockSize };
      putFp8(expected, rows.subarray(from, from + headDim), place);
    }
  }
  return { found: new Uint32Array(cache!.buffer, cache!.byteOffset, elements), expected };
}

for (const shape of CASES) {
  const { kvHeads, headDim, positions } = shape;
  gpuTest(`quantize_cache equals the oracle bit by bit: ${kvHeads} heads of ${headDim}`, async (device) => {
    const count = positions.length * 2 * kvHeads * headDim;
    // Rows of very unlike sizes.
    const rows = Float32Array.from(
      noise(count, 1),
      (v, i) => v * 10 ** (Math.floor(i / headDim) % 7 - 3) / 3,
    );
    const { found, expected } = await run(device, shape, rows);
    expect(found).toEqual(expected);
  });
}

gpuTest("quantize_cache rounds to even, saturates, passes NaN on, and keeps the smallest", async (device) => {
  const headDim = 256;
  const codes = Array.from({ length: 127 }, (_, code) => decodeE4m3(code));
  const middles = codes.slice(1).map((value, i) => (value + codes[i]!) / 2);
  const fill = (values: readonly number[]) => [...values, ...Array(headDim).fill(0)].slice(0, headDim);
  const heads: number[][] = [
    fill([...codes, ...codes.map((value) => -value)]), // exact
    fill([...middles, 448]), // ties
    fill([...middles.map((value) => -value * 2 ** 40), 448 * 2 ** 40]),
    fill([448.00003, 1, 0.0009765625, 0.0009765626]), // one more than 448: the next scale
    fill([NaN, 1, 2]),
    fill([1, -Infinity]),
    fill([3.4028234663852886e38, 1e38, -3e38]), // beyond the largest scale
    fill([2 ** -126, 2 ** -125, -(2 ** -120)]), // below the smallest
    fill([]),
    fill([-0, 1e-30]),
  ];
  const positions = heads.map((_, i) => i).slice(0, heads.length / 2);
  const shape = { kvHeads: 1, headDim, blockSize: 4, positions };
  const { found, expected } = await run(device, shape, Float32Array.from(heads.flat()));
  expect(found).toEqual(expected);
});

gpuTest("quantize_cache equals the oracle for any finite bits", async (device) => {
  const shape = { kvHeads: 2, headDim: 32, blockSize: 4, positions: [0, 1, 2, 3, 4, 5, 6] };
  const count = 7 * 2 * 2 * 32;
  const scaled = fc.tuple(fc.integer({ min: -110, max: 126 }), fc.float({ noNaN: true, min: -1, max: 1 }));
  const rows = fc.array(scaled, { minLength: count, maxLength: count }).map((pairs) =>
    // Neighbours within a few binades of the row's own, so that most codes are not zero.
    Float32Array.from(pairs, ([, value], i) => {
      const [exponent] = pairs[Math.floor(i / 32) * 32]!;
      const scaledValue = value * 2 ** exponent;
      return Math.abs(scaledValue) < 2 ** -126 ? 0 : scaledValue; // a GPU may flush it
    })
  );
  await fc.assert(
    fc.asyncProperty(rows, async (values) => {
      const { found, expected } = await run(device, shape, values);
      expect(found).toEqual(expected);
    }),
    { numRuns: runs(6) },
  );
});
