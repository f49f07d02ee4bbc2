/** Output and down projection, added to the residual stream in place (shaders/linear_residual.wgsl). */
import { defineKernel } from "../gpu/kernel.ts";
import { ACT_LIBS, LINEAR_OVERRIDES, linearGrid, REDUCE_LIBS, WEIGHT_LIBS } from "./linear.ts";

export const linearResidual = defineKernel({
  name: "linear_residual",
  bindings: {
    input: "read", // [rows, groups · 16]
    weights: "read", // [pairs · 2, groups · 16]
    channels: "read", // [pairs · 2] (scale, bias)
    hidden: "read_write", // [rows, stride] f32
  },
  params: { rows: "u32", pairs: "u32", firstPair: "u32", groups: "u32", stride: "u32" },
  overrides: LINEAR_OVERRIDES,
  libs: {
    weight: WEIGHT_LIBS,
    act: ACT_LIBS,
    reduce: REDUCE_LIBS,
    input: ["input_plain"],
    core: ["dot_pairs"],
  },
  grid: linearGrid,
});
