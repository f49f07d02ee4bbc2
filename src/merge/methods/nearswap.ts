/**
 * `nearswap` (alchemonaut, model card of QuartetAnemoi-70B; mergekit's name): where base and other are within t of each
 * other the other is taken; further apart, a step of length t from the base towards it.
 *   w = clamp(t / max(|other − base|, 1e-6), 0, 1);  w · other + (1 − w) · base
 */
import { blockOf } from "../arithmetic/vector.ts";
import { byRole, copied, mixed, needsModels } from "./inputs.ts";
import type { MergeMethod } from "./method.ts";

const TINY_DISTANCE = 1e-6;

export const nearswap: MergeMethod = {
  name: "nearswap",
  arithmetic: 2,
  parameters: [{
    name: "t",
    scope: "tensor",
    type: "number",
    fallback: null,
    range: [0, Number.MAX_VALUE],
  }],
  refuseSlice: needsModels({ base: "required", others: [1, 1], alone: "base" }),

  mix(inputs) {
    const { origin, others } = byRole(inputs);
    if (others.length === 0) return copied(origin!);
    const other = others[0]!.operand;
    const t = Number(inputs.parameters.t);
    const scratch = blockOf(other);
    const apply = (start: number, out: Float32Array) => {
      origin!.read(start, out);
      other.read(start, scratch.subarray(0, out.length));
      for (let i = 0; i < out.length; i++) {
        const distance = Math.max(Math.abs(out[i]! - scratch[i]!), TINY_DISTANCE);
        const weight = Math.min(t / distance, 1);
        out[i] = weight * scratch[i]! + (1 - weight) * out[i]!;
      }
    };
    return { ...mixed(apply), t };
  },
};
