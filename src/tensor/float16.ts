/**
 * IEEE binary16 ↔ float32. Decoding is exact and goes through a table of all 65,536 codes; encoding rounds to nearest,
 * ties to even, over normal and subnormal range, and overflows to infinity. A NaN stays a quiet NaN with its sign.
 */

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);
const HALF_BITS = 0x3f000000; // bits of 0.5, whose unit in the last place is 2^-24: the smallest binary16 subnormal

/** float32 bits → binary16 bits. */
export function float16FromBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 and above
  if (magnitude >= 0x38800000) { // 2^-14 and above: rebias the exponent, round 23 mantissa bits to 10
    return sign | ((magnitude + 0xfff + ((magnitude >>> 13) & 1) - 0x38000000) >>> 13);
  }
  scratchBits[0] = magnitude;
  scratch[0] = scratch[0]! + 0.5; // the float32 addition rounds to a multiple of 2^-24, ties to even
  return sign | (scratchBits[0]! - HALF_BITS);
}

/** One binary16 code → its value. */
export function float16ToNumber(code: number): number {
  const sign = code & 0x8000 ? -1 : 1;
  const exponent = (code >>> 10) & 0x1f;
  const mantissa = code & 0x3ff;
  if (exponent === 0x1f) return mantissa === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1024 + mantissa) * 2 ** (exponent - 25);
}

let table: Float32Array | undefined;
function decodeTable(): Float32Array {
  return table ??= Float32Array.from({ length: 65536 }, (_, code) => float16ToNumber(code));
}

/** Writes `source.length` values to the front of `target`. */
export function decodeFloat16(source: Uint16Array, target: Float32Array): void {
  const values = decodeTable();
  for (let i = 0; i < source.length; i++) target[i] = values[source[i]!]!;
}

/** Writes `source.length` values to the front of `target`. */
export function encodeFloat16(source: Float32Array, target: Uint16Array): void {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  for (let i = 0; i < bits.length; i++) target[i] = float16FromBits(bits[i]!);
}
