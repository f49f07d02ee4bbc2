/** RMSNorm, query, key and value projection, rotary embedding and the write into the paged cache (shaders/qkv_rope.wgsl). */
import { defineKernel } from "../gpu/kernel.ts";
import { ACT_LIBS, LINEAR_OVERRIDES, linearGrid, REDUCE_LIBS, WEIGHT_LIBS } from "./linear.ts";

export const qkvRope = defineKernel({
  name: "qkv_rope",
  bindings: {
    input: "read", // [rows, groups · 16] f32
    gain: "read", // [groups · 16] f32
    weights: "read", // [pairs · 2, groups · 16]
    channels: "read", // [pairs · 2] (scale, bias)
    rotary: "read", // [positions, headDim / 2] (cos, sin)
    plan: "read", // u32, see src/model/plan.ts
    queries: "write", // [rows, queryStride]
    cache: "write", // [blocks, k|v, kvHeads, blockSize, headDim]
  },
  params: {
    rows: "u32",
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
    reduce: REDUCE_LIBS,
    input: ["input_normed"],
    core: ["dot_pairs"],
  },
  grid: linearGrid,
});
