import { qkvRope } from "../../src/kernels/qkv_rope.ts";
import { rotaryTable } from "../../src/model/rotary.ts";
import { gpuTest } from "../gpu/device.ts";
import { linear, type Matrix, matrix, rmsNorm, rope } from "../oracle/ops.ts";
import {
  expectClose,
  hiddenRows,
  LIVE,
  noise,
  noiseMatrix,
  packWeights,
  padColumns,
  padded,
  runKernel,
  TUNINGS,
  variantOf,
} from "./harness.ts";

const EPS = 1e-5;
const THETA = 10000;

const CASES = [
  { queryHeads: 1, kvHeads: 1, headDim: 4, inputs: 1, blockSize: 16, positions: [0] },
  { queryHeads: 4, kvHeads: 2, headDim: 8, inputs: 48, blockSize: 4, positions: [3, 4, 5, 6, 7, 8] },
  { queryHeads: 3, kvHeads: 1, headDim: 20, inputs: 77, blockSize: 3, positions: [500, 499, 1] },
] as const;

/** Tunings that also put keys and values into rows, for quantize_cache: how they were made has nothing to do with it. */
const INTO_ROWS = ["software", "subgroups"];

/** Weight rows of all heads with the halves of each head in turn. */
function pairRows(weights: Matrix, bias: Float64Array, headDim: number) {
  const half = headDim / 2;
  const order = Array.from({ length: weights.rows }, (_, row) => {
    const pair = row >> 1;
    return Math.floor(pair / half) * headDim + pair % half + (row % 2) * half;
  });
  const rows = order.map((row) => weights.data.subarray(row * weights.columns, (row + 1) * weights.columns));
  return {
    weights: matrix(weights.rows, weights.columns, rows.flatMap((row) => [...row])),
    bias: order.map((row) => bias[row]!),
  };
}

for (const [tuningName, tuning] of Object.entries(TUNINGS)) {
  gpuTest(
    `qkv_rope rotates, keeps queries and pages keys and values, tuned for ${tuningName}`,
    async (device) => {
      const turns = [
        ...CASES.map((shape) => ({ ...shape, pages: true })),
        ...INTO_ROWS.includes(tuningName) ? [{ ...CASES[1], pages: false }] : [],
      ];
      for (const { queryHeads, kvHeads, headDim, inputs, blockSize, positions, pages } of turns) {
        const rows = positions.length;
        const heads = queryHeads + 2 * kvHeads;
        const input = noiseMatrix(rows, inputs, 1);
        const gain = noise(inputs, 2);
        const weight = noiseMatrix(heads * headDim, inputs, 3);
        const bias = noise(heads * headDim, 4);
        const paired = pairRows(weight, bias, headDim);
        const packed = packWeights("f16", paired.weights, paired.bias);
        const blocks = Math.ceil((Math.max(...positions) + 1) / blockSize);
        const table = Array.from({ length: blocks }, (_, i) => blocks - 1 - i);
        const plan = Uint32Array.from([...positions.flatMap((p) => [0, 0, p, rows * 4]), ...table]);
        const queryStride = padded(queryHeads * headDim);
        const blockElements = 2 * kvHeads * blockSize * headDim;
        const variant = variantOf("f16", tuning, rows, inputs);
        const libs = { ...variant.libs, kept: pages ? "kept_pages" : "kept_rows" };
        const elements = pages ? blocks * blockElements : rows * 2 * kvHeads * headDim;
        const result = await runKernel(device, qkvRope, { ...variant, libs }, {
          input: hiddenRows(input),
          gain: hiddenRows({ rows: 1, columns: inputs, data: gain }),
          weights: packed.weights,
          channels: packed.channels,
          live: LIVE,
          rotary: rotaryTable({ ropeTheta: THETA, ropeScaling: null, headDim }, Math.max(...positions) + 1),
          plan,
          queries: { elements: rows * queryStride, initial: new Float32Array(rows * queryStride) },
          cache: { elements },
        }, {
          rows,
          firstRow: 0,
          pairs: heads * headDim / 2,
          firstPair: 0,
          groups: padded(inputs) / 16,
          inputSize: inputs,
          eps: EPS,
          queryHeads,
          kvHeads,
          headDim,
          queryStride,
          blockSize,
        });

        const projected = linear(rmsNorm(input, gain, EPS), weight, bias);
        const columns = (first: number, count: number) => {
          const part = matrix(rows, count * headDim);
          for (let row = 0; row < rows; row++) {
            const at = row * projected.columns + first * headDim;
            part.data.set(projected.data.subarray(at, at + count * headDim), row * part.columns);
          }
          return part;
        };
        const queries = rope(columns(0, queryHeads), positions, headDim, THETA);
        const keys = rope(columns(queryHeads, kvHeads), positions, headDim, THETA);
        const values = columns(queryHeads + kvHeads, kvHeads);
        // Sums of up to 77 products of order 1.
        expectClose(result.queries!, padColumns(queries), 2e-5);
        const cache = new Float64Array(elements).fill(NaN); // untouched elsewhere
        positions.forEach((position, row) => {
          const block = table[Math.floor(position / blockSize)]!;
          [keys, values].forEach(({ data, columns }, part) => {
            for (let head = 0; head < kvHeads; head++) {
              const at = pages
                ? (((block * 2 + part) * kvHeads + head) * blockSize + position % blockSize) * headDim
                : ((row * 2 + part) * kvHeads + head) * headDim;
              const from = row * columns + head * headDim;
              cache.set(data.subarray(from, from + headDim), at);
            }
          });
        });
        expectClose(result.cache!, cache, 2e-5);
      }
    },
  );
}
