/**
 * `dare_linear` (Yu et al., "Language models are super Mario", arXiv:2311.03099): drop elements of each delta at
 * random, rescale the rest, add up.
 *   base + λ Σ wᵢ rescale(mask(density) · δᵢ)
 * As in mergekit since 2024, rescaling restores the delta's L1 norm; the paper divides by the density.
 */
import { keepAtRandom } from "../arithmetic/sparsify.ts";
import { taskVectorMethod } from "./task_vectors.ts";

export const dareLinear = taskVectorMethod({
  name: "dare_linear",
  normalize: false,
  rescale: true,
  electsSigns: false,
  sparsify: (delta, { density }, { random }) => keepAtRandom(delta, Number(density), random),
  isRandom: true,
});
