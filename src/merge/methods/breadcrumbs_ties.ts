/**
 * `breadcrumbs_ties`: deltas without outliers and without the smallest magnitudes, as in breadcrumbs (arXiv:2312.06795),
 * added up where their sign is the elected one, as in ties (arXiv:2306.01708).
 *   base + λ Σ wᵢ between(density, gamma)(δᵢ) over those i that agree in sign
 */
import { keepWithoutOutliers } from "../arithmetic/sparsify.ts";
import { GAMMA } from "./breadcrumbs.ts";
import { taskVectorMethod } from "./task_vectors.ts";

export const breadcrumbsTies = taskVectorMethod({
  name: "breadcrumbs_ties",
  normalize: false,
  rescale: false,
  electsSigns: true,
  sparsify: (delta, { density, gamma }) => keepWithoutOutliers(delta, Number(density), Number(gamma)),
  modelParameters: [GAMMA],
});
