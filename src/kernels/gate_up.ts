/** RMSNorm, gate and up projection, silu(gate) · up (shaders/gate_up.wgsl). */
import { defineKernel } from "../gpu/kernel.ts";
import {
  ACT_LIBS,
  CORE_LIBS,
  LINEAR_OVERRIDES,
  linearGrid,
  NORMED_INPUT_LIBS,
  PLACE_LIBS,
  WEIGHT_LIBS,
} from "./linear.ts";

export const gateUp = defineKernel({
  name: "gate_up",
  bindings: {
    input: "read", // [rows, groups · 16] f32, hidden order, or what rms_norm has made of it
    gain: "read", // [groups · 16] f32, hidden order
    weights: "read", // [pairs · 2, groups · 16]
    channels: "read", // [pairs · 2] (scale, bias)
    activated: "write", // [rows, stride]
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
    stride: "u32",
  },
  overrides: LINEAR_OVERRIDES,
  libs: {
    weight: WEIGHT_LIBS,
    act: ACT_LIBS,
    input: NORMED_INPUT_LIBS,
    order: ["hidden_order"],
    half: ["half_order"],
    place: PLACE_LIBS,
    core: CORE_LIBS,
  },
  grid: linearGrid,
});
