/** Products of FP8 weights and f16 input: where nothing rounds they are exact, elsewhere as exact as their chains allow. */
import { expect } from "@std/expect";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { gateUp } from "../../src/kernels/gate_up.ts";
import {
  halfPlace,
  linearGrid,
  type LinearTuning,
  linearVariant,
  withDefaults,
} from "../../src/kernels/linear.ts";
import { linearResidual } from "../../src/kernels/linear_residual.ts";
import { HALF_TILES, tileBytes, variantFor } from "../../src/kernels/tuning.ts";
import { gpuTest } from "../gpu/device.ts";
import { add, linear, type Matrix, matrix, siluMul } from "../oracle/ops.ts";
import {
  expectClose,
  halfRows,
  hiddenPadded,
  hiddenRows,
  interleave,
  LIVE,
  noise,
  noiseMatrix,
  type PackedWeights,
  packWeights,
  padColumns,
  padded,
  runKernel,
  SHAPES,
} from "./harness.ts";

const tile = (
  [rowUnits, PAIRS]: readonly [number, number],
  [TEAMS, TOKENS]: readonly [number, number],
  [LANES, STEP]: readonly [number, number] = [1, 64],
  more: Partial<LinearTuning> = {},
): LinearTuning => {
  const WORKGROUP = rowUnits * TEAMS * LANES;
  return { core: "core_tile_f16", WORKGROUP, LANES, TEAMS, PAIRS, TOKENS, STEP, ...more };
};

/** Of one family, no two of which may differ in a bit: one lane, several, chains in one tile and in several. */
const FORMS: readonly LinearTuning[] = [
  ...HALF_TILES,
  tile([4, 2], [4, 8], [2, 64]),
  tile([8, 4], [8, 4], [1, 32], { BUFFERS: 2 }),
  // Not every invocation loads: weights, input.
  tile([4, 2], [16, 4], [1, 32]),
  tile([8, 4], [4, 4], [4, 64]),
];

/** Straight-line code, which a driver may give other bits. */
const STRAIGHT = tile([4, 2], [4, 4], [2, 128], { UNROLL: 4 });

/** Of software Vulkan the largest have no place in; nothing would say so. */
const fits = ({ limits }: GpuDevice) => (tuning: LinearTuning) =>
  tileBytes(tuning) <= limits.maxComputeWorkgroupStorageSize &&
  tuning.WORKGROUP <= limits.maxComputeInvocationsPerWorkgroup;

const nameOf = ({ core: _, rate: __, ...shares }: LinearTuning) =>
  Object.entries(shares).map(([name, value]) => `${name.toLowerCase()} ${value}`).join(", ");

const f16 = { feature: "shader-f16" } as const;

async function residual(
  device: GpuDevice,
  tuning: LinearTuning,
  input: Matrix,
  { weights, channels }: PackedWeights,
  hidden: Matrix,
): Promise<Float32Array> {
  const { libs, overrides } = linearVariant("fp8", tuning);
  const stride = hiddenPadded(hidden.columns);
  const result = await runKernel(
    device,
    linearResidual,
    { libs: { ...libs, act: "act_f16" }, overrides: overrides! },
    {
      input: halfRows(input),
      weights,
      channels,
      live: LIVE,
      hidden: { elements: input.rows * stride, initial: hiddenRows(hidden) },
    },
    {
      rows: input.rows,
      firstRow: 0,
      pairs: Math.ceil(hidden.columns / 2),
      firstPair: 0,
      groups: padded(input.columns) / 16,
      stride,
    },
  );
  return result.hidden!;
}

const zeros = (rows: number, columns: number) => matrix(rows, columns);

/** Whole numbers up to `most`, both signs. */
const whole = (rows: number, columns: number, most: number, seed: number) =>
  matrix(rows, columns, noise(rows * columns, seed).map((value) => Math.round(value * most)));

/**
 * Weights whose codes stand for multiples of 64 up to 448, so scales are one and products multiples of a quarter: sums of
 * 32 of them are below 512 quarters, which f16 has exactly, and so is everything behind.
 */
function exactWeights(rows: number, columns: number): Matrix {
  const result = whole(rows, columns, 4, 11);
  for (let row = 0; row < rows; row++) result.data[row * columns] = 7;
  result.data.forEach((value, i) => result.data[i] = value * 64);
  return result;
}

for (const tuning of [...FORMS, STRAIGHT]) {
  gpuTest(`core_tile_f16 is exact where nothing rounds: ${nameOf(tuning)}`, async (device) => {
    if (!fits(device)(tuning)) return;
    const shapes = [...SHAPES, { rows: 131, outputs: 130, inputs: 48 }, { rows: 2, outputs: 6, inputs: 528 }];
    for (const { rows, outputs, inputs } of shapes) {
      const input = whole(rows, inputs, 2, 12);
      const hidden = whole(rows, outputs, 100, 13);
      const bias = whole(1, outputs, 100, 14).data;
      const packed = packWeights("fp8", exactWeights(outputs, inputs), bias);
      const expected = hiddenRows(add(hidden, linear(input, packed.exact, bias)));
      expect(await residual(device, tuning, input, packed, hidden)).toEqual(expected);
    }
  }, f16);
}

/**
 * A chain of 32 products below 1 wanders to some 1.3 in the mean of its way, and each of up to 611 roundings is off by a
 * third of 2^-11 of that or so: √611 · 1.3 · 2^-11 · 0.4 = 0.006 is one standard deviation of a sum.
 */
const TOLERANCE = 5 * 0.006;

const [first] = FORMS as readonly [LinearTuning];

gpuTest("core_tile_f16 is off by no more than its chains round", async (device) => {
  for (const { rows, outputs, inputs } of SHAPES) {
    const input = noiseMatrix(rows, inputs, 1);
    const hidden = noiseMatrix(rows, outputs, 2);
    const bias = noise(outputs, 3);
    const packed = packWeights("fp8", noiseMatrix(outputs, inputs, 4), bias);
    const expected = hiddenRows(add(hidden, linear(input, packed.exact, bias)));
    expectClose(await residual(device, first, input, packed, hidden), expected, TOLERANCE);
  }
}, f16);

gpuTest("core_tile_f16 gives tiles of every form the same bits", async (device) => {
  const [rows, outputs, inputs] = [19, 67, 301];
  const input = noiseMatrix(rows, inputs, 7);
  const packed = packWeights("fp8", noiseMatrix(outputs, inputs, 8));
  const run = (tuning: LinearTuning) => residual(device, tuning, input, packed, zeros(rows, outputs));
  const expected = await run(first);
  for (const tuning of FORMS.slice(1).filter(fits(device))) expect(await run(tuning)).toEqual(expected);
  // And they are forms of one family because of the chain, which does matter.
  expect(await run(tile([4, 2], [16, 4], [1, 32], { CHAIN: 16 }))).not.toEqual(expected);
}, f16);

gpuTest("core_tile_f16 gives a row the same bits alone and among others", async (device) => {
  const [rows, outputs, inputs] = [5, 20, 211];
  const input = noiseMatrix(rows, inputs, 5);
  const packed = packWeights("fp8", noiseMatrix(outputs, inputs, 6));
  const together = await residual(
    device,
    FORMS.filter(fits(device)).at(-1)!,
    input,
    packed,
    zeros(rows, outputs),
  );
  for (let row = 0; row < rows; row++) {
    const one = matrix(1, inputs, input.data.slice(row * inputs, (row + 1) * inputs));
    const alone = await residual(device, first, one, packed, zeros(1, outputs));
    expect(alone).toEqual(together.slice(row * 512, (row + 1) * 512));
  }
}, f16);

for (const tuning of [HALF_TILES[0]!, HALF_TILES[3]!]) {
  gpuTest(`core_tile_f16 makes silu(gate) · up: ${nameOf(tuning)}`, async (device) => {
    for (const { rows, outputs, inputs } of SHAPES) {
      const input = noiseMatrix(rows, inputs, 1);
      const packed = packWeights(
        "fp8",
        interleave(noiseMatrix(outputs, inputs, 3), noiseMatrix(outputs, inputs, 4)),
      );
      const stride = padded(outputs);
      const { libs, overrides } = linearVariant("fp8", tuning);
      const { activated } = await runKernel(
        device,
        gateUp,
        { libs: { ...libs, act: "act_f16" }, overrides: overrides! },
        {
          input: halfRows(input),
          gain: new Float32Array(4),
          weights: packed.weights,
          channels: packed.channels,
          live: LIVE,
          activated: { elements: rows * stride, type: "f16", initial: new Float32Array(rows * stride) },
        },
        {
          rows,
          firstRow: 0,
          pairs: outputs,
          firstPair: 0,
          groups: padded(inputs) / 16,
          inputSize: 0,
          eps: 0,
          stride,
        },
      );
      const halves = [0, 1].map((odd) => {
        const part = matrix(outputs, inputs);
        for (let row = 0; row < outputs; row++) {
          const from = (2 * row + odd) * inputs;
          part.data.set(packed.exact.data.subarray(from, from + inputs), row * inputs);
        }
        return linear(input, part);
      });
      const expected = padColumns(siluMul(halves[0]!, halves[1]!));
      // The product of two sums is off by one's error times the other's size, and by half a unit of f16.
      const largest = Math.max(1, ...halves[0]!.data.map(Math.abs), ...halves[1]!.data.map(Math.abs));
      expectClose(activated!, expected, largest * (2 * TOLERANCE + largest * 2 ** -11));
    }
  }, f16);
}

Deno.test("HALF_TILES ascend, and fit the devices they are for", () => {
  const tokens = HALF_TILES.map(({ TOKENS, TEAMS }) => TOKENS! * TEAMS!);
  expect(tokens).toEqual(tokens.toSorted((a, b) => a - b));
  for (const tuning of HALF_TILES) {
    expect(tuning.WORKGROUP).toBeLessThanOrEqual(1024);
    expect(tileBytes(tuning)).toBeLessThanOrEqual(49_152);
    // Straight-line code had other bits on an H100, so a family has none.
    expect(tuning.UNROLL ?? 1).toBe(1);
  }
});

Deno.test("HALF_TILES are chosen by what a device of 132 processors makes of them", () => {
  const names = ["32 × 16", "64 × 32", "64 × 64 by 256", "64 × 64 by 128", "128 × 128"];
  const pairs = { qkv: 3072, output: 2048, gateUp: 14_336, down: 2048 };
  const chosen = (rows: number) =>
    Object.entries(pairs).map(([role, pairs]) =>
      `${role}: ${names[variantFor(HALF_TILES, { pairs, rows })]}`
    );
  expect(chosen(16)).toEqual(["qkv: 32 × 16", "output: 32 × 16", "gateUp: 32 × 16", "down: 32 × 16"]);
  expect(chosen(128)).toEqual([
    "qkv: 64 × 64 by 128",
    "output: 64 × 64 by 256",
    "gateUp: 64 × 64 by 128",
    "down: 64 × 64 by 256",
  ]);
  expect(chosen(512)).toEqual([
    "qkv: 64 × 64 by 128",
    "output: 128 × 128",
    "gateUp: 128 × 128",
    "down: 128 × 128",
  ]);
});

Deno.test("HALF_TILES make no more than 65,535 workgroups along a side", () => {
  for (const pairs of [131_072, 4 * 65_535, 3_000_000]) {
    for (const rows of [1, 16, 100]) {
      const tuning = HALF_TILES[variantFor(HALF_TILES, { pairs, rows })]!;
      expect(Math.max(...linearGrid({ pairs, rows }, withDefaults(tuning)))).toBeLessThanOrEqual(65_535);
    }
  }
});

Deno.test("halfPlace() is where products look", () => {
  const [rows, columns] = [2, 700];
  const values = matrix(rows, columns, Float64Array.from({ length: rows * columns }, (_, i) => i));
  const found = halfRows(values);
  for (let k = 0; k < columns; k++) {
    for (let row = 0; row < rows; row++) expect(found[row * 1024 + halfPlace(k)]).toBe(row * columns + k);
  }
});
