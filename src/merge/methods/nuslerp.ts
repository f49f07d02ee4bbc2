/**
 * `nuslerp` (mergekit's name): spherical interpolation of two models by their weights, of the whole tensor or, without
 * nuslerp_flatten, line by line: over the last dimension, with nuslerp_row_wise over the first. With a base_model, of
 * the deltas from it.
 *   t = w₁ / (w₀ + w₁);  a = ∠(v₀, v₁);  (sin((1 − t) a) v₀ + sin(t a) v₁) / sin a;  (1 − t) v₀ + t v₁ where sin a ≈ 0
 */
import { aroundOrigin, combination } from "../arithmetic/combination.ts";
import { type Gram, gramMatrices } from "../arithmetic/gram.ts";
import { alongFirst, alongLast, type Lines, wholeTensor } from "../arithmetic/lines.ts";
import { differenceDtype } from "../arithmetic/rounding.ts";
import { delta } from "../arithmetic/vector.ts";
import { byRole, copied, mixed, needsModels } from "./inputs.ts";
import type { MergeMethod, StepFacts } from "./method.ts";

/** Weights whose sum is smaller count as equal ones. */
const TINY_WEIGHT = 1e-6;
/** Norms are taken to be at least this. */
const TINY_NORM = 1e-7;
const TINY_SINE = 1e-8;

export const nuslerp: MergeMethod = {
  name: "nuslerp",
  arithmetic: 2,
  parameters: [
    { name: "weight", scope: "model", type: "number", fallback: null },
    { name: "nuslerp_flatten", scope: "tensor", type: "boolean", fallback: true },
    { name: "nuslerp_row_wise", scope: "tensor", type: "boolean", fallback: false },
  ],
  refuseSlice: needsModels({ base: "optional", others: [2, 2], alone: "any" }),

  mix(inputs) {
    if (inputs.operands.length === 1) return copied(inputs.operands[0]!);
    const { origin, others } = byRole(inputs);
    const [w0, w1] = others.map(({ parameters }) => Number(parameters.weight)) as [number, number];
    const t = Math.abs(w0 + w1) < TINY_WEIGHT ? 0.5 : w1 / (w0 + w1);
    const models = others.map(({ operand }) => operand);
    const dtype = differenceDtype(inputs.operands.map((operand) => operand.dtype));
    const lines = linesOf(inputs);
    const vectors = origin === null ? models : models.map((model) => delta(model, origin, dtype));
    const factors = gramMatrices(vectors, lines).map((gram) => factorsAt(gram, t));
    if (origin === null) return mixed(combination(models, factors, lines));
    return mixed(combination([origin, ...models], factors.map(aroundOrigin), lines));
  },
};

function linesOf({ parameters, shape }: StepFacts): Lines {
  if (parameters.nuslerp_flatten === true) return wholeTensor(shape);
  return parameters.nuslerp_row_wise === true ? alongFirst(shape) : alongLast(shape);
}

/** Of v₀ and v₁; the cosine is float32 as in mergekit, so that rounding does not tell equal vectors apart. */
function factorsAt(gram: Gram, t: number): readonly number[] {
  const norms = Math.max(gram.norm(0), TINY_NORM) * Math.max(gram.norm(1), TINY_NORM);
  const angle = Math.acos(Math.min(1, Math.max(-1, Math.fround(gram.dot(0, 1) / norms))));
  const sine = Math.sin(angle);
  if (Math.abs(sine) < TINY_SINE) return [1 - t, t];
  return [Math.sin((1 - t) * angle) / sine, Math.sin(t * angle) / sine];
}
