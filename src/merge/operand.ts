/**
 * One input tensor of a step as its method sees it: float32 values by block, after the cast that `dtype` asks for (a
 * cast that rounds and may overflow, before any arithmetic). Never holds a float32 copy of the whole.
 */
import { BLOCK_ELEMENTS, roundTo, toFloat32 } from "../tensor/convert.ts";
import { bytesPerElement, type FloatDtype, type WeightDtype } from "../tensor/dtype.ts";

/** Bytes that are read by range, from memory or from a file. */
export interface ByteSource {
  readonly byteLength: number;
  /** Fills `into` with the bytes from `offset` on. */
  read(offset: number, into: Uint8Array): void;
}

export class Operand {
  readonly elements: number;
  /** After the cast. */
  readonly dtype: FloatDtype;
  readonly #source: Uint8Array | ByteSource;
  readonly #stored: FloatDtype;
  readonly #rounding: Uint8Array | undefined;
  #block: Uint8Array | undefined;

  /** `cast`: the type to round to first; null leaves the values as stored. */
  constructor(source: Uint8Array | ByteSource, stored: FloatDtype, cast: WeightDtype | null) {
    this.#source = source;
    this.#stored = stored;
    this.dtype = cast ?? stored;
    this.elements = source.byteLength / bytesPerElement(stored);
    if (this.dtype !== stored) this.#rounding = new Uint8Array(BLOCK_ELEMENTS * bytesPerElement(this.dtype));
  }

  /** Whether {@link readStored} gives the very values that {@link read} gives, as bfloat16. */
  get isBfloat16(): boolean {
    return this.#stored === "BF16" && this.dtype === "BF16";
  }

  /** Fills `into` (at most {@link BLOCK_ELEMENTS}) with the elements from `start` on. */
  read(start: number, into: Float32Array): void {
    const size = bytesPerElement(this.#stored);
    toFloat32(this.#stored, this.#bytes(start * size, into.length * size), into);
    if (this.#rounding !== undefined) roundTo(this.dtype, into, this.#rounding);
  }

  /** Fills `into` with whole elements as stored, from element `start` on. */
  readStored(start: number, into: Uint8Array): void {
    const offset = start * bytesPerElement(this.#stored);
    if (this.#source instanceof Uint8Array) {
      into.set(this.#source.subarray(offset, offset + into.byteLength));
    } else this.#source.read(offset, into);
  }

  #bytes(offset: number, length: number): Uint8Array {
    if (this.#source instanceof Uint8Array) return this.#source.subarray(offset, offset + length);
    this.#block ??= new Uint8Array(Math.min(BLOCK_ELEMENTS, this.elements) * bytesPerElement(this.#stored));
    const block = this.#block.subarray(0, length);
    this.#source.read(offset, block);
    return block;
  }
}

/** Calls `visit(start, count)` for each block of so many elements, in order. */
export function forEachBlock(elements: number, visit: (start: number, count: number) => void): void {
  for (let start = 0; start < elements; start += BLOCK_ELEMENTS) {
    visit(start, Math.min(BLOCK_ELEMENTS, elements - start));
  }
}
