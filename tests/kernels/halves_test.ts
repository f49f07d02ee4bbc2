/** The linear kernels in FP8 with inputs in half order, as the chains of f16 pairs and the tiles in f32 compute them. */
import { expect } from "@std/expect";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { gateUp } from "../../src/kernels/gate_up.ts";
import { type LinearTuning, linearVariant } from "../../src/kernels/linear.ts";
import { linearResidual } from "../../src/kernels/linear_residual.ts";
import { lmHead } from "../../src/kernels/lm_head.ts";
import { qkvRope } from "../../src/kernels/qkv_rope.ts";
import { rotaryTable } from "../../src/model/rotary.ts";
import { gpuTest } from "../gpu/device.ts";
import { decodeE4m3 } from "../oracle/fp8.ts";
import { linear, type Matrix, matrix, rope, siluMul } from "../oracle/ops.ts";
import {
  expectClose,
  HALF_TUNINGS,
  halfRows,
  hiddenPadded,
  hiddenRows,
  interleave,
  LIVE,
  noise,
  noiseMatrix,
  packWeights,
  padded,
  runKernel,
  SHAPES,
  SUBGROUP,
  variantOf,
} from "./harness.ts";

const GPU = { subgroups: true, feature: "shader-f16" } as const;

const PAIRS_OF_F16 = HALF_TUNINGS["pairs of f16"]!;

/**
 * Of a sum of so many products of noise below 1. A chain's sum is some 1/3·√8 at its end and rounded to 11 bits with every
 * product (by a driver that has no fma in f16, twice): an error of 2^-11·0.35 each, which add up as a random walk. Five
 * times that, and no less than one rounding of 1; a product left out would be 0.25.
 */
const tolerance = (inputs: number) => 2 ** -11 * Math.max(2, 2 * Math.sqrt(inputs));

const half = (variant: ReturnType<typeof linearVariant>, libs: Readonly<Record<string, string>> = {}) => ({
  ...variant,
  libs: { ...variant.libs, input: "input_half", ...libs },
});

const NO_GAIN = { gain: Float32Array.of(NaN, NaN, NaN, NaN) };
const NO_NORM = { inputSize: NaN, eps: NaN };
const shapeOf = (rows: number, pairs: number, inputs: number) => ({
  rows,
  firstRow: 0,
  pairs,
  firstPair: 0,
  groups: padded(inputs) / 16,
});

async function residual(
  device: GpuDevice,
  variant: ReturnType<typeof linearVariant>,
  input: Matrix,
  packed: ReturnType<typeof packWeights>,
): Promise<Float32Array> {
  const { rows, columns: inputs } = input;
  const outputs = packed.exact.rows;
  const stride = hiddenPadded(outputs);
  const { hidden } = await runKernel(device, linearResidual, half(variant), {
    input: halfRows(input),
    weights: packed.weights,
    channels: packed.channels,
    live: LIVE,
    hidden: { elements: rows * stride, initial: new Float32Array(rows * stride) },
  }, { ...shapeOf(rows, Math.ceil(outputs / 2), inputs), stride });
  return hidden!;
}

for (const [name, tuning] of Object.entries(HALF_TUNINGS)) {
  gpuTest(`linear_residual adds fp8 weights times input in half order by ${name}`, async (device) => {
    for (const { rows, outputs, inputs } of SHAPES) {
      const input = noiseMatrix(rows, inputs, 1);
      const bias = noise(outputs, 3);
      const packed = packWeights("fp8", noiseMatrix(outputs, inputs, 4), bias);
      const found = await residual(device, variantOf("fp8", tuning, rows, inputs), input, packed);
      expectClose(found, hiddenRows(linear(input, packed.exact, bias)), tolerance(inputs));
    }
  }, GPU);

  gpuTest(
    `linear_residual gives a row in half order the same bits alone and among others by ${name}`,
    async (device) => {
      const [rows, outputs, inputs] = [7, 20, 611];
      const input = noiseMatrix(rows, inputs, 5);
      const packed = packWeights("fp8", noiseMatrix(outputs, inputs, 6));
      const together = await residual(device, variantOf("fp8", tuning, rows, inputs), input, packed);
      for (let row = 0; row < rows; row++) {
        const one = matrix(1, inputs, input.data.subarray(row * inputs, (row + 1) * inputs));
        expect(await residual(device, variantOf("fp8", tuning, 1, inputs), one, packed))
          .toEqual(together.slice(row * 512, (row + 1) * 512));
      }
    },
    GPU,
  );
}

gpuTest("gate_up reads half order and writes it", async (device) => {
  for (const { rows, outputs, inputs } of SHAPES) {
    const input = noiseMatrix(rows, inputs, 1);
    const weight = interleave(noiseMatrix(outputs, inputs, 3), noiseMatrix(outputs, inputs, 4));
    const packed = packWeights("fp8", weight);
    const stride = hiddenPadded(outputs);
    const variant = half(variantOf("fp8", PAIRS_OF_F16, rows, inputs), {
      act: "act_f16",
      place: "place_half",
    });
    const { activated } = await runKernel(device, gateUp, variant, {
      input: halfRows(input),
      ...NO_GAIN,
      weights: packed.weights,
      channels: packed.channels,
      live: LIVE,
      activated: { elements: rows * stride, type: "f16", initial: new Float32Array(rows * stride) },
    }, { ...shapeOf(rows, outputs, inputs), ...NO_NORM, stride });
    const every = (part: number) => {
      const result = matrix(outputs, inputs);
      for (let row = 0; row < outputs; row++) {
        const at = (2 * row + part) * inputs;
        result.data.set(packed.exact.data.subarray(at, at + inputs), row * inputs);
      }
      return result;
    };
    const [gate, up] = [linear(input, every(0)), linear(input, every(1))];
    const expected = Float32Array.from(halfRows(siluMul(gate, up)));
    // silu grows by 1.1 for 1; the other factor carries the error of the one.
    const largest = [gate, up].reduce(
      (most, { data }) => data.reduce((a, b) => Math.max(a, Math.abs(b)), most),
      1,
    );
    expectClose(activated!, expected, 2.1 * largest * tolerance(inputs) + largest ** 2 * 2 ** -11);
  }
}, GPU);

gpuTest("lm_head reads the sampled rows that rms_norm has picked", async (device) => {
  for (const { rows, outputs, inputs } of SHAPES) {
    const input = noiseMatrix(rows, inputs, 1);
    const packed = packWeights("fp8", noiseMatrix(outputs, inputs, 3));
    const { logits } = await runKernel(device, lmHead, half(variantOf("fp8", PAIRS_OF_F16, rows, inputs)), {
      input: halfRows(input),
      ...NO_GAIN,
      weights: packed.weights,
      channels: packed.channels,
      live: LIVE,
      plan: new Uint32Array(rows).fill(0xffffff),
      logits: { elements: rows * outputs },
    }, { ...shapeOf(rows, Math.ceil(outputs / 2), inputs), ...NO_NORM, outputs, samples: 0 });
    expectClose(logits!, linear(input, packed.exact).data, tolerance(inputs));
  }
}, GPU);

gpuTest("qkv_rope rotates products in pairs of f16", async (device) => {
  const [queryHeads, kvHeads, headDim, inputs, positions] = [2, 1, 8, 77, [9, 2, 5]] as const;
  const rows = positions.length;
  const pairs = (queryHeads + 2 * kvHeads) * headDim / 2;
  const input = noiseMatrix(rows, inputs, 1);
  const packed = packWeights("fp8", noiseMatrix(2 * pairs, inputs, 3));
  const variant = variantOf("fp8", PAIRS_OF_F16, rows, inputs);
  const result = await runKernel(device, qkvRope, half(variant, { kept: "kept_rows" }), {
    input: halfRows(input),
    ...NO_GAIN,
    weights: packed.weights,
    channels: packed.channels,
    live: LIVE,
    rotary: rotaryTable({ ropeTheta: 10_000, ropeScaling: null, headDim }, 10),
    plan: Uint32Array.from(positions.flatMap((position) => [0, 0, position, 0])),
    queries: { elements: rows * 16 },
    cache: { elements: rows * 16 },
  }, {
    ...shapeOf(rows, pairs, inputs),
    ...NO_NORM,
    queryHeads,
    kvHeads,
    headDim,
    queryStride: 16,
    blockSize: 16,
  });
  const natural = matrix(2 * pairs, inputs);
  for (let row = 0; row < 2 * pairs; row++) {
    // Row i of a head is the first of its pair below the middle, and the second one above.
    const [head, i] = [Math.floor(row / headDim), row % headDim];
    const packedRow = head * headDim + i % (headDim / 2) * 2 + Math.floor(i / (headDim / 2));
    natural.data.set(packed.exact.data.subarray(packedRow * inputs, (packedRow + 1) * inputs), row * inputs);
  }
  const projected = linear(input, natural);
  const rotated = rope(projected, positions, headDim, 10_000);
  const expected = rotated.data.slice();
  // Values, the last head, are not rotated.
  for (let row = 0; row < rows; row++) {
    const at = row * 2 * pairs + 3 * headDim;
    expected.set(projected.data.subarray(at, at + headDim), at);
  }
  const found = new Float64Array(expected.length);
  for (let row = 0; row < rows; row++) {
    found.set(result.queries!.subarray(row * 16, (row + 1) * 16), row * 32);
    found.set(result.cache!.subarray(row * 16, (row + 1) * 16), row * 32 + 16);
  }
  expectClose(found, expected, Math.SQRT2 * tolerance(inputs));
}, GPU);

/** Rows, weight rows and inputs: a last turn has one group, is the only one, gives some lanes two, gives all two. */
const BIT_SHAPES = [[5, 37, 66 * SUBGROUP], [9, 3, 1], [3, 34, 50 * SUBGROUP], [
  8,
  16,
  64 * SUBGROUP,
]] as const;

gpuTest("chains of f16 pairs give the same bits, however rows and pairs are shared out", async (device) => {
  const ofSubgroups = (PAIRS: number, TOKENS: number, subgroups: number): LinearTuning => ({
    core: "core_subgroup_f16",
    LANES: SUBGROUP,
    SPLIT: 1,
    PAIRS,
    TOKENS,
    WORKGROUP: subgroups * SUBGROUP,
  });
  const tunings = [
    ofSubgroups(4, 1, 2),
    ofSubgroups(1, 2, 4),
    ofSubgroups(2, 4, 4),
    ofSubgroups(1, 8, 4),
    // More outputs than a subgroup of eight has lanes.
    ...SUBGROUP < 32 ? [] : [ofSubgroups(2, 8, 4), ofSubgroups(4, 8, 4)],
  ];
  for (const [rows, outputs, inputs] of BIT_SHAPES) {
    const input = noiseMatrix(rows, inputs, 7);
    const packed = packWeights("fp8", noiseMatrix(outputs, inputs, 8));
    const run = (tuning: LinearTuning) => residual(device, linearVariant("fp8", tuning), input, packed);
    const expected = await run(ofSubgroups(1, 1, 1));
    for (const tuning of tunings) {
      expect({ tuning, bits: await run(tuning) }).toEqual({ tuning, bits: expected });
    }
  }
}, GPU);

gpuTest(
  "chains of f16 pairs take every E4M3 code for what it is, in every place of a group",
  async (device) => {
    const codes = Array.from({ length: 256 }, (_, code) => code).filter((code) => (code & 0x7f) !== 0x7f);
    // One code a row, in a place of its own, times the only input that is not zero: each output is the code's value.
    for (const place of [0, 1, 2, 3, 5, 6, 10, 15]) {
      const weights = new Uint8Array(codes.length * 16);
      codes.forEach((code, row) => weights[row * 16 + place] = code);
      const channels = new Float32Array(codes.length * 2);
      codes.forEach((_, row) => channels[row * 2] = 256);
      const exact = matrix(codes.length, 16);
      codes.forEach((code, row) => exact.data[row * 16 + place] = decodeE4m3(code));
      const input = matrix(1, 16);
      input.data[place] = 1;
      const variant = variantOf("fp8", PAIRS_OF_F16, 1, 16);
      expect(await residual(device, variant, input, { weights, channels, exact }))
        .toEqual(hiddenRows({
          rows: 1,
          columns: codes.length,
          data: exact.data.filter((_, i) => i % 16 === place).map((v) => v + 0),
        }));
    }
  },
  GPU,
);
