/** Shapes of attention for the tests of its kernels, their inputs, and a way to run what takes them in parts. */
import { expect } from "@std/expect";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { headBundle, NO_WINDOW } from "../../src/kernels/attention.ts";
import {
  attentionCombine,
  attentionFlash,
  FLASH_HEAD_STEP,
  type KeyShares,
  shareParams,
  splitsAt,
} from "../../src/kernels/attention_flash.ts";
import { subgroupTuning } from "../../src/kernels/tuning.ts";
import { STOPPED } from "../../src/model/plan.ts";
import { attention as attentionOracle, type Matrix } from "../oracle/ops.ts";
import { noiseMatrix, padColumns, padded, runKernel, SUBGROUP } from "./harness.ts";
import { pageCache, type PagedCache } from "./paged_cache.ts";

export interface Case {
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly blockSize: number;
  readonly window: number | null;
  /** Of the rows; all of one sequence. */
  readonly positions: readonly number[];
}

export const CASES: Readonly<Record<string, Case>> = {
  "one key": { queryHeads: 1, kvHeads: 1, headDim: 4, blockSize: 16, window: null, positions: [0] },
  "a prompt": {
    queryHeads: 2,
    kvHeads: 2,
    headDim: 8,
    blockSize: 4,
    window: null,
    positions: [0, 1, 2, 3, 4, 5, 6],
  },
  "two heads a key": {
    queryHeads: 6,
    kvHeads: 3,
    headDim: 16,
    blockSize: 16,
    window: null,
    positions: [63, 64, 65],
  },
  "three heads a key": {
    queryHeads: 3,
    kvHeads: 1,
    headDim: 12,
    blockSize: 16,
    window: null,
    positions: [70, 5],
  },
  "seven heads a key": {
    queryHeads: 14,
    kvHeads: 2,
    headDim: 20,
    blockSize: 3,
    window: null,
    positions: [127, 128],
  },
  "a large head": { queryHeads: 4, kvHeads: 1, headDim: 256, blockSize: 16, window: null, positions: [200] },
  "a head of 128": {
    queryHeads: 8,
    kvHeads: 2,
    headDim: 128,
    blockSize: 16,
    window: null,
    positions: [0, 130],
  },
  "a head of 32, many keys": {
    queryHeads: 6,
    kvHeads: 2,
    headDim: 32,
    blockSize: 16,
    window: null,
    positions: [300, 0, 63, 64, 257],
  },
  "a head of 64 and a window": {
    queryHeads: 2,
    kvHeads: 2,
    headDim: 64,
    blockSize: 16,
    window: 70,
    positions: [300, 3, 69, 70, 129],
  },
  "a window": {
    queryHeads: 2,
    kvHeads: 1,
    headDim: 8,
    blockSize: 8,
    window: 5,
    positions: [0, 3, 4, 5, 6, 90],
  },
  "a window over tiles": {
    queryHeads: 2,
    kvHeads: 1,
    headDim: 8,
    blockSize: 16,
    window: 100,
    positions: [99, 100, 250],
  },
  "a window of one": {
    queryHeads: 2,
    kvHeads: 1,
    headDim: 8,
    blockSize: 16,
    window: 1,
    positions: [0, 1, 77],
  },
};

/** Of a paged cache. */
export const FORMATS = ["f32", "fp8"] as const;
export const libsFor = ({ cache }: PagedCache) => ({
  cache: cache instanceof Uint32Array ? "cache_fp8" : "cache_act",
});

/** Left where nothing is written. */
export const UNTOUCHED = 0.5;

export interface PartsRun {
  readonly shares: KeyShares;
  /** By the workgroup that is last, or by attention_combine. */
  readonly joins: boolean;
}

/** Attention of the rows in parts; expects all tickets to be back at zero. Elements of rows as padColumns() has them. */
export async function runInParts(
  device: GpuDevice,
  shape: Case,
  { shares, joins }: PartsRun,
  queries: Matrix,
  paged: PagedCache,
): Promise<Float32Array> {
  const { queryHeads, kvHeads, headDim, blockSize, window, positions } = shape;
  const { table, cache } = paged;
  const rows = positions.length;
  // Rows begin at the second row of the plan: the first is another family's.
  const tableAt = (rows + 1) * 4;
  const plan = Uint32Array.from([0, 0, 0, 0, ...positions.flatMap((p) => [0, 0, p, tableAt]), ...table]);
  const queryStride = padded(queryHeads * headDim);
  const ahead = (m: Matrix) => ({
    rows: m.rows + 1,
    columns: m.columns,
    data: Float64Array.of(...new Float64Array(m.columns), ...m.data),
  });
  const going = positions.filter((position) => position !== STOPPED);
  const splits = Math.max(...going.map((position) => splitsAt(position, shares, window)));
  const { WORKGROUP, KEYS } = subgroupTuning(SUBGROUP).attention!;
  const elements = (rows + 1) * queryStride;
  const attendedOutput = { elements, initial: new Float32Array(elements).fill(UNTOUCHED) };
  const partElements = rows * splits * queryHeads * headDim;
  const shared = {
    ...{ rows, firstRow: 1, queryHeads, columns: headDim / 4, queryStride, splits },
    ...{ window: window ?? NO_WINDOW, ...shareParams(shares) },
  };
  const HEADS = headBundle(queryHeads, kvHeads);
  const tickets = rows * kvHeads * Math.ceil(queryHeads / kvHeads / HEADS);
  const flash = await runKernel(
    device,
    attentionFlash,
    {
      libs: libsFor(paged),
      overrides: {
        ...{ WORKGROUP, SUBGROUP, KEYS, HEADS, CHUNKS: headDim / FLASH_HEAD_STEP },
        JOINS: joins ? 1 : 0,
      },
    },
    {
      queries: padColumns(ahead(queries)),
      cache,
      plan,
      attended: attendedOutput,
      parts: { elements: partElements },
      part_terms: { elements: rows * splits * queryHeads },
      tickets: { elements: tickets, initial: new Float32Array(tickets) },
    },
    { ...shared, kvHeads, blockSize, scale: headDim ** -0.5 },
  );
  expect(flash.tickets!.every((ticket) => Object.is(ticket, 0))).toBe(true);
  if (splits === 1 || joins) return flash.attended!.slice(queryStride);
  const { attended } = await runKernel(device, attentionCombine, {}, {
    parts: flash.parts as Float32Array<ArrayBuffer>,
    part_terms: flash.part_terms as Float32Array<ArrayBuffer>,
    plan,
    attended: { elements, initial: flash.attended! },
  }, shared);
  return attended!.slice(queryStride);
}

/** Queries of the rows, the cache of as many tokens as they see, and what is expected of those that have not stopped. */
export function inputs(shape: Case, format: typeof FORMATS[number]) {
  const { queryHeads, kvHeads, headDim, positions } = shape;
  const going = positions.map((position) => position === STOPPED ? 0 : position);
  const tokens = Math.max(...going) + 1;
  const queries = noiseMatrix(positions.length, queryHeads * headDim, 1);
  const keys = noiseMatrix(tokens, kvHeads * headDim, 2);
  const values = noiseMatrix(tokens, kvHeads * headDim, 3);
  const paged = pageCache(keys, values, shape, format);
  const expected = padColumns(
    attentionOracle(queries, paged.keys, paged.values, { ...shape, positions: going }),
  );
  return { queries, paged, expected };
}
