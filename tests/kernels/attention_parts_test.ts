/** Attention in parts against the float64 oracle, joined by the workgroup that is last and by attention_combine alike. */
import { expect } from "@std/expect";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { FLASH_HEAD_STEP, mostSplits, splitsAt } from "../../src/kernels/attention_flash.ts";
import { joinsParts } from "../../src/kernels/tuning.ts";
import { STOPPED } from "../../src/model/plan.ts";
import { gpuTest } from "../gpu/device.ts";
import type { Matrix } from "../oracle/ops.ts";
import { type Case, CASES, inputs, runInParts, UNTOUCHED } from "./attention_cases.ts";
import { expectClose, padded } from "./harness.ts";
import type { PagedCache } from "./paged_cache.ts";

const SHARES = { splitKeys: 64, maxSplits: 16 };
const FEW = { splitKeys: 16, maxSplits: 4 };
const ALONE = { splitKeys: 1024, maxSplits: 16 };

/** The bits of both ways to join, which are the same; of one where the device has no other, or `oneWay`, for the time of it. */
async function runBothWays(
  device: GpuDevice,
  shape: Case,
  shares: typeof SHARES,
  queries: Matrix,
  paged: PagedCache,
  oneWay = false,
): Promise<Float32Array> {
  const joins = joinsParts(device.info);
  const attended = await runInParts(device, shape, { shares, joins }, queries, paged);
  if (joins && !oneWay) {
    expect(await runInParts(device, shape, { shares, joins: false }, queries, paged)).toEqual(attended);
  }
  return attended;
}

const rowOf = ({ columns, data }: Matrix, row: number): Matrix => ({
  rows: 1,
  columns,
  data: data.slice(row * columns, (row + 1) * columns),
});

/** Expects each row to have the bits that it has by itself. */
async function expectAlone(
  device: GpuDevice,
  shape: Case,
  shares: typeof SHARES,
  { queries, paged, attended }: { queries: Matrix; paged: PagedCache; attended: Float32Array },
): Promise<void> {
  const stride = padded(queries.columns);
  const joins = joinsParts(device.info);
  for (const [row, position] of shape.positions.entries()) {
    if (position === STOPPED) continue;
    const one = { ...shape, positions: [position] };
    const alone = await runInParts(device, one, { shares, joins }, rowOf(queries, row), paged);
    expect(alone).toEqual(attended.slice(row * stride, (row + 1) * stride));
  }
}

const FLASH_CASES = Object.entries(CASES).filter(([, { headDim }]) => headDim % FLASH_HEAD_STEP === 0);

for (const [name, shape] of FLASH_CASES) {
  for (const [format, shares] of [["f32", SHARES], ["f32", FEW], ["f32", ALONE], ["fp8", SHARES]] as const) {
    gpuTest(
      `attention_flash equals the oracle in ${shares.maxSplits} parts of ${shares.splitKeys} keys, ${format}: ${name}`,
      async (device) => {
        const { queries, paged, expected } = inputs(shape, format);
        const oneWay = format === "fp8" || shape.headDim > 64; // Large kernels take seconds to compile.
        const attended = await runBothWays(device, shape, shares, queries, paged, oneWay);
        expectClose(attended, expected, 1e-5);
        await expectAlone(device, shape, shares, { queries, paged, attended });
      },
      { subgroups: true },
    );
  }
}

const LONG: Case = {
  ...{ queryHeads: 3, kvHeads: 1, headDim: 32, blockSize: 16, window: null },
  positions: [2047, 62, 63, 64, 1022, 1023, 1024, 1025, 2048, 0],
};

for (const window of [null, 1, 64, 65, 1024, 1025]) {
  gpuTest(`rows where the number of parts changes equal the oracle, window ${window}`, async (device) => {
    const shape = { ...LONG, window };
    const { queries, paged, expected } = inputs(shape, "f32");
    const attended = await runBothWays(device, shape, SHARES, queries, paged);
    expectClose(attended, expected, 1e-5);
    await expectAlone(device, shape, SHARES, { queries, paged, attended });
  }, { subgroups: true });
}

gpuTest("rows that have stopped take no part, and leave the others theirs", async (device) => {
  // Two bundles a kv head, each with tickets of its own.
  const heads = { queryHeads: 14, kvHeads: 2 };
  const shape = { ...LONG, ...heads, positions: [1023, STOPPED, 5, STOPPED, 300] };
  const { queries, paged, expected } = inputs(shape, "f32");
  const attended = await runBothWays(device, shape, SHARES, queries, paged);
  await expectAlone(device, shape, SHARES, { queries, paged, attended });
  const stride = padded(queries.columns);
  for (const row of [0, 2, 4]) {
    const range = [row * stride, (row + 1) * stride] as const;
    expectClose(attended.slice(...range), expected.slice(...range), 1e-5);
  }
  for (const row of [1, 3]) {
    expect(attended.slice(row * stride, (row + 1) * stride).every((value) => value === UNTOUCHED)).toBe(true);
  }
}, { subgroups: true });

Deno.test("splitsAt() gives parts of 64 keys, doubled where there would be more than 16", () => {
  const at = (position: number, window: number | null = null) => splitsAt(position, SHARES, window);
  expect([0, 63, 64, 1022, 1023, 1024, 2047, 2048, 4095, 4096].map((p) => at(p)))
    .toEqual([1, 1, 2, 16, 16, 9, 16, 9, 16, 9]);
  expect([63, 64, 5000].map((position) => at(position, 64))).toEqual([1, 1, 1]);
  expect(at(100_000, 4096)).toBe(16);
  for (const context of [1, 64, 65, 1000, 1024, 5000]) {
    const most = Math.max(...Array.from({ length: context }, (_, position) => at(position)));
    expect(mostSplits(context, SHARES, null)).toBe(most);
  }
});
