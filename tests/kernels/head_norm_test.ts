import { expect } from "@std/expect";
import { headNorm } from "../../src/kernels/head_norm.ts";
import { rotaryTable } from "../../src/model/rotary.ts";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { gpuTest } from "../gpu/device.ts";
import { matrix, rmsNorm, rope } from "../oracle/ops.ts";
import { expectClose, noise, runKernel } from "./harness.ts";
import { cacheWords, scatteredTable } from "./paged_cache.ts";

const EPS = 1e-3;
const THETA = 10_000;
const STOPPED = 0xffffffff;

interface Case {
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly blockSize: number;
  readonly positions: readonly number[];
}

const CASES: readonly Case[] = [
  { queryHeads: 1, kvHeads: 1, headDim: 4, blockSize: 16, positions: [0] },
  { queryHeads: 4, kvHeads: 2, headDim: 20, blockSize: 3, positions: [3, STOPPED, 500, 1] },
  { queryHeads: 3, kvHeads: 3, headDim: 256, blockSize: 16, positions: [17, 18] },
];

async function check(device: GpuDevice, shape: Case, kept: "kept_pages" | "kept_rows", act: "f32" | "f16") {
  const { queryHeads, kvHeads, headDim, blockSize, positions } = shape;
  const rows = positions.length;
  const round = act === "f16"
    ? (values: Iterable<number>) => [...new Float16Array(values)]
    : Array.from<number>;
  const keptType = kept === "kept_rows" ? "f32" : act;
  const running = positions.map((position) => position === STOPPED ? 0 : position);
  const table = scatteredTable(Math.max(...running) + 1, blockSize);
  const queryStride = queryHeads * headDim + 8;
  const elements = kept === "kept_rows"
    ? rows * 2 * kvHeads * headDim
    : cacheWords(table.length, shape, "f32");
  // Of unlike sizes, as heads are that have not been normed yet.
  const queries = round(noise(rows * queryStride, 1).map((value) => 5 * value));
  const cache = round(noise(elements, 2).map((value) => value / 7));
  const gains = noise(2 * headDim, 3);
  const found = await runKernel(device, headNorm, { libs: { kept, act: `act_${act}` } }, {
    gains: Float32Array.from(gains),
    rotary: rotaryTable({ ropeTheta: THETA, ropeScaling: null, headDim }, Math.max(...running) + 1),
    plan: Uint32Array.from([...positions.flatMap((p) => [0, 0, p, rows * 4]), ...table]),
    queries: { elements: queries.length, initial: queries, type: act },
    cache: { elements, initial: cache, type: keptType },
  }, { rows, queryHeads, kvHeads, headDim, queryStride, blockSize, eps: EPS });

  const expected = { queries: Float64Array.from(queries), cache: Float64Array.from(cache) };
  const norm = (of: Float64Array, at: number, gain: Float64Array, position: number) => {
    const head = rmsNorm(matrix(1, headDim, of.slice(at, at + headDim)), gain, EPS);
    of.set(rope(head, [position], headDim, THETA).data, at);
  };
  for (const [row, position] of positions.entries()) {
    if (position === STOPPED) continue;
    for (let head = 0; head < queryHeads; head++) {
      norm(expected.queries, row * queryStride + head * headDim, gains.subarray(0, headDim), position);
    }
    for (let head = 0; head < kvHeads; head++) {
      const block = table[Math.floor(position / blockSize)]!;
      const at = kept === "kept_rows"
        ? (row * 2 * kvHeads + head) * headDim
        : ((block * 2 * kvHeads + head) * blockSize + position % blockSize) * headDim;
      norm(expected.cache, at, gains.subarray(headDim), position);
    }
  }
  // Normed elements are of order 1.
  expectClose(found.queries!, expected.queries, act === "f16" ? 4e-3 : 2e-6);
  expectClose(found.cache!, expected.cache, keptType === "f16" ? 4e-3 : 2e-6);
  // What is no head of a running row is left as it was: values, other tokens, the ends of rows.
  const untouched = (now: Float32Array, before: readonly number[], wanted: Float64Array) =>
    before.every((value, i) => wanted[i] !== value || now[i] === Math.fround(value));
  expect(untouched(found.queries!, queries, expected.queries)).toBe(true);
  expect(untouched(found.cache!, cache, expected.cache)).toBe(true);
}

for (const kept of ["kept_pages", "kept_rows"] as const) {
  for (const act of ["f32", "f16"] as const) {
    const feature = act === "f16" ? { feature: "shader-f16" as const } : {};
    gpuTest(`head_norm norms and rotates queries and keys in place: ${kept}, ${act}`, async (device) => {
      for (const shape of CASES) await check(device, shape, kept, act);
    }, feature);
  }
}
