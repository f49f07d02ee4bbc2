/** RMSNorm of the residual stream into f16, for products in pairs (shaders/rms_norm.wgsl). */
import { defineKernel } from "../gpu/kernel.ts";

export const rmsNorm = defineKernel({
  name: "rms_norm",
  bindings: {
    input: "read", // [rows, hiddenStride] f32, hidden order
    gain: "read", // [hiddenStride] f32, hidden order
    plan: "read", // u32, see src/model/plan.ts
    normed: "write", // [rows, hiddenStride] f16, half order
    live: "uniform", // u32, see src/model/plan.ts
  },
  params: { rows: "u32", groups: "u32", inputSize: "f32", eps: "f32", samples: "u32" },
  overrides: { WORKGROUP: 256, SKIPS: 1 },
  libs: { input: ["row_normed"], order: ["hidden_order"], half: ["half_order"] },
  grid: ({ rows }) => [rows],
});

/** In place of `samples`: the rows in order. */
export const EVERY_ROW = 0xffffffff;
