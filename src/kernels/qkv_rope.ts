/**
 * RMSNorm, query, key and value projection, rotary embedding (shaders/qkv_rope.wgsl), and the write into the paged cache,
 * or into rows for quantize_cache.
 */
import { defineKernel } from "../gpu/kernel.ts";
import {
  ACT_LIBS,
  CORE_LIBS,
  LINEAR_OVERRIDES,
  linearGrid,
  NORMED_INPUT_LIBS,
  WEIGHT_LIBS,
} from "./linear.ts";

export const KEPT_LIBS = ["kept_pages", "kept_rows"] as const;

export const qkvRope = defineKernel({
  name: "qkv_rope",
  bindings: {
    input: "read", // [rows, groups · 16] f32, hidden order, or what rms_norm has made of it
    gain: "read", // [groups · 16] f32, hidden order
    weights: "read", // [pairs · 2, groups · 16]
    channels: "read", // [pairs · 2] (scale, bias)
    rotary: "read", // [positions, headDim / 2] (cos, sin)
    plan: "read", // u32, see src/model/plan.ts
    queries: "write", // [rows, queryStride]
    cache: "write", // [blocks, k|v, kvHeads, blockSize, headDim], or [rows, k|v, kvHeads, headDim] f32
    live: "uniform", // u32, see src/model/plan.ts
  },
  params: {
    rows: "u32",
    firstRow: "u32",
    pairs: "u32",
    firstPair: "u32",
    groups: "u32",
    inputSize: "f32",
    eps: "f32",
    queryHeads: "u32",
    kvHeads: "u32",
    headDim: "u32",
    queryStride: "u32",
    blockSize: "u32",
  },
  overrides: LINEAR_OVERRIDES,
  libs: {
    weight: WEIGHT_LIBS,
    act: ACT_LIBS,
    kept: KEPT_LIBS,
    rotates: ["rotates_now", "rotates_later"],
    input: NORMED_INPUT_LIBS,
    order: ["hidden_order"],
    half: ["half_order"],
    core: CORE_LIBS,
  },
  grid: linearGrid,
});
