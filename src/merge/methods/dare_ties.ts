/**
 * `dare_ties` (Yu et al., "Language models are super Mario", arXiv:2311.03099): deltas thinned out at random and
 * rescaled as in dare_linear, then added up where their sign is the elected one, as in ties (arXiv:2306.01708).
 *   base + λ Σ wᵢ rescale(mask(density) · δᵢ) over those i that agree in sign
 */
import { keepAtRandom } from "../arithmetic/sparsify.ts";
import { taskVectorMethod } from "./task_vectors.ts";

export const dareTies = taskVectorMethod({
  name: "dare_ties",
  normalize: false,
  rescale: true,
  electsSigns: true,
  sparsify: (delta, { density }, { random }) => keepAtRandom(delta, Number(density), random),
  isRandom: true,
});
