/** `slerp`: two models, one of them the base; t = 0 gives the base. A slice of a single source passes it through. */
import { BLOCK_ELEMENTS } from "../../tensor/convert.ts";
import { combine, combineBfloat16, slerpWeights } from "../slerp.ts";
import { copied, dtypeOfBase } from "./inputs.ts";
import type { MergeMethod } from "./method.ts";

export const slerp: MergeMethod = {
  name: "slerp",
  arithmetic: 1,
  parameters: [{ name: "t", scope: "tensor", type: "number", fallback: null }],

  refuseSlice(models, baseModel) {
    if (baseModel === null) return "needs a base_model";
    if (models.length > 2) return `takes two models, found ${models.length}`;
    if (models.length === 2 && !models.includes(baseModel)) {
      return `needs base_model "${baseModel}" to be one of its two models`;
    }
    return null;
  },

  resultDtype: dtypeOfBase,

  mix({ operands, base, parameters }) {
    if (operands.length === 1) return copied(operands[0]!);
    const t = Number(parameters.t);
    const [v0, v1] = base === 0 ? [operands[0]!, operands[1]!] : [operands[1]!, operands[0]!];
    const weights = slerpWeights(v0, v1, t);
    const scratch = new Float32Array(BLOCK_ELEMENTS);
    return {
      mode: weights.branch,
      t,
      cosine: Number.isNaN(weights.cosine) ? null : weights.cosine,
      apply: (start, out) => combine(v0, v1, weights, start, out, scratch.subarray(0, out.length)),
      ...(v0.isBfloat16 && v1.isBfloat16 && {
        applyBfloat16: (start, count) => combineBfloat16(v0, v1, weights, start, count),
      }),
    };
  },
};
