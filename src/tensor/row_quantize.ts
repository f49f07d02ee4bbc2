/**
 * Row-wise FP8 quantization of a weight matrix, one float32 scale per output channel:
 * scale = float32(max|row| / 448), code = E4M3FN(float32(weight / scale)), weight ≈ float32(value(code) * scale).
 * A division, not a multiplication by the reciprocal: the codes must be the reference's, bit for bit.
 */
import { FLOAT8_MAX, float8FromBits } from "./float8.ts";

const quotient = new Float32Array(1);
const quotientBits = new Uint32Array(quotient.buffer);

/**
 * Quantizes one row of float32 weights into `codes` and returns its scale. A row of zeros, or one so small that its
 * scale would be zero, gets scale 1. A NaN weight stays NaN and does not take part in the maximum.
 */
export function quantizeRow(row: Float32Array, codes: Uint8Array): number {
  let largest = 0;
  for (let i = 0; i < row.length; i++) {
    const magnitude = Math.abs(row[i]!);
    if (magnitude > largest) largest = magnitude;
  }
  const scale = Math.fround(largest / FLOAT8_MAX) || 1;
  const bits = new Uint32Array(row.buffer, row.byteOffset, row.length);
  for (let i = 0; i < row.length; i++) {
    quotient[0] = row[i]! / scale;
    // The weight's own sign: that of a NaN is the processor's choice.
    codes[i] = float8FromBits(bits[i]! & 0x80000000 | quotientBits[0]! & 0x7fffffff);
  }
  return scale;
}

/** A matrix of `rows` rows: `weights` [rows, columns] float32 → `codes` [rows, columns], `scales` [rows]. */
export function quantizeRows(
  weights: Float32Array,
  rows: number,
): { readonly codes: Uint8Array<ArrayBuffer>; readonly scales: Float32Array<ArrayBuffer> } {
  const columns = rows === 0 ? 0 : weights.length / rows;
  if (!Number.isInteger(columns)) {
    throw new RangeError(`Cannot split ${weights.length} weights into ${rows} rows`);
  }
  const codes = new Uint8Array(weights.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const [from, to] = [row * columns, (row + 1) * columns];
    scales[row] = quantizeRow(weights.subarray(from, to), codes.subarray(from, to));
  }
  return { codes, scales };
}
