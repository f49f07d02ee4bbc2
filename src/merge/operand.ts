/**
 * One input tensor of a step as its method sees it: float32 values by block, after the cast that `dtype` asks for (a
 * cast that rounds and may overflow, before any arithmetic). Holds the raw bytes, never a float32 copy of the whole.
 */
import { BLOCK_ELEMENTS, roundTo, toFloat32 } from "../tensor/convert.ts";
import { bytesPerElement, type FloatDtype, type WeightDtype } from "../tensor/dtype.ts";

export class Operand {
  readonly elements: number;
  /** After the cast. */
  readonly dtype: FloatDtype;
  readonly #bytes: Uint8Array;
  readonly #stored: FloatDtype;
  readonly #scratch: Uint8Array | undefined;

  /** `cast`: the type to round to first; null leaves the values as stored. */
  constructor(bytes: Uint8Array, stored: FloatDtype, cast: WeightDtype | null) {
    this.#bytes = bytes;
    this.#stored = stored;
    this.dtype = cast ?? stored;
    this.elements = bytes.byteLength / bytesPerElement(stored);
    if (this.dtype !== stored) this.#scratch = new Uint8Array(BLOCK_ELEMENTS * bytesPerElement(this.dtype));
  }

  /** Fills `into` (at most {@link BLOCK_ELEMENTS}) with the elements from `start` on. */
  read(start: number, into: Float32Array): void {
    const size = bytesPerElement(this.#stored);
    toFloat32(this.#stored, this.#bytes.subarray(start * size, (start + into.length) * size), into);
    if (this.#scratch !== undefined) roundTo(this.dtype, into, this.#scratch);
  }
}

/** Calls `visit(start, count)` for each block of so many elements, in order. */
export function forEachBlock(elements: number, visit: (start: number, count: number) => void): void {
  for (let start = 0; start < elements; start += BLOCK_ELEMENTS) {
    visit(start, Math.min(BLOCK_ELEMENTS, elements - start));
  }
}
