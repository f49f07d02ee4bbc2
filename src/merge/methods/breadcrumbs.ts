/**
 * `breadcrumbs` (Davari and Belilovsky, "Model Breadcrumbs", arXiv:2312.06795): drop from each delta the share gamma
 * of the largest magnitudes, as outliers, and the smallest ones until the share density is left; add up.
 *   base + λ Σ wᵢ between(density, gamma)(δᵢ)
 */
import { keepWithoutOutliers } from "../arithmetic/sparsify.ts";
import type { ParameterDeclaration } from "./method.ts";
import { taskVectorMethod } from "./task_vectors.ts";

/** The share of outliers. */
export const GAMMA: ParameterDeclaration = {
  name: "gamma",
  scope: "model",
  type: "number",
  fallback: 0.01,
  range: [0, 1],
};

export const breadcrumbs = taskVectorMethod({
  name: "breadcrumbs",
  normalize: false,
  rescale: false,
  electsSigns: false,
  sparsify: (delta, { density, gamma }) => keepWithoutOutliers(delta, Number(density), Number(gamma)),
  modelParameters: [GAMMA],
});
