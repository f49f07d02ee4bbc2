/** Final RMSNorm and output head, for the rows that sample (shaders/lm_head.wgsl). */
import { defineKernel } from "../gpu/kernel.ts";
import { CORE_LIBS, LINEAR_OVERRIDES, linearGrid, NORMED_INPUT_LIBS, WEIGHT_LIBS } from "./linear.ts";

export const lmHead = defineKernel({
  name: "lm_head",
  bindings: {
    input: "read", // [rows, groups · 16] f32, hidden order, or what rms_norm has made of it
    gain: "read", // [groups · 16] f32, hidden order
    weights: "read", // [pairs · 2, groups · 16]
    channels: "read", // [pairs · 2] (scale, bias)
    plan: "read", // u32, see src/model/plan.ts
    logits: "write", // [samples, outputs] f32
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
    outputs: "u32",
    samples: "u32",
  },
  overrides: LINEAR_OVERRIDES,
  libs: {
    weight: WEIGHT_LIBS,
    input: NORMED_INPUT_LIBS,
    order: ["hidden_order"],
    half: ["half_order"],
    core: CORE_LIBS,
  },
  grid: linearGrid,
});
