/**
 * FP8 E4M3FN ↔ float32: 1-4-3 bits, bias 7, no infinities, 0x7F and 0xFF are NaN, largest value 448, smallest subnormal
 * 2^-9. Encoding rounds to nearest, ties to even, and saturates: magnitudes above 448, infinities too, become 448.
 * A NaN becomes 0x7F; the sign is kept throughout, also that of zero and NaN.
 */

/** The largest finite magnitude. */
export const FLOAT8_MAX = 448;

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);
const MAX_CODE = 0x7e;
const SUBNORMAL_MAGIC = 16384; // its unit in the last place in float32 is 2^-9: the smallest E4M3 subnormal
const SUBNORMAL_MAGIC_BITS = 0x46800000;

/** float32 bits → E4M3FN code. */
export function float8FromBits(bits: number): number {
  const sign = (bits >>> 24) & 0x80;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7f;
  if (magnitude >= 0x43e00000) return sign | MAX_CODE; // 448 and above
  if (magnitude >= 0x3c800000) { // 2^-6 and above: rebias the exponent, round 23 mantissa bits to 3
    return sign | ((magnitude + 0x7ffff + ((magnitude >>> 20) & 1) - 0x3c000000) >>> 20);
  }
  scratchBits[0] = magnitude;
  scratch[0] = scratch[0]! + SUBNORMAL_MAGIC; // rounds to a multiple of 2^-9, ties to even
  return sign | (scratchBits[0]! - SUBNORMAL_MAGIC_BITS);
}

/** One E4M3FN code → its value. */
export function float8ToNumber(code: number): number {
  const sign = code & 0x80 ? -1 : 1;
  const exponent = (code >>> 3) & 0xf;
  const mantissa = code & 7;
  if (exponent === 0xf && mantissa === 7) return NaN;
  return exponent === 0 ? sign * mantissa * 2 ** -9 : sign * (8 + mantissa) * 2 ** (exponent - 10);
}

/** The value of every code. */
export const FLOAT8_VALUES: Float32Array = Float32Array.from(
  { length: 256 },
  (_, code) => float8ToNumber(code),
);

/** Writes `source.length` values to the front of `target`. */
export function decodeFloat8(source: Uint8Array, target: Float32Array): void {
  for (let i = 0; i < source.length; i++) target[i] = FLOAT8_VALUES[source[i]!]!;
}

/** Writes `source.length` codes to the front of `target`. */
export function encodeFloat8(source: Float32Array, target: Uint8Array): void {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  for (let i = 0; i < bits.length; i++) target[i] = float8FromBits(bits[i]!);
}
