/**
 * Blocks of tensor bytes ↔ float32, for any float dtype. Callers work block by block with buffers they own, so nothing
 * here is sized by a whole tensor. Bytes are little-endian, as in safetensors and on every platform that Deno runs on.
 */
import { decodeBfloat16, encodeBfloat16, roundToBfloat16 } from "./bfloat16.ts";
import { bytesPerElement, type FloatDtype } from "./dtype.ts";
import { decodeFloat16, encodeFloat16 } from "./float16.ts";
import { decodeFloat8, encodeFloat8 } from "./float8.ts";

/** Elements that a loop over a tensor handles at a time: 256 KiB of float32 stays in the second-level cache. */
export const BLOCK_ELEMENTS = 65536;

/** Decodes `source` to the front of `target`, which must have room. Returns the number of elements. */
export function toFloat32(dtype: FloatDtype, source: Uint8Array, target: Float32Array): number {
  const elements = source.byteLength / bytesPerElement(dtype);
  if (!Number.isInteger(elements) || elements > target.length) {
    throw new RangeError(
      `Cannot decode ${source.byteLength} bytes of ${dtype} into ${target.length} elements`,
    );
  }
  switch (dtype) {
    case "BF16":
      decodeBfloat16(halfWords(aligned(source, 2)), target);
      break;
    case "F16":
      decodeFloat16(halfWords(aligned(source, 2)), target);
      break;
    case "F8_E4M3":
      decodeFloat8(source, target);
      break;
    case "F32":
      target.set(words(aligned(source, 4)));
      break;
  }
  return elements;
}

/** Encodes all of `source` to the front of `target`, rounding to nearest even. Returns the number of bytes. */
export function fromFloat32(dtype: FloatDtype, source: Float32Array, target: Uint8Array): number {
  const bytes = source.length * bytesPerElement(dtype);
  if (bytes > target.byteLength || target.byteOffset % bytesPerElement(dtype) !== 0) {
    throw new RangeError(
      `Cannot encode ${source.length} elements as ${dtype} into ${target.byteLength} bytes`,
    );
  }
  switch (dtype) {
    case "BF16":
      encodeBfloat16(source, halfWords(target.subarray(0, bytes)));
      break;
    case "F16":
      encodeFloat16(source, halfWords(target.subarray(0, bytes)));
      break;
    case "F8_E4M3":
      encodeFloat8(source, target);
      break;
    case "F32":
      words(target.subarray(0, bytes)).set(source);
      break;
  }
  return bytes;
}

/** Rounds values in place to what `dtype` can hold; F32 leaves them as they are. */
export function roundTo(dtype: FloatDtype, values: Float32Array, scratch: Uint8Array): void {
  if (dtype === "F32") return;
  if (dtype === "BF16") return roundToBfloat16(values);
  const bytes = fromFloat32(dtype, values, scratch);
  toFloat32(dtype, scratch.subarray(0, bytes), values);
}

function aligned(bytes: Uint8Array, size: number): Uint8Array {
  return bytes.byteOffset % size === 0 ? bytes : bytes.slice();
}
function halfWords(bytes: Uint8Array): Uint16Array {
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
}
function words(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}
