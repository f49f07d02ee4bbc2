/**
 * `multislerp` (Goddard, "Multi-SLERP", goddard.blog; mergekit's name): barycentric interpolation on the sphere around
 * the weighted mean direction m of the unit vectors uᵢ, scaled by the weighted mean of the norms. With a base_model
 * among the models of the slice, of the deltas from it.
 *   m = Σ wᵢ uᵢ / |Σ wᵢ uᵢ|;  T = Σ wᵢ (uᵢ − (uᵢ·m) m);  (cos(|T| + eps) m + sin(|T| + eps)/(|T| + eps) T) Σ wᵢ |xᵢ|
 * T is zero, for Σ wᵢ uᵢ has no part across m: what remains is cos(eps) m Σ wᵢ |xᵢ|, and that is computed.
 */
import { aroundOrigin, combination, total } from "../arithmetic/combination.ts";
import { type Gram, gramMatrices } from "../arithmetic/gram.ts";
import { elementsOf, wholeTensor } from "../arithmetic/lines.ts";
import { differenceDtype } from "../arithmetic/rounding.ts";
import { delta } from "../arithmetic/vector.ts";
import { MergeError } from "../../errors.ts";
import { byRole, copied, mixed, needsModels, otherIndices } from "./inputs.ts";
import { NO_WEIGHT } from "./linear.ts";
import type { MergeMethod } from "./method.ts";

const refuseModels = needsModels({ base: "optional", others: [1, Infinity], alone: "any" });

export const multislerp: MergeMethod = {
  name: "multislerp",
  arithmetic: 2,
  parameters: [
    { name: "weight", scope: "model", type: "number", fallback: null },
    { name: "normalize_weights", scope: "tensor", type: "boolean", fallback: true },
    { name: "eps", scope: "tensor", type: "number", fallback: 1e-8, range: [0, 1] },
  ],
  refuseSlice: (models, baseModel) =>
    refuseModels(models, baseModel !== null && models.includes(baseModel) ? baseModel : null),

  refuseValues(step) {
    const others = otherIndices(step);
    const sum = total(others.map((i) => Number(step.modelParameters[i]!.weight)));
    if (others.length < 2 || step.parameters.normalize_weights !== true || Math.abs(sum) >= NO_WEIGHT) {
      return null;
    }
    return { parameter: "weight", message: `adds up to ${sum} over the models, which cannot be normalized` };
  },

  mix(inputs) {
    const { origin, others } = byRole(inputs);
    if (others.length < 2 || elementsOf(inputs.shape) === 0) return copied(others[0]?.operand ?? origin!);
    const { parameters, shape, name } = inputs;
    const given = others.map((other) => Number(other.parameters.weight));
    const divisor = parameters.normalize_weights === true ? total(given) : 1;
    const weights = given.map((weight) => weight / divisor);
    const models = others.map(({ operand }) => operand);
    const dtype = differenceDtype(inputs.operands.map((operand) => operand.dtype));
    const lines = wholeTensor(shape);
    const [gram] = gramMatrices(
      origin === null ? models : models.map((model) => delta(model, origin, dtype)),
      lines,
    );
    const factors = sphericalMean(gram!, weights, Number(parameters.eps));
    if (factors === null) {
      throw new MergeError(
        `Cannot merge tensor "${name}": the weighted directions of its inputs cancel out, which leaves ` +
          `multislerp no mean; other weights would`,
        { tensor: name, parameter: "weight" },
      );
    }
    if (origin === null) return mixed(combination(models, [factors], lines));
    return mixed(combination([origin, ...models], [aroundOrigin(factors)], lines));
  },
};

/** Factors of the vectors; null where their directions cancel out. Two that do are interpolated linearly. */
function sphericalMean(gram: Gram, weights: readonly number[], eps: number): readonly number[] | null {
  const norms = weights.map((_, i) => gram.norm(i));
  const ofUnits = weights.map((weight, i) => weight / (norms[i]! + eps));
  let square = 0;
  ofUnits.forEach((a, i) => ofUnits.forEach((b, j) => square += a * b * gram.dot(i, j)));
  const length = Math.sqrt(Math.max(0, square));
  if (length < eps || length === 0) return weights.length === 2 ? weights : null;
  const meanNorm = total(weights.map((weight, i) => weight * norms[i]!));
  return ofUnits.map((factor) => factor * Math.cos(eps) * meanNorm / length);
}
