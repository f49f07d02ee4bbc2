import { expect } from "@std/expect";
import { halfPlace } from "../../src/kernels/linear.ts";
import { EVERY_ROW, rmsNorm } from "../../src/kernels/rms_norm.ts";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { gpuTest } from "../gpu/device.ts";
import { type Matrix, matrix, rmsNorm as normed } from "../oracle/ops.ts";
import {
  expectClose,
  halfRows,
  hiddenPadded,
  hiddenRows,
  LIVE,
  noise,
  noiseMatrix,
  runKernel,
} from "./harness.ts";

const EPS = 1e-5;
const SAMPLES = 3;

async function norm(
  device: GpuDevice,
  input: Matrix,
  gain: Float64Array,
  { sampled, WORKGROUP = 256 }: { readonly sampled?: readonly number[]; readonly WORKGROUP?: number } = {},
): Promise<Float32Array> {
  const { columns } = input;
  const rows = sampled?.length ?? input.rows;
  const plan = Uint32Array.from([...new Array(SAMPLES).fill(0xffff), ...sampled ?? []]);
  const result = await runKernel(device, rmsNorm, { overrides: { WORKGROUP } }, {
    input: hiddenRows(input),
    gain: hiddenRows({ rows: 1, columns, data: gain }),
    plan,
    live: LIVE,
    normed: { elements: rows * hiddenPadded(columns), type: "f16" },
  }, {
    rows,
    groups: Math.ceil(columns / 16),
    inputSize: columns,
    eps: EPS,
    samples: sampled === undefined ? EVERY_ROW : SAMPLES,
  });
  return result.normed!;
}

gpuTest("rms_norm norms every row into half order, and its padding to zero", async (device) => {
  for (const [rows, columns] of [[1, 1], [2, 13], [3, 512], [2, 611], [1, 9000]] as const) {
    const input = noiseMatrix(rows, columns, 1);
    const gain = noise(columns, 2);
    const expected = Float32Array.from(halfRows(normed(input, gain, EPS)));
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    // One unit of f16: what is rounded differs from the oracle's by some 1e-6, and may fall on the other side.
    expectClose(await norm(device, input, gain), expected, largest * 2 ** -10);
  }
});

gpuTest("rms_norm picks the rows that sample", async (device) => {
  const [rows, columns] = [5, 77];
  const input = noiseMatrix(rows, columns, 3);
  const gain = noise(columns, 4);
  const all = await norm(device, input, gain);
  const sampled = [4, 0, 3, 3];
  const stride = hiddenPadded(columns);
  const expected = sampled.flatMap((row) => [...all.slice(row * stride, (row + 1) * stride)]);
  expect([...await norm(device, input, gain, { sampled })]).toEqual(expected);
});

gpuTest(
  "rms_norm gives a row the same bits alone, among others and in a workgroup of any size",
  async (device) => {
    const [rows, columns] = [3, 5000];
    const input = noiseMatrix(rows, columns, 5);
    const gain = noise(columns, 6);
    const together = await norm(device, input, gain);
    const stride = hiddenPadded(columns);
    for (const WORKGROUP of [32, 64, 96, 128]) {
      const alone = await norm(device, matrix(1, columns, input.data.subarray(columns, 2 * columns)), gain, {
        WORKGROUP,
      });
      expect(alone).toEqual(together.slice(stride, 2 * stride));
    }
  },
);

Deno.test("halfPlace() is where an element of a row lies in half order", () => {
  const columns = 1100;
  const row = matrix(1, columns, Array.from({ length: columns }, (_, i) => 1 + i));
  const expected = halfRows(row);
  for (let i = 0; i < columns; i++) expect(expected[halfPlace(i)]).toBe(1 + i);
});
