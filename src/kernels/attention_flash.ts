/** Attention in parts with subgroups (shaders/attention_flash.wgsl), and what puts the parts together again. */
import { defineKernel } from "../gpu/kernel.ts";
import { CACHE_LIBS, headBundle } from "./attention.ts";
import { ACT_LIBS, PLACE_LIBS } from "./linear.ts";

export const attentionFlash = defineKernel({
  name: "attention_flash",
  bindings: {
    queries: "read", // [rows, queryStride]
    cache: "read", // [blocks, k|v, kvHeads, …], see shaders/lib/cache_*.wgsl
    plan: "read", // u32, see src/model/plan.ts
    attended: "write", // [rows, queryStride]
    parts: "read_write", // [rows, splits, queryHeads, headDim] f32
    part_terms: "read_write", // [rows, splits, queryHeads] f32
    tickets: "read_write", // [rows, bundles of query heads] u32, 0 between dispatches
  },
  params: {
    rows: "u32",
    firstRow: "u32",
    queryHeads: "u32",
    kvHeads: "u32",
    columns: "u32",
    queryStride: "u32",
    blockSize: "u32",
    window: "u32",
    splits: "u32",
    splitLog2: "u32",
    mostLog2: "u32",
    scale: "f32",
  },
  overrides: { WORKGROUP: 64, SUBGROUP: 8, HEADS: 1, CHUNKS: 1, KEYS: 1, JOINS: 0 },
  libs: { act: ACT_LIBS, cache: CACHE_LIBS, half: ["half_order"], place: PLACE_LIBS, parts: ["row_parts"] },
  grid: (
    { rows, queryHeads, kvHeads, splits },
    { HEADS },
  ) => [kvHeads * Math.ceil(queryHeads / kvHeads / HEADS), rows, splits],
});

export const attentionCombine = defineKernel({
  name: "attention_combine",
  bindings: {
    parts: "read", // [rows, splits, queryHeads, headDim] f32
    part_terms: "read", // [rows, splits, queryHeads] f32
    plan: "read", // u32, see src/model/plan.ts
    attended: "write", // [rows, queryStride]
  },
  params: {
    rows: "u32",
    firstRow: "u32",
    queryHeads: "u32",
    columns: "u32",
    queryStride: "u32",
    window: "u32",
    splits: "u32",
    splitLog2: "u32",
    mostLog2: "u32",
  },
  overrides: { WORKGROUP: 64 },
  libs: { act: ACT_LIBS, half: ["half_order"], place: PLACE_LIBS, parts: ["row_parts"] },
  grid: ({ rows, queryHeads, columns }, { WORKGROUP }) => [Math.ceil(queryHeads * columns / WORKGROUP), rows],
});

/** How the keys of a row are shared out over workgroups (shaders/lib/row_parts.wgsl). Powers of two. */
export interface KeyShares {
  /** Fewest keys of a part; twice as many, and so on, where a row would have too many parts. */
  readonly splitKeys: number;
  /** Most parts of a row. */
  readonly maxSplits: number;
}

/** One part, whatever the position. */
export const WHOLE: KeyShares = { splitKeys: 2 ** 30, maxSplits: 1 };

/** As the kernels are told of it. */
export function shareParams(
  { splitKeys, maxSplits }: KeyShares,
): { readonly splitLog2: number; readonly mostLog2: number } {
  return { splitLog2: Math.log2(splitKeys), mostLog2: Math.log2(maxSplits) };
}

/** Parts of a row at `position`, which depend on nothing else; not monotone in it. */
export function splitsAt(
  position: number,
  { splitKeys, maxSplits }: KeyShares,
  window: number | null,
): number {
  const seen = Math.min(position + 1, window ?? Infinity);
  let keys = splitKeys;
  while (keys * maxSplits < seen) keys *= 2;
  return Math.ceil(seen / keys);
}

/** Most parts of any row of a sequence of `context` tokens. */
export function mostSplits(
  context: number,
  { splitKeys, maxSplits }: KeyShares,
  window: number | null,
): number {
  return Math.min(maxSplits, Math.ceil(Math.min(context, window ?? Infinity) / splitKeys));
}

/** Elements of a head that one load of eight invocations covers: heads are multiples of it. */
export const FLASH_HEAD_STEP = 32;

/** Subgroups of a workgroup. */
export const FLASH_SUBGROUPS = 8;

/**
 * Query heads of one kv head that a workgroup takes together: as many as the device has workgroup memory for, which
 * nothing checks when the pipeline is made. Changes no bit.
 */
export function flashBundle(
  { queryHeads, kvHeads, headDim }: {
    readonly queryHeads: number;
    readonly kvHeads: number;
    readonly headDim: number;
  },
  memoryBytes: number,
): number {
  let heads = headBundle(queryHeads, kvHeads);
  while (heads > 1 && flashBytes(heads, headDim) > memoryBytes) heads /= 2;
  return heads;
}

/** Workgroup memory: of each subgroup and head the values, the largest score and the sum of weights. */
export function flashBytes(heads: number, headDim: number): number {
  return FLASH_SUBGROUPS * heads * (headDim + 2) * 4;
}
