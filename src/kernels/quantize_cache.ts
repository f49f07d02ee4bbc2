/** Keys and values into the paged cache in FP8, a scale for each token and kv head (shaders/quantize_cache.wgsl). */
import { defineKernel } from "../gpu/kernel.ts";

export const quantizeCache = defineKernel({
  name: "quantize_cache",
  bindings: {
    kept: "read", // [rows, k|v, kvHeads, headDim] f32
    plan: "read", // u32, see src/model/plan.ts
    cache: "write", // [blocks, k|v, kvHeads] sections: codes, then scales
  },
  params: { rows: "u32", kvHeads: "u32", columns: "u32", blockSize: "u32" },
  overrides: { WORKGROUP: 64 },
  grid: ({ rows, kvHeads }) => [2 * kvHeads, rows],
});

/** Of one token's key or value of one head: E4M3 codes and an f32 scale. */
export function fp8HeadBytes(headDim: number): number {
  return headDim + 4;
}
