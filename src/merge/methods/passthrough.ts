/**
 * `passthrough` (mergekit's name): the tensors of one model as they are, times `scale` where given. Slices of different
 * models laid end to end make a deeper one, a "frankenmerge"; a scale of 0 on the projections that write to the
 * residual stream makes an added layer start as the identity.
 *   scale · x
 */
import { combination } from "../arithmetic/combination.ts";
import { wholeTensor } from "../arithmetic/lines.ts";
import { copied, mixed } from "./inputs.ts";
import type { MergeMethod } from "./method.ts";

export const passthrough: MergeMethod = {
  name: "passthrough",
  arithmetic: 1,
  parameters: [{ name: "scale", scope: "model", type: "number", fallback: 1 }],

  refuseSlice: (models) => models.length === 1 ? null : `takes one model a slice, found ${models.length}`,

  mix({ operands, modelParameters, shape }) {
    const scale = Math.fround(Number(modelParameters[0]!.scale));
    if (scale === 1) return copied(operands[0]!);
    return mixed(combination(operands, [[scale]], wholeTensor(shape)));
  },
};
