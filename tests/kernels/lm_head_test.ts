import { lmHead } from "../../src/kernels/lm_head.ts";
import { gpuTest } from "../gpu/device.ts";
import { linear, matrix, rmsNorm } from "../oracle/ops.ts";
import {
  expectClose,
  hiddenRows,
  LIVE,
  noise,
  noiseMatrix,
  packWeights,
  padded,
  runKernel,
  SHAPES,
  TUNINGS,
  variantOf,
} from "./harness.ts";

const EPS = 1e-6;

for (const [tuningName, tuning] of Object.entries(TUNINGS)) {
  gpuTest(`lm_head gives logits of the sampled rows only, tuned for ${tuningName}`, async (device) => {
    for (const { rows, outputs, inputs } of SHAPES) {
      const input = noiseMatrix(rows, inputs, 1);
      const gain = noise(inputs, 2);
      const packed = packWeights("fp8", noiseMatrix(outputs, inputs, 3));
      // Every other row from the last one down: order and gaps must not matter.
      const sampled = Array.from({ length: Math.ceil(rows / 2) }, (_, i) => rows - 1 - 2 * i);
      const samples = 64;
      const plan = new Uint32Array(samples + sampled.length);
      plan.set(sampled, samples);
      const result = await runKernel(
        device,
        lmHead,
        variantOf("fp8", tuning, sampled.length, inputs),
        {
          input: hiddenRows(input),
          gain: hiddenRows({ rows: 1, columns: inputs, data: gain }),
          weights: packed.weights,
          channels: packed.channels,
          live: LIVE,
          plan,
          logits: { elements: sampled.length * outputs },
        },
        {
          rows: sampled.length,
          firstRow: 0,
          pairs: Math.ceil(outputs / 2),
          firstPair: 0,
          groups: padded(inputs) / 16,
          inputSize: inputs,
          eps: EPS,
          outputs,
          samples,
        },
      );
      const all = linear(rmsNorm(input, gain, EPS), packed.exact);
      const expected = matrix(sampled.length, outputs);
      sampled.forEach((row, i) =>
        expected.data.set(all.data.subarray(row * outputs, (row + 1) * outputs), i * outputs)
      );
      // Sums of up to 611 products of order 1.
      expectClose(result.logits!, expected.data, 1e-4);
    }
  });
}
