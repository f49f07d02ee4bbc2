/** Output and down projection, added to the residual stream in place (shaders/linear_residual.wgsl). */
import { defineKernel } from "../gpu/kernel.ts";
import {
  ACT_LIBS,
  CORE_LIBS,
  LINEAR_OVERRIDES,
  linearGrid,
  PLAIN_INPUT_LIBS,
  WEIGHT_LIBS,
} from "./linear.ts";

export const linearResidual = defineKernel({
  name: "linear_residual",
  bindings: {
    input: "read", // [rows, groups · 16], in order or in half order
    weights: "read", // [pairs · 2, groups · 16]
    channels: "read", // [pairs · 2] (scale, bias)
    hidden: "read_write", // [rows, stride] f32, hidden order
    live: "uniform", // u32, see src/model/plan.ts
  },
  params: { rows: "u32", firstRow: "u32", pairs: "u32", firstPair: "u32", groups: "u32", stride: "u32" },
  overrides: LINEAR_OVERRIDES,
  libs: {
    weight: WEIGHT_LIBS,
    act: ACT_LIBS,
    input: PLAIN_INPUT_LIBS,
    order: ["hidden_order"],
    half: ["half_order"],
    core: CORE_LIBS,
  },
  grid: linearGrid,
});
