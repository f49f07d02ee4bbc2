/** Token ids → rows of the embedding matrix (shaders/embed.wgsl). */
import { defineKernel } from "../gpu/kernel.ts";
import { WEIGHT_LIBS } from "./linear.ts";

export const embed = defineKernel({
  name: "embed",
  bindings: {
    weights: "read", // [tokens, groups · 16]
    plan: "read_write", // u32, see src/model/plan.ts
    last_tokens: "read", // [slots] u32
    hidden: "write", // [rows, groups · 16] f32, hidden order
  },
  params: { rows: "u32", groups: "u32", firstToken: "u32", tokens: "u32", live: "u32" },
  overrides: { WORKGROUP: 32 },
  libs: { weight: WEIGHT_LIBS, order: ["hidden_order"] },
  grid: ({ rows, groups }, { WORKGROUP }) => [Math.ceil(groups / WORKGROUP), rows],
});
