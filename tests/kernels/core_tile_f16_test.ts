/** Products of FP8 weights and f16 input: where nothing rounds they are exact, elsewhere as exact as their chains allow. */
import { expect } from "@std/expect";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { gateUp } from "../../src/kernels/gate_up.ts";
import { halfPlace, type LinearTuning, linearVariant } from "../../src/kernels/linear.ts";
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

const [, , two, large] = HALF_TILES as readonly LinearTuning[];

/** Forms of one family: none may change a bit. */
const FORMS: readonly LinearTuning[] = [
  ...HALF_TILES,
  { ...two!, WORKGROUP: 64, TEAMS: 4 },
  { ...two!, WORKGROUP: 64, TEAMS: 4, PAIRS: 2, TOKENS: 4, UNROLL: 1, BUFFERS: 2 },
  { ...large!, WORKGROUP: 32, TEAMS: 4, UNROLL: 1, STEP: 64, BUFFERS: 2 },
];

const pairs = (
  [rowUnits, PAIRS]: readonly [number, number],
  [TEAMS, TOKENS]: readonly [number, number],
  [LANES, STEP]: readonly [number, number] = [1, 64],
  more: Partial<LinearTuning> = {},
): LinearTuning => {
  const WORKGROUP = rowUnits * TEAMS * LANES;
  return { core: "core_tile_pairs_f16", WORKGROUP, LANES, TEAMS, PAIRS, TOKENS, STEP, ...more };
};

/** Of the other core: one lane, several, chains in one tile and in several, any share of outputs. */
const PAIR_FORMS: readonly LinearTuning[] = [
  pairs([8, 4], [16, 4], [1, 32]),
  pairs([8, 4], [8, 4]),
  pairs([4, 4], [4, 4], [4, 64]),
  pairs([4, 2], [4, 8], [2, 64], { UNROLL: 2 }),
  pairs([4, 2], [4, 4], [2, 128], { UNROLL: 4 }),
  pairs([8, 4], [8, 4], [1, 32], { BUFFERS: 2 }),
  // Not every invocation loads: weights, input.
  pairs([4, 2], [16, 4], [1, 32]),
  pairs([8, 4], [4, 4], [4, 64]),
];

/** Of software Vulkan the largest have no place in; nothing would say so. */
const fits = (device: GpuDevice) => (tuning: LinearTuning) =>
  tileBytes(tuning) <= device.limits.maxComputeWorkgroupStorageSize;

const nameOf = ({ core: _, ...shares }: LinearTuning) =>
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

for (const tuning of [...FORMS, ...PAIR_FORMS]) {
  gpuTest(`${tuning.core} is exact where nothing rounds: ${nameOf(tuning)}`, async (device) => {
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

for (const forms of [FORMS, PAIR_FORMS]) {
  const [first] = forms as readonly [LinearTuning];
  const { core } = first;

  gpuTest(`${core} is off by no more than its chains round`, async (device) => {
    for (const { rows, outputs, inputs } of SHAPES) {
      const input = noiseMatrix(rows, inputs, 1);
      const hidden = noiseMatrix(rows, outputs, 2);
      const bias = noise(outputs, 3);
      const packed = packWeights("fp8", noiseMatrix(outputs, inputs, 4), bias);
      const expected = hiddenRows(add(hidden, linear(input, packed.exact, bias)));
      expectClose(await residual(device, first, input, packed, hidden), expected, TOLERANCE);
    }
  }, f16);

  gpuTest(`${core} gives tiles of every form the same bits`, async (device) => {
    const [rows, outputs, inputs] = [19, 67, 301];
    const input = noiseMatrix(rows, inputs, 7);
    const packed = packWeights("fp8", noiseMatrix(outputs, inputs, 8));
    const run = (tuning: LinearTuning) => residual(device, tuning, input, packed, zeros(rows, outputs));
    const expected = await run(first);
    for (const tuning of forms.slice(1).filter(fits(device))) expect(await run(tuning)).toEqual(expected);
    // And they are forms of one family because of the chain, which does matter.
    const one = forms.find(({ LANES = 1, STEP }) => LANES === 1 && STEP === 32)!;
    expect(await run({ ...one, CHAIN: 16 })).not.toEqual(expected);
  }, f16);

  gpuTest(`${core} gives a row the same bits alone and among others`, async (device) => {
    const [rows, outputs, inputs] = [5, 20, 211];
    const input = noiseMatrix(rows, inputs, 5);
    const packed = packWeights("fp8", noiseMatrix(outputs, inputs, 6));
    const together = await residual(device, forms[3]!, input, packed, zeros(rows, outputs));
    for (let row = 0; row < rows; row++) {
      const one = matrix(1, inputs, input.data.slice(row * inputs, (row + 1) * inputs));
      const alone = await residual(device, first, one, packed, zeros(1, outputs));
      expect(alone).toEqual(together.slice(row * 512, (row + 1) * 512));
    }
  }, f16);
}

for (const tuning of [HALF_TILES[1]!, HALF_TILES[3]!, PAIR_FORMS[2]!]) {
  gpuTest(`${tuning.core} makes silu(gate) · up: ${nameOf(tuning)}`, async (device) => {
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

Deno.test("HALF_TILES ascend, and fit the workgroup memory of the devices they are for", () => {
  const tokens = HALF_TILES.map(({ TOKENS, TEAMS }) => TOKENS! * TEAMS!);
  expect(tokens).toEqual(tokens.toSorted((a, b) => a - b));
  for (const tuning of HALF_TILES) {
    expect(tuning.WORKGROUP).toBeLessThanOrEqual(256);
    expect(tileBytes(tuning)).toBeLessThanOrEqual(49_152);
  }
  // Large layers get large tiles, and a few rows what makes enough workgroups.
  const chosen = (pairs: number, rows: number) => HALF_TILES[variantFor(HALF_TILES, { pairs, rows })]!;
  expect(chosen(14_336, 512)).toBe(HALF_TILES[3]);
  expect(chosen(2048, 16)).toBe(HALF_TILES[0]);
});

Deno.test("halfPlace() is where products look", () => {
  const [rows, columns] = [2, 700];
  const values = matrix(rows, columns, Float64Array.from({ length: rows * columns }, (_, i) => i));
  const found = halfRows(values);
  for (let k = 0; k < columns; k++) {
    for (let row = 0; row < rows; row++) expect(found[row * 1024 + halfPlace(k)]).toBe(row * columns + k);
  }
});
