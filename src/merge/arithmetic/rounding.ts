/**
 * Types as torch computes in them: what an operation on 16-bit tensors gives is rounded to 16 bits before the next one
 * sees it, and sums are added up in float32 and rounded once. Signs and selections hang on these roundings.
 */
import { roundTo } from "../../tensor/convert.ts";
import { bytesPerElement, type FloatDtype, type WeightDtype } from "../../tensor/dtype.ts";

/** What holds the values of all these types: 8 bits fit into bfloat16, and nothing is computed or written in fewer. */
export function commonDtype(dtypes: readonly FloatDtype[]): WeightDtype {
  const [first, ...others] = new Set(dtypes.map((dtype) => dtype === "F8_E4M3" ? "BF16" : dtype));
  return others.length === 0 ? first! : "F32";
}

/** What differences of tensors are held in; 8-bit numbers, which mergekit does not take, would lose most of theirs. */
export function differenceDtype(dtypes: readonly FloatDtype[]): WeightDtype {
  return dtypes.includes("F8_E4M3") ? "F32" : commonDtype(dtypes);
}

/** Rounds blocks of up to `length` values in place. */
export class Rounder {
  readonly dtype: WeightDtype;
  readonly #scratch: Uint8Array;
  readonly #one = new Float32Array(1);

  constructor(dtype: WeightDtype, length: number) {
    this.dtype = dtype;
    this.#scratch = new Uint8Array(Math.max(1, length) * bytesPerElement(dtype)); // rounded() needs one
  }

  round(values: Float32Array): void {
    roundTo(this.dtype, values, this.#scratch);
  }

  /** One value. */
  rounded(value: number): number {
    this.#one[0] = value;
    this.round(this.#one);
    return this.#one[0]!;
  }
}
