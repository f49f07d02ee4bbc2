/**
 * `sce` (Wan et al., "FuseChat: knowledge fusion of chat models", arXiv:2408.07990): select the elements in which the
 * deltas vary most, calculate each model's weight from the square of what is left, erase minority signs.
 *   keep the share select_topk of the elements with variance, by variance;  wᵢ = mean(δᵢ²) / Σ mean(δⱼ²)
 *   base + Σ wᵢ δᵢ / Σ wᵢ over those i where sign(δᵢ) is that of Σ δᵢ
 */
import { total } from "../arithmetic/combination.ts";
import { Election } from "../arithmetic/consensus.ts";
import { Mask, masked } from "../arithmetic/mask.ts";
import { keepRanks } from "../arithmetic/order_statistics.ts";
import { differenceDtype, Rounder } from "../arithmetic/rounding.ts";
import { blockOf, delta, type Vector } from "../arithmetic/vector.ts";
import { forEachBlock } from "../operand.ts";
import { byRole, copied, mixed, needsModels } from "./inputs.ts";
import type { MergeMethod } from "./method.ts";

/** Weights and divisors below this count as none. */
const TINY = 1e-6;

export const sce: MergeMethod = {
  name: "sce",
  arithmetic: 2,
  selects: true,
  parameters: [
    { name: "select_topk", scope: "tensor", type: "number", fallback: 1, range: [0, 1] },
    { name: "int8_mask", scope: "tensor", type: "boolean", fallback: false },
  ],
  refuseSlice: needsModels({ base: "required", others: [1, Infinity], alone: "base" }),

  mix(inputs) {
    const { origin, others } = byRole(inputs);
    if (others.length === 0) return copied(origin!);
    const dtype = differenceDtype(inputs.operands.map((operand) => operand.dtype));
    const rounder = new Rounder(dtype, blockOf(origin!).length);
    const whole = others.map(({ operand }) =>
      delta(operand, origin!, differenceDtype([operand.dtype, origin!.dtype]))
    );
    const share = Number(inputs.parameters.select_topk);
    const mask = share < 1 ? keepMostVaried(whole, share, rounder) : null;
    const deltas = mask === null ? whole : whole.map((vector) => masked(vector, mask, null));
    const weights = energyShares(deltas, rounder);
    const votes = deltas.map(blockOf);
    const shares = weights.map((weight) => ({ factor: weight, weight }));
    const election = new Election(votes[0]!.length, rounder);
    return mixed((start, out) => {
      const block = votes.map((vote) => vote.subarray(0, out.length));
      deltas.forEach((vector, i) => vector.read(start, block[i]!));
      const { sums, divisors } = election.agreeing(block, shares);
      origin!.read(start, out);
      for (let j = 0; j < sums.length; j++) sums[j] = sums[j]! / Math.max(divisors[j]!, TINY);
      rounder.round(sums);
      for (let j = 0; j < out.length; j++) out[j] = out[j]! + sums[j]!;
    });
  },
};

function keepMostVaried(deltas: readonly Vector[], share: number, rounder: Rounder): Mask {
  const spread = variance(deltas, rounder);
  const varied = countNonZero(spread);
  const kept = Math.floor(Math.fround(varied * Math.fround(share))); // mergekit multiplies in float32
  return keepRanks(spread, [spread.elements - kept, spread.elements], { earlierIsLarger: true });
}

/** Per element, the population variance over the vectors. */
function variance(vectors: readonly Vector[], rounder: Rounder): Vector {
  const blocks = vectors.map(blockOf);
  const count = blocks.length;
  return {
    elements: vectors[0]!.elements,
    read(start, into) {
      vectors.forEach((vector, i) => vector.read(start, blocks[i]!.subarray(0, into.length)));
      for (let j = 0; j < into.length; j++) {
        let mean = 0, squares = 0;
        for (let i = 0; i < count; i++) mean += blocks[i]![j]!;
        mean /= count;
        for (let i = 0; i < count; i++) {
          const distance = blocks[i]![j]! - mean;
          squares += distance * distance;
        }
        into[j] = squares / count;
      }
      rounder.round(into);
    },
  };
}

function countNonZero(vector: Vector): number {
  const block = blockOf(vector);
  let nonZero = 0;
  forEachBlock(vector.elements, (start, count) => {
    vector.read(start, block.subarray(0, count));
    for (let i = 0; i < count; i++) if (block[i] !== 0) nonZero++;
  });
  return nonZero;
}

/** Mean squares, normalised; equal shares where there is next to nothing. */
function energyShares(vectors: readonly Vector[], rounder: Rounder): readonly number[] {
  const means = vectors.map((vector) => {
    const block = blockOf(vector);
    let sum = 0;
    forEachBlock(vector.elements, (start, count) => {
      const squares = block.subarray(0, count);
      vector.read(start, squares);
      for (let i = 0; i < count; i++) squares[i] = squares[i]! * squares[i]!;
      rounder.round(squares);
      for (let i = 0; i < count; i++) sum += squares[i]!;
    });
    return rounder.rounded(sum / vector.elements);
  });
  const all = rounder.rounded(total(means));
  return means.map((mean) => rounder.rounded(Math.abs(all) < TINY ? 1 / means.length : mean / all));
}
