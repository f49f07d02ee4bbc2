/**
 * Which elements of a tensor are kept: one bit each, so that a selection costs little memory whatever made it. Indices
 * are 32-bit: a tensor held in memory has fewer elements.
 */
import { BLOCK_ELEMENTS } from "../../tensor/convert.ts";
import type { WeightDtype } from "../../tensor/dtype.ts";
import { forEachBlock } from "../operand.ts";
import { Rounder } from "./rounding.ts";
import { blockOf, type Vector } from "./vector.ts";

export class Mask {
  readonly #bits: Uint8Array;

  /** Keeps nothing. */
  constructor(elements: number) {
    this.#bits = new Uint8Array(Math.ceil(elements / 8));
  }

  keep(index: number): void {
    const at = index >>> 3;
    this.#bits[at] = this.#bits[at]! | (1 << (index & 7));
  }

  /** Multiplies by 1 or 0 the elements from `start` on: NaN and infinity do not vanish, as in mergekit. */
  apply(start: number, values: Float32Array): void {
    const bits = this.#bits;
    for (let i = 0; i < values.length; i++) {
      const index = start + i;
      values[i] = values[i]! * ((bits[index >>> 3]! >> (index & 7)) & 1);
    }
  }
}

/** Sums that count as zero, as in mergekit. */
const TINY_SUM = 1e-7;

/**
 * The vector under a mask; with `rescale`, times Σ|v| / Σ|masked v|, which restores its L1 norm, everything rounded to
 * that type.
 */
export function masked(vector: Vector, mask: Mask, rescale: WeightDtype | null): Vector {
  const rounder = new Rounder(rescale ?? "F32", Math.min(vector.elements, BLOCK_ELEMENTS));
  const factor = rescale === null ? 1 : restoringFactor(vector, mask, rounder);
  return {
    elements: vector.elements,
    read(start, into) {
      vector.read(start, into);
      mask.apply(start, into);
      if (factor === 1) return;
      for (let i = 0; i < into.length; i++) into[i] = into[i]! * factor;
      rounder.round(into);
    },
  };
}

function restoringFactor(vector: Vector, mask: Mask, rounder: Rounder): number {
  const block = blockOf(vector);
  let [before, after] = [0, 0];
  forEachBlock(vector.elements, (start, count) => {
    const values = block.subarray(0, count);
    vector.read(start, values);
    before += absoluteSum(values);
    mask.apply(start, values);
    after += absoluteSum(values);
  });
  const sums = [rounder.rounded(before), rounder.rounded(after)] as const;
  if (sums.some((sum) => sum < TINY_SUM)) return 1;
  // Large tensors have sums that float16 does not hold; mergekit makes NaN of them.
  return rounder.rounded(sums.every(Number.isFinite) ? sums[0] / sums[1] : before / after);
}

function absoluteSum(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.abs(values[i]!);
  return sum;
}
