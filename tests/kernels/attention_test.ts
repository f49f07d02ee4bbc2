import { expect } from "@std/expect";
import { attention, headBundle, NO_WINDOW } from "../../src/kernels/attention.ts";
import { joinsParts } from "../../src/kernels/tuning.ts";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { gpuTest } from "../gpu/device.ts";
import { attention as attentionOracle, type Matrix } from "../oracle/ops.ts";
import { type Case, CASES, FORMATS, inputs, libsFor, runInParts } from "./attention_cases.ts";
import { expectClose, noiseMatrix, padColumns, padded, runKernel } from "./harness.ts";
import { pageCache, type PagedCache } from "./paged_cache.ts";

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
      const way = { shares: { splitKeys: 64, maxSplits: 16 }, joins: joinsParts(device.info) };
      for (const attended of [whole, await runInParts(device, shape, way, queries, paged)]) {
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
