/**
 * `della` (Deep et al., "DELLA-Merging", arXiv:2406.11617): MagPrune drops elements of each delta at random, the more
 * likely the smaller they rank in their row; the rest is rescaled and merged where signs agree, as in ties.
 *   base + λ Σ wᵢ rescale(mask(density ± epsilon) · δᵢ) / Σ wᵢ over those i that agree in sign
 * Rescaling restores the delta's L1 norm, as in mergekit; the paper divides by the probability.
 */
import { type TaskArithmeticMember, taskVectorMethod } from "./task_vectors.ts";
import { keepByRank } from "../arithmetic/sparsify.ts";

/** What della and della_linear share: MagPrune with half-width epsilon of the probabilities, which must be some. */
export const MAGPRUNE: Pick<TaskArithmeticMember, "sparsify" | "isRandom" | "modelParameters" | "refuseOwn"> =
  {
    sparsify: (delta, own, { shape, random }) => {
      const [density, epsilon] = [Number(own.density), Number(own.epsilon)];
      return keepByRank(delta, { density, epsilon, rowLength: shape.at(-1) ?? 1 }, random);
    },
    isRandom: true,
    modelParameters: [
      { name: "epsilon", scope: "model", type: "number", fallback: 0.15, range: [0, 1] },
    ],
    refuseOwn(own) {
      const [density, epsilon] = [Number(own.density), Number(own.epsilon)];
      if (density <= 0 || (density - epsilon > 0 && density + epsilon < 1)) return null;
      return { parameter: "epsilon", message: `is ${epsilon}: density ${density} ± epsilon leaves 0 … 1` };
    },
  };

export const della = taskVectorMethod({
  ...MAGPRUNE,
  name: "della",
  normalize: true,
  rescale: true,
  electsSigns: true,
});
