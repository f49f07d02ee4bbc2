/** The most likely token of each sample (shaders/argmax.wgsl). */
import { defineKernel } from "../gpu/kernel.ts";

export const argmax = defineKernel({
  name: "argmax",
  bindings: {
    logits: "read", // [samples, vocab] f32
    plan: "read", // u32, see src/model/plan.ts
    last_tokens: "write", // [slots] u32
    results: "write", // [samples] u32
  },
  params: { rows: "u32", vocab: "u32", samples: "u32" },
  overrides: { WORKGROUP: 64 },
  grid: ({ rows }) => [rows],
});
