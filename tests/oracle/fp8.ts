/**
 * FP8 E4M3FN and its row-wise quantization in plain float64 arithmetic, by definition rather than by bit tricks:
 * the slow, obvious version that the fast ones are held against. 1 sign, 4 exponent (bias 7), 3 mantissa bits, no
 * infinities, 0x7F and 0xFF are NaN.
 */

/** Value of a byte. */
export function decodeE4m3(byte: number): number {
  const sign = byte & 0x80 ? -1 : 1;
  const exponent = (byte >> 3) & 15;
  const mantissa = byte & 7;
  if (exponent === 15 && mantissa === 7) return NaN;
  return sign * (exponent === 0 ? mantissa * 2 ** -9 : (1 + mantissa / 8) * 2 ** (exponent - 7));
}

const MAGNITUDES = Array.from({ length: 127 }, (_, byte) => decodeE4m3(byte)); // ascending, 0 … 448

/** Nearest byte, ties to the even mantissa; beyond 448 saturates; NaN becomes 0x7F (a number does not tell the sign of its NaN). */
export function encodeE4m3(value: number): number {
  if (Number.isNaN(value)) return 0x7f;
  const sign = value < 0 || Object.is(value, -0) ? 0x80 : 0;
  const magnitude = Math.abs(value);
  let best = 0;
  for (let byte = 1; byte < MAGNITUDES.length; byte++) {
    const closer = Math.abs(MAGNITUDES[byte]! - magnitude) - Math.abs(MAGNITUDES[best]! - magnitude);
    if (closer < 0 || (closer === 0 && byte % 2 === 0)) best = byte;
  }
  return sign | (magnitude >= 448 ? 126 : best);
}

/** One scale per row: `float32(max|row| / 448)`, 1 where that is zero; bytes are `encode(float32(w / scale))`. */
export function quantizeRows(
  weight: ArrayLike<number>, // [rows, columns]
  rows: number,
): { bytes: Uint8Array; scales: Float32Array; dequantized: Float64Array } {
  const columns = weight.length / rows;
  const bytes = new Uint8Array(weight.length);
  const scales = new Float32Array(rows);
  const dequantized = new Float64Array(weight.length);
  for (let row = 0; row < rows; row++) {
    let largest = 0;
    for (let k = 0; k < columns; k++) largest = Math.max(largest, Math.abs(weight[row * columns + k]!));
    scales[row] = Math.fround(largest / 448) || 1;
    for (let k = 0; k < columns; k++) {
      const index = row * columns + k;
      bytes[index] = encodeE4m3(Math.fround(weight[index]! / scales[row]!));
      dequantized[index] = Math.fround(decodeE4m3(bytes[index]!) * scales[row]!);
    }
  }
  return { bytes, scales, dequantized };
}

/**
 * A token's key or value of one head as an FP8 KV cache holds it: scale the smallest power of two, from 2^-116 to 2^119,
 * that brings the largest magnitude to 448 or less; 1 for zeros; NaN, and codes of zero, for a row that is not finite.
 */
export function quantizeHead(
  row: ArrayLike<number>,
): { codes: number[]; scale: number; dequantized: number[] } {
  const values = Array.from(row);
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0); // NaN if one is
  if (!Number.isFinite(largest)) {
    return { codes: values.map(() => 0), scale: NaN, dequantized: values.map(() => NaN) };
  }
  let exponent = -116;
  while (exponent < 119 && largest / 2 ** exponent > 448) exponent++;
  const scale = largest === 0 ? 1 : 2 ** exponent;
  const codes = values.map((value) => encodeE4m3(value / scale));
  return { codes, scale, dequantized: codes.map((code) => decodeE4m3(code) * scale) };
}
