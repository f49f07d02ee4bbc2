/**
 * `linear` (Wortsman et al., "Model soups", arXiv:2203.05482): the weighted sum of the models, a weighted mean with
 * normalize (on by default). A base_model only lends configuration and tokenizer; it needs a weight like the others.
 *   Σ wᵢ xᵢ / Σ wᵢ
 */
import { MergeError } from "../../errors.ts";
import { total } from "../arithmetic/combination.ts";
import { Election, sumOfWeights } from "../arithmetic/consensus.ts";
import { differenceDtype, Rounder } from "../arithmetic/rounding.ts";
import { blockOf } from "../arithmetic/vector.ts";
import { mixed } from "./inputs.ts";
import type { MergeMethod, StepFacts } from "./method.ts";

/** Weights whose sum is nearer to zero than this have no mean. */
export const NO_WEIGHT = 1e-8;

export const linear: MergeMethod = {
  name: "linear",
  arithmetic: 2,
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
    const { operands, parameters, name } = inputs;
    const votes = operands.map(blockOf);
    const rounder = new Rounder(differenceDtype(operands.map((operand) => operand.dtype)), votes[0]!.length);
    const shares = weightsOf(inputs).map((given) => {
      const weight = rounder.rounded(given);
      return { factor: weight, weight };
    });
    // Weights that planning has found to have a mean may have none when they are rounded.
    if (parameters.normalize === true && sumOfWeights(shares, rounder) === 0) {
      throw new MergeError(
        `Cannot merge: the weights of tensor "${name}" add up to 0 in ${rounder.dtype}, which cannot be normalized`,
        { tensor: name, parameter: "weight" },
      );
    }
    const election = new Election(votes[0]!.length, rounder);
    return mixed((start, out) => {
      const block = votes.map((vote) => vote.subarray(0, out.length));
      operands.forEach((operand, i) => operand.read(start, block[i]!));
      const { sums, divisors } = election.all(block, shares);
      if (parameters.normalize === true) {
        for (let j = 0; j < sums.length; j++) sums[j] = sums[j]! / divisors[j]!;
      }
      out.set(sums);
    });
  },
};

function weightsOf({ modelParameters }: StepFacts): readonly number[] {
  return modelParameters.map(({ weight }) => Number(weight));
}
