/**
 * `ties` (Yadav et al., "TIES-Merging: resolving interference when merging models", arXiv:2306.01708): trim each
 * delta to its largest magnitudes, elect a sign per element, and average the deltas of that sign.
 *   base + λ Σ wᵢ trim(δᵢ) / Σ wᵢ over those i where sign(wᵢ trim(δᵢ)) is that of Σ wᵢ trim(δᵢ)
 */
import { keepLargest, keptCount } from "../arithmetic/sparsify.ts";
import { elementsOf } from "../arithmetic/lines.ts";
import { taskVectorMethod } from "./task_vectors.ts";

export const ties = taskVectorMethod({
  name: "ties",
  normalize: true,
  rescale: false,
  electsSigns: true,
  sparsify: (delta, { density }) => keepLargest(delta, Number(density)),
  // mergekit stops here too: a density too small for a tensor would silently drop the model from it.
  refuseOwn({ density }, { shape }) {
    const elements = elementsOf(shape);
    if (keptCount(Number(density), elements) > 0) return null;
    return { parameter: "density", message: `is ${density}, which keeps none of its ${elements} elements` };
  },
});
