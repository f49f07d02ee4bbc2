/** Final RMSNorm and output head, for the rows that sample (shaders/lm_head.wgsl). */
import { defineKernel } from "../gpu/kernel.ts";
import { LINEAR_OVERRIDES, linearGrid, REDUCE_LIBS, WEIGHT_LIBS } from "./linear.ts";

export const lmHead = defineKernel({
  name: "lm_head",
  bindings: {
    input: "read", // [rows, groups · 16] f32
    gain: "read", // [groups · 16] f32
    weights: "read", // [pairs · 2, groups · 16]
    channels: "read", // [pairs · 2] (scale, bias)
    plan: "read", // u32, see src/model/plan.ts
    logits: "write", // [samples, outputs] f32
  },
  params: {
    rows: "u32",
    pairs: "u32",
    firstPair: "u32",
    groups: "u32",
    inputSize: "f32",
    eps: "f32",
    outputs: "u32",
    samples: "u32",
  },
  overrides: LINEAR_OVERRIDES,
  libs: { weight: WEIGHT_LIBS, reduce: REDUCE_LIBS, input: ["input_normed"], core: ["dot_pairs"] },
  grid: linearGrid,
});
