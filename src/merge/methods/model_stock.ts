/**
 * `model_stock` (Jang et al., "Model Stock: all we need is just a few fine-tuned models", arXiv:2403.19522): the mean
 * of N models, drawn towards the base the wider the angle between their deltas. The angle is the mean over pairs, per
 * tensor, or per row with filter_wise.
 *   c = mean over pairs of cos∠(δᵢ, δⱼ);  t = N c / (1 + (N − 1) c);  t · mean(xᵢ) + (1 − t) · base
 */
import { aroundOrigin, combination } from "../arithmetic/combination.ts";
import { type Gram, gramMatrices } from "../arithmetic/gram.ts";
import { alongLast, wholeTensor } from "../arithmetic/lines.ts";
import { differenceDtype } from "../arithmetic/rounding.ts";
import { delta } from "../arithmetic/vector.ts";
import { byRole, copied, mixed, needsModels } from "./inputs.ts";
import type { MergeMethod } from "./method.ts";

/** Products of norms are taken to be at least this. */
const TINY_PRODUCT = 1e-6;

export const modelStock: MergeMethod = {
  name: "model_stock",
  arithmetic: 2,
  parameters: [{ name: "filter_wise", scope: "tensor", type: "boolean", fallback: false }],
  refuseSlice: needsModels({ base: "required", others: [2, Infinity], alone: "base" }),

  mix(inputs) {
    const { origin, others } = byRole(inputs);
    if (others.length === 0) return copied(origin!);
    const models = others.map(({ operand }) => operand);
    const lines = inputs.parameters.filter_wise === true
      ? alongLast(inputs.shape)
      : wholeTensor(inputs.shape);
    const dtype = differenceDtype(inputs.operands.map((operand) => operand.dtype));
    const grams = gramMatrices(models.map((model) => delta(model, origin!, dtype)), lines);
    const factors = grams.map((gram) => {
      const share = shareOfMean(gram, models.length) / models.length;
      return aroundOrigin(models.map(() => share));
    });
    return mixed(combination([origin!, ...models], factors, lines));
  },
};

/** t above. */
function shareOfMean(gram: Gram, count: number): number {
  let [cosines, pairs] = [0, 0];
  for (let i = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++, pairs++) {
      const cosine = gram.dot(i, j) / Math.max(gram.norm(i) * gram.norm(j), TINY_PRODUCT);
      cosines += Math.min(1, Math.max(-1, cosine));
    }
  }
  const cosine = cosines / pairs;
  const divisor = 1 + (count - 1) * cosine;
  return divisor === 0 ? 0 : count * cosine / divisor; // deltas that cancel out leave the base
}
