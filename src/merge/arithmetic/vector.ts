/** A tensor as arithmetic sees it: float32 values read by block, wherever they come from. */
import { BLOCK_ELEMENTS, roundTo } from "../../tensor/convert.ts";
import { bytesPerElement } from "../../tensor/dtype.ts";
import type { Operand } from "../operand.ts";

export interface Vector {
  readonly elements: number;
  /** Fills `into` (at most {@link BLOCK_ELEMENTS}) with the elements from `start` on. */
  read(start: number, into: Float32Array): void;
}

/** Room for a block of a tensor. */
export function blockOf({ elements }: Pick<Vector, "elements">): Float32Array<ArrayBuffer> {
  return new Float32Array(Math.min(elements, BLOCK_ELEMENTS));
}

/**
 * model − base, rounded to the base's type as mergekit's is, so that a selection ranks the same numbers. Differences of
 * 8-bit numbers, which mergekit does not take, stay float32: few of them would survive.
 */
export function delta(model: Operand, base: Operand): Vector {
  const own = blockOf(base);
  const dtype = differencesOf(base);
  const rounding = new Uint8Array(own.length * bytesPerElement(dtype));
  return {
    elements: base.elements,
    read(start, into) {
      const subtrahend = own.subarray(0, into.length);
      model.read(start, into);
      base.read(start, subtrahend);
      for (let i = 0; i < into.length; i++) into[i] = into[i]! - subtrahend[i]!;
      roundTo(dtype, into, rounding);
    },
  };
}

/** A number as differences from this base can equal it. */
export function roundedTo(base: Pick<Operand, "dtype">, value: number): number {
  const dtype = differencesOf(base);
  const rounded = Float32Array.of(value);
  roundTo(dtype, rounded, new Uint8Array(bytesPerElement(dtype)));
  return rounded[0]!;
}

function differencesOf({ dtype }: Pick<Operand, "dtype">) {
  return dtype === "F8_E4M3" ? "F32" : dtype;
}
