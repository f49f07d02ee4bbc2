/**
 * `nearswap` (alchemonaut, model card of QuartetAnemoi-70B; mergekit's name): where base and other are within t of each
 * other the other is taken; further apart, a step of length t from the base towards it.
 *   w = clamp(t / max(|other − base|, 1e-6), 0, 1);  w · other + (1 − w) · base
 */
import { differenceDtype, Rounder } from "../arithmetic/rounding.ts";
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
    const [values, weights] = [blockOf(other), blockOf(other)];
    const rounder = new Rounder(
      differenceDtype(inputs.operands.map((operand) => operand.dtype)),
      values.length,
    );
    const apply = (start: number, out: Float32Array) => {
      const [b, w] = [values, weights].map((block) => block.subarray(0, out.length)) as [
        Float32Array,
        Float32Array,
      ];
      origin!.read(start, out);
      other.read(start, b);
      weigh(out, b, { t, rounder, into: w });
      for (let i = 0; i < w.length; i++) b[i] = w[i]! * b[i]!;
      for (let i = 0; i < w.length; i++) w[i] = 1 - w[i]!;
      rounder.round(b);
      rounder.round(w);
      for (let i = 0; i < w.length; i++) out[i] = w[i]! * out[i]!;
      rounder.round(out);
      for (let i = 0; i < w.length; i++) out[i] = out[i]! + b[i]!;
    };
    return { ...mixed(apply), t };
  },
};

/** w above, rounded at every step as mergekit rounds it, which multiplies t by the reciprocal of the distance. */
function weigh(
  base: Float32Array,
  other: Float32Array,
  { t, rounder, into }: { readonly t: number; readonly rounder: Rounder; readonly into: Float32Array },
): void {
  const [step, least] = [Math.fround(t), rounder.rounded(TINY_DISTANCE)];
  for (let i = 0; i < into.length; i++) into[i] = Math.abs(base[i]! - other[i]!);
  rounder.round(into);
  for (let i = 0; i < into.length; i++) into[i] = 1 / Math.max(into[i]!, least);
  rounder.round(into); // infinite in float16 where values are equal: no step at all is still none
  for (let i = 0; i < into.length; i++) into[i] = step === 0 && into[i] === Infinity ? 0 : step * into[i]!;
  rounder.round(into);
  for (let i = 0; i < into.length; i++) into[i] = Math.min(into[i]!, 1);
}
