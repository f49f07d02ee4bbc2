import { expect } from "@std/expect";
import { type LinearTuning, linearVariant, type WeightFormat } from "../../src/kernels/linear.ts";
import { subgroupTuning } from "../../src/kernels/tuning.ts";
import { linearResidual } from "../../src/kernels/linear_residual.ts";
import { gpuTest } from "../gpu/device.ts";
import { decodeE4m3 } from "../oracle/fp8.ts";
import { add, linear, matrix } from "../oracle/ops.ts";
import {
  expectClose,
  hiddenPadded,
  hiddenRows,
  LIVE,
  noise,
  noiseMatrix,
  packWeights,
  padColumns,
  padded,
  runKernel,
  SHAPES,
  SUBGROUP,
  TUNINGS,
  variantOf,
} from "./harness.ts";

/** f32 sums of up to 611 products below 1: about √611 roundings of 2^-24 · 25, with room. */
const TOLERANCE = 5e-5;

/**
 * FP8 with every tuning. How a weight is decoded has nothing to do with who computes with it, so the others go through
 * each kind of core once, and with every tuning one of them does.
 */
const BY_FORMAT: Readonly<Record<WeightFormat, readonly string[]>> = {
  fp8: Object.keys(TUNINGS),
  f32: ["software", "split subgroups", "tiles (2)"],
  bf16: ["a GPU without subgroups", "subgroups", "tiles (3)"],
  f16: ["software", "subgroups", "tiles (1)", "tiles (4)"],
};

for (const [format, names] of Object.entries(BY_FORMAT) as [WeightFormat, string[]][]) {
  for (const tuningName of names) {
    const tuning = TUNINGS[tuningName]!;
    gpuTest(`linear_residual adds ${format} weights times input, tuned for ${tuningName}`, async (device) => {
      for (const { rows, outputs, inputs } of SHAPES) {
        const input = noiseMatrix(rows, inputs, 1);
        const hidden = noiseMatrix(rows, outputs, 2);
        const bias = noise(outputs, 3);
        const packed = packWeights(format, noiseMatrix(outputs, inputs, 4), bias);
        const stride = hiddenPadded(outputs);
        const result = await runKernel(
          device,
          linearResidual,
          variantOf(format, tuning, rows, inputs),
          {
            input: padColumns(input),
            weights: packed.weights,
            channels: packed.channels,
            live: LIVE,
            hidden: { elements: rows * stride, initial: hiddenRows(hidden) },
          },
          {
            rows,
            firstRow: 0,
            pairs: Math.ceil(outputs / 2),
            firstPair: 0,
            groups: padded(inputs) / 16,
            stride,
          },
        );
        // Padding stays zero: the next layer multiplies it by zero weights, and NaN times zero is NaN.
        const expected = hiddenRows(add(hidden, linear(input, packed.exact, bias)));
        expectClose(result.hidden!, expected, TOLERANCE);
      }
    });
  }
}

gpuTest("linear_residual writes its slice of the outputs only", async (device) => {
  const [rows, outputs, inputs] = [3, 24, 32];
  const input = noiseMatrix(rows, inputs, 1);
  const weight = noiseMatrix(outputs, inputs, 2);
  const [firstPair, pairs] = [3, 5];
  const slice = matrix(
    pairs * 2,
    inputs,
    weight.data.subarray(firstPair * 2 * inputs, (firstPair + pairs) * 2 * inputs),
  );
  const packed = packWeights("bf16", slice);
  const result = await runKernel(device, linearResidual, variantOf("bf16", TUNINGS["software"]!, 4, inputs), {
    input: padColumns(input),
    weights: packed.weights,
    channels: packed.channels,
    live: LIVE,
    hidden: { elements: rows * 512, initial: new Float32Array(rows * 512) },
  }, { rows, firstRow: 0, pairs, firstPair, groups: 2, stride: 512 });
  const full = linear(input, weight);
  full.data.forEach((_, i) => {
    const output = i % outputs;
    if (output < firstPair * 2 || output >= (firstPair + pairs) * 2) full.data[i] = 0;
  });
  const expected = hiddenRows(full);
  expectClose(result.hidden!, expected, TOLERANCE);
});

for (const [tuningName, tuning] of Object.entries(TUNINGS)) {
  gpuTest(
    `linear_residual gives a row the same bits alone and among others, tuned for ${tuningName}`,
    async (device) => {
      const [rows, outputs, inputs] = [7, 20, 211];
      const input = padColumns(noiseMatrix(rows, inputs, 5));
      const packed = packWeights("fp8", noiseMatrix(outputs, inputs, 6));
      const run = async (rows: number, input: Float32Array) => {
        const { hidden } = await runKernel(
          device,
          linearResidual,
          variantOf("fp8", tuning, rows, inputs),
          {
            input,
            weights: packed.weights,
            channels: packed.channels,
            live: LIVE,
            hidden: { elements: rows * 512, initial: new Float32Array(rows * 512) },
          },
          { rows, firstRow: 0, pairs: outputs / 2, firstPair: 0, groups: padded(inputs) / 16, stride: 512 },
        );
        return hidden!;
      };
      const together = await run(rows, input);
      for (let row = 0; row < rows; row++) {
        const alone = await run(1, input.slice(row * padded(inputs), (row + 1) * padded(inputs)));
        expect(alone).toEqual(together.slice(row * 512, (row + 1) * 512));
      }
    },
  );
}

gpuTest("linear_residual decodes every E4M3 code, subnormals and signs of zero included", async (device) => {
  const codes = Array.from({ length: 256 }, (_, code) => code).filter((code) => (code & 0x7f) !== 0x7f);
  // One code per row, times one: each output is the code's value.
  const weights = new Uint8Array(codes.length * 16);
  codes.forEach((code, row) => weights[row * 16] = code);
  const channels = new Float32Array(codes.length * 2);
  codes.forEach((_, row) => channels[row * 2] = 256);
  const result = await runKernel(device, linearResidual, variantOf("fp8", TUNINGS["software"]!, 1, 16), {
    input: Float32Array.from({ length: 16 }, (_, i) => i === 0 ? 1 : 0),
    weights,
    channels,
    live: LIVE,
    hidden: { elements: 512, initial: new Float32Array(512) },
  }, {
    rows: 1,
    firstRow: 0,
    pairs: codes.length / 2,
    firstPair: 0,
    groups: 1,
    stride: 512,
  });
  const values = Float64Array.from(codes, (code) => decodeE4m3(code) + 0);
  expect(result.hidden!).toEqual(hiddenRows({ rows: 1, columns: codes.length, data: values }));
});

gpuTest("linear_residual gives tiles of every size the same bits", async (device) => {
  const [rows, outputs, inputs] = [9, 67, 77];
  const packed = packWeights("fp8", noiseMatrix(outputs, inputs, 8));
  const run = async (tuning: LinearTuning) => {
    const { hidden } = await runKernel(device, linearResidual, linearVariant("fp8", tuning), {
      input: padColumns(noiseMatrix(rows, inputs, 7)),
      weights: packed.weights,
      channels: packed.channels,
      live: LIVE,
      hidden: { elements: rows * 512, initial: new Float32Array(rows * 512) },
    }, { rows, firstRow: 0, pairs: 34, firstPair: 0, groups: padded(inputs) / 16, stride: 512 });
    return hidden!;
  };
  const tiles = subgroupTuning(SUBGROUP).matrices.output.prompt;
  const expected = await run(tiles[0]!);
  for (const tuning of tiles) expect(await run(tuning)).toEqual(expected);
  expect(await run({ ...tiles[1]!, UNROLL: 1 })).toEqual(expected);
});
