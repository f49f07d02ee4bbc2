/** Causal grouped-query attention over the paged cache, for prompt and decode rows alike (shaders/attention.wgsl). */
import { defineKernel } from "../gpu/kernel.ts";
import { ACT_LIBS, PLACE_LIBS } from "./linear.ts";

/** How the paged cache is read: as activations are stored, or as quantize_cache leaves it. */
export const CACHE_LIBS = ["cache_act", "cache_fp8"] as const;

/** `window` of a model without sliding window. */
export const NO_WINDOW = 0xffffffff;

export const attention = defineKernel({
  name: "attention",
  bindings: {
    queries: "read", // [rows, queryStride]
    cache: "read", // [blocks, k|v, kvHeads, …], see shaders/lib/cache_*.wgsl
    plan: "read", // u32, see src/model/plan.ts
    attended: "write", // [rows, queryStride]
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
    scale: "f32",
  },
  overrides: { WORKGROUP: 64, HEADS: 1 },
  libs: { act: ACT_LIBS, cache: CACHE_LIBS, half: ["half_order"], place: PLACE_LIBS },
  grid: (
    { rows, queryHeads, kvHeads },
    { HEADS },
  ) => [kvHeads * Math.ceil(queryHeads / kvHeads / HEADS), rows],
});

/** Largest head that a workgroup covers, four elements per invocation. */
export const MAX_HEAD_DIM = 256;

/** Query heads of one kv head that a workgroup takes together. */
export function headBundle(queryHeads: number, kvHeads: number): number {
  const heads = queryHeads / kvHeads;
  return heads > 2 ? 4 : heads;
}
