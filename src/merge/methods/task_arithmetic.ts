/**
 * `task_arithmetic` (Ilharco et al., "Editing models with task arithmetic", arXiv:2212.04089): differences from the
 * base are added up.
 *   base + λ Σ wᵢ δᵢ   (divided by Σ wᵢ with normalize, off by default)
 */
import { taskVectorMethod } from "./task_vectors.ts";

export const taskArithmetic = taskVectorMethod({
  name: "task_arithmetic",
  normalize: false,
  rescale: false,
  electsSigns: false,
});
