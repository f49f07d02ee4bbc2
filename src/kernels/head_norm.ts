/** RMSNorm of each head of queries and keys by itself, then rotary embedding, in place (shaders/head_norm.wgsl). */
import { defineKernel } from "../gpu/kernel.ts";
import { ACT_LIBS } from "./linear.ts";
import { KEPT_LIBS } from "./qkv_rope.ts";

export const headNorm = defineKernel({
  name: "head_norm",
  bindings: {
    gains: "read", // [q|k, headDim] f32
    rotary: "read", // [positions, headDim / 2] (cos, sin)
    plan: "read", // u32, see src/model/plan.ts
    queries: "write", // [rows, queryStride]
    cache: "write", // as qkv_rope has it
  },
  params: {
    rows: "u32",
    queryHeads: "u32",
    kvHeads: "u32",
    headDim: "u32",
    queryStride: "u32",
    blockSize: "u32",
    eps: "f32",
  },
  overrides: { WORKGROUP: 128 },
  libs: { act: ACT_LIBS, kept: KEPT_LIBS },
  grid: ({ rows, queryHeads, kvHeads }) => [queryHeads + kvHeads, rows],
});
