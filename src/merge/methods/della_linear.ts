/**
 * `della_linear`: deltas thinned out by MagPrune and rescaled as in della (arXiv:2406.11617), then added up without
 * electing signs.
 *   base + λ Σ wᵢ rescale(mask(density ± epsilon) · δᵢ)
 */
import { MAGPRUNE } from "./della.ts";
import { taskVectorMethod } from "./task_vectors.ts";

export const dellaLinear = taskVectorMethod({
  ...MAGPRUNE,
  name: "della_linear",
  normalize: false,
  rescale: true,
  electsSigns: false,
});
