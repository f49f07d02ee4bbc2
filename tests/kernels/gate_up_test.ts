import { gateUp } from "../../src/kernels/gate_up.ts";
import { gpuTest } from "../gpu/device.ts";
import { linear, rmsNorm, siluMul } from "../oracle/ops.ts";
import {
  expectClose,
  hiddenRows,
  interleave,
  LIVE,
  noise,
  noiseMatrix,
  packWeights,
  padColumns,
  padded,
  runKernel,
  SHAPES,
  TUNINGS,
  variantOf,
} from "./harness.ts";

const EPS = 1e-5;

for (const [index, [tuningName, tuning]] of Object.entries(TUNINGS).entries()) {
  // What is stored has nothing to do with how it was computed: in turns, but for the first, of both.
  for (const act of index === 0 ? ["f32", "f16"] as const : [index % 2 === 0 ? "f32" : "f16"] as const) {
    gpuTest(
      `gate_up is silu(gate) · up of the normed input into ${act}, tuned for ${tuningName}`,
      async (device) => {
        for (const { rows, outputs, inputs } of SHAPES) {
          const input = noiseMatrix(rows, inputs, 1);
          const gain = noise(inputs, 2);
          const gate = noiseMatrix(outputs, inputs, 3);
          const up = noiseMatrix(outputs, inputs, 4);
          const packed = packWeights("bf16", interleave(gate, up));
          const stride = padded(outputs);
          const variant = variantOf("bf16", tuning, rows, inputs);
          const result = await runKernel(
            device,
            gateUp,
            { ...variant, libs: { ...variant.libs, act: `act_${act}` } },
            {
              input: hiddenRows(input),
              gain: hiddenRows({ rows: 1, columns: inputs, data: gain }),
              weights: packed.weights,
              channels: packed.channels,
              live: LIVE,
              activated: { elements: rows * stride, type: act, initial: new Float32Array(rows * stride) },
            },
            {
              rows,
              firstRow: 0,
              pairs: outputs,
              firstPair: 0,
              groups: padded(inputs) / 16,
              inputSize: inputs,
              eps: EPS,
              stride,
            },
          );
          const normed = rmsNorm(input, gain, EPS);
          const expected = padColumns(siluMul(linear(normed, gate), linear(normed, up)));
          // Relative, for silu(gate) · up grows with the square of the sums: f32 roundings, or half a unit of f16.
          const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
          expectClose(result.activated!, expected, largest * (act === "f16" ? 2 ** -11 : 2e-6));
        }
      },
      act === "f16" ? { feature: "shader-f16" } : {},
    );
  }
}

gpuTest("gate_up of a strongly negative gate is zero, not NaN", async (device) => {
  const one = packWeights(
    "f32",
    interleave(
      { rows: 1, columns: 1, data: Float64Array.of(-1e4) },
      { rows: 1, columns: 1, data: Float64Array.of(1) },
    ),
  );
  const result = await runKernel(device, gateUp, variantOf("f32", TUNINGS["software"]!, 1, 1), {
    input: hiddenRows({ rows: 1, columns: 1, data: Float64Array.of(1) }),
    gain: hiddenRows({ rows: 1, columns: 1, data: Float64Array.of(1) }),
    weights: one.weights,
    channels: one.channels,
    live: LIVE,
    activated: { elements: 1 },
  }, { rows: 1, firstRow: 0, pairs: 1, firstPair: 0, groups: 1, inputSize: 1, eps: 0, stride: 1 });
  expectClose(result.activated!, [0], 0.01);
});
