/** A tensor as arithmetic sees it: float32 values read by block, wherever they come from. */
import { BLOCK_ELEMENTS } from "../../tensor/convert.ts";
import type { WeightDtype } from "../../tensor/dtype.ts";
import type { Operand } from "../operand.ts";
import { Rounder } from "./rounding.ts";

export interface Vector {
  readonly elements: number;
  /** Fills `into` (at most {@link BLOCK_ELEMENTS}) with the elements from `start` on. */
  read(start: number, into: Float32Array): void;
}

/** Room for a block of a tensor. */
export function blockOf({ elements }: Pick<Vector, "elements">): Float32Array<ArrayBuffer> {
  return new Float32Array(Math.min(elements, BLOCK_ELEMENTS));
}

/** model − base, both and their difference rounded to `dtype` as mergekit's are, so that a selection ranks the same. */
export function delta(model: Operand, base: Operand, dtype: WeightDtype): Vector {
  const own = blockOf(base);
  const rounder = new Rounder(dtype, own.length);
  return {
    elements: base.elements,
    read(start, into) {
      const subtrahend = own.subarray(0, into.length);
      model.read(start, into);
      base.read(start, subtrahend);
      if (model.dtype !== dtype) rounder.round(into);
      for (let i = 0; i < into.length; i++) into[i] = into[i]! - subtrahend[i]!;
      rounder.round(into);
    },
  };
}
