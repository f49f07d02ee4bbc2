/**
 * `linear` (Wortsman et al., "Model soups", arXiv:2203.05482): the weighted sum of the models, a weighted mean with
 * normalize (on by default). A base_model only lends configuration and tokenizer; it needs a weight like the others.
 *   Σ wᵢ xᵢ / Σ wᵢ
 */
import { combination, total } from "../arithmetic/combination.ts";
import { wholeTensor } from "../arithmetic/lines.ts";
import { mixed } from "./inputs.ts";
import type { MergeMethod, StepFacts } from "./method.ts";

/** Weights whose sum is nearer to zero than this have no mean. */
export const NO_WEIGHT = 1e-8;

export const linear: MergeMethod = {
  name: "linear",
  parameters: [
    { name: "weight", scope: "model", type: "number", fallback: null, ofBase: true },
    { name: "normalize", scope: "tensor", type: "boolean", fallback: true },
  ],
  refuseSlice: () => null,

  refuseValues(step) {
    const sum = total(weightsOf(step));
    if (step.parameters.normalize !== true || Math.abs(sum) >= NO_WEIGHT) return null;
    return { parameter: "weight", message: `adds up to ${sum} over the models, which cannot be normalized` };
  },

  mix(inputs) {
    const weights = weightsOf(inputs);
    const divisor = inputs.parameters.normalize === true ? total(weights) : 1;
    const factors = weights.map((weight) => weight / divisor);
    return mixed(combination(inputs.operands, [factors], wholeTensor(inputs.shape)));
  },
};

function weightsOf({ modelParameters }: StepFacts): readonly number[] {
  return modelParameters.map(({ weight }) => Number(weight));
}
