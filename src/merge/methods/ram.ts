/**
 * `ram` and `ramplus_tl` (Yuan et al., "Behavior knowledge merge in reinforced agentic models", arXiv:2601.13572): a delta
 * of more than epsilon counts; where several models have one, their mean is taken, and where one alone has it, that is
 * taken whole, or (ramplus_tl) more than whole, the more of the model's deltas are shared with others.
 *   base + Σ λᵢ δᵢ / n over those i where |δᵢ| > epsilon, n their number;  λᵢ = 1 unless n = 1
 *   ram: λᵢ = 1;  ramplus_tl: λᵢ = 1 + r · min(shared / own alone, alpha), by elements of the tensor
 */
import { commonDtype, differenceDtype, Rounder } from "../arithmetic/rounding.ts";
import { blockOf, delta, type Vector } from "../arithmetic/vector.ts";
import { forEachBlock } from "../operand.ts";
import { byRole, copied, mixed, needsModels } from "./inputs.ts";
import type { MergeMethod, ParameterDeclaration, ParameterValues } from "./method.ts";

const EPSILON: ParameterDeclaration = {
  name: "epsilon",
  scope: "tensor",
  type: "number",
  fallback: 1e-5,
  range: [0, Number.MAX_VALUE],
};

/** What an element of each delta that no other model has is multiplied by. */
type Rescale = (deltas: readonly Vector[], epsilon: number, values: ParameterValues) => readonly number[];

interface Member {
  readonly name: string;
  readonly parameters: readonly ParameterDeclaration[];
  readonly rescale: Rescale;
  /** mergekit rescales in float32, and so gets float32, whatever `dtype` says; `out_dtype` rounds it. */
  readonly widens: boolean;
}

function ramMethod({ name, parameters, rescale, widens }: Member): MergeMethod {
  return {
    name,
    arithmetic: 2,
    ...widens && { resultDtype: (dtypes) => dtypes.length === 1 ? commonDtype(dtypes) : "F32" },
    parameters: [...parameters, EPSILON],
    refuseSlice: needsModels({ base: "required", others: [1, Infinity], alone: "base" }),

    mix(inputs) {
      const { origin, others } = byRole(inputs);
      if (others.length === 0) return copied(origin!);
      const dtype = differenceDtype(inputs.operands.map((operand) => operand.dtype));
      const rounder = new Rounder(dtype, blockOf(origin!).length);
      const deltas = others.map(({ operand }) =>
        delta(operand, origin!, differenceDtype([operand.dtype, origin!.dtype]))
      );
      // Compared in the tensors' own type, as mergekit does.
      const epsilon = rounder.rounded(Number(inputs.parameters.epsilon));
      const factors = rescale(deltas, epsilon, inputs.parameters).map(Math.fround);
      const blocks = deltas.map(blockOf);
      const [counts, sums] = [blockOf(origin!), blockOf(origin!)];
      return mixed((start, out) => {
        const sum = sums.subarray(0, out.length).fill(0);
        deltas.forEach((vector, i) => vector.read(start, blocks[i]!.subarray(0, out.length)));
        for (let j = 0; j < out.length; j++) counts[j] = counting(blocks, j, epsilon)[0];
        blocks.forEach((block, i) => {
          const share = block.subarray(0, out.length);
          for (let j = 0; j < share.length; j++) {
            // Zero times a NaN is one, so that none is lost.
            share[j] = (Math.abs(share[j]!) > epsilon ? share[j]! : 0 * share[j]!) / Math.max(counts[j]!, 1);
          }
          rounder.round(share);
          for (let j = 0; j < share.length; j++) {
            sum[j] = sum[j]! + Math.fround(share[j]! * (counts[j] === 1 ? factors[i]! : 1));
          }
        });
        if (!widens) rounder.round(sum);
        origin!.read(start, out);
        for (let j = 0; j < out.length; j++) out[j] = out[j]! + sum[j]!;
      });
    },
  };
}

/** How many deltas count at a place, and the index of the last of them. */
function counting(
  blocks: readonly Float32Array[],
  place: number,
  epsilon: number,
): readonly [number, number] {
  let [count, last] = [0, -1];
  for (let i = 0; i < blocks.length; i++) {
    if (Math.abs(blocks[i]![place]!) > epsilon) [count, last] = [count + 1, i];
  }
  return [count, last];
}

export const ram = ramMethod({
  name: "ram",
  parameters: [],
  rescale: (deltas) => deltas.map(() => 1),
  widens: false,
});

export const ramplusTl = ramMethod({
  name: "ramplus_tl",
  parameters: [
    { name: "r", scope: "tensor", type: "number", fallback: 0.1 },
    { name: "alpha", scope: "tensor", type: "number", fallback: 0.2, range: [0, Number.MAX_VALUE] },
  ],
  rescale: (deltas, epsilon, { r, alpha }) =>
    sharedAndAlone(deltas, epsilon).map(([shared, alone]) =>
      1 + Number(r) * Math.min(shared / Math.max(alone, epsilon), Number(alpha))
    ),
  widens: true,
});

/** Of each delta, how many elements count that count in others as well, and how many in none. */
function sharedAndAlone(deltas: readonly Vector[], epsilon: number): readonly (readonly [number, number])[] {
  const blocks = deltas.map(blockOf);
  const totals = deltas.map(() => 0);
  const alone = deltas.map(() => 0);
  forEachBlock(deltas[0]!.elements, (start, count) => {
    deltas.forEach((vector, i) => vector.read(start, blocks[i]!.subarray(0, count)));
    for (let j = 0; j < count; j++) {
      const [models, last] = counting(blocks, j, epsilon);
      if (models === 1) alone[last]!++;
      for (let i = 0; i < blocks.length; i++) if (Math.abs(blocks[i]![j]!) > epsilon) totals[i]!++;
    }
  });
  return totals.map((total, i) => [total - alone[i]!, alone[i]!]);
}
