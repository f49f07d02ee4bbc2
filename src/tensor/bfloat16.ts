/**
 * bfloat16 ↔ float32. Decoding appends sixteen zero bits and is exact; encoding rounds to nearest, ties to even, lets
 * overflow become infinity, and keeps a NaN a (quiet) NaN with its sign.
 */

/** float32 bits → bfloat16 bits. */
export function bfloat16FromBits(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >>> 16) | 0x40) & 0xffff;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** Writes `source.length` values to the front of `target`. */
export function decodeBfloat16(source: Uint16Array, target: Float32Array): void {
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < source.length; i++) bits[i] = source[i]! << 16;
}

/** Writes `source.length` values to the front of `target`. */
export function encodeBfloat16(source: Float32Array, target: Uint16Array): void {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  for (let i = 0; i < bits.length; i++) target[i] = bfloat16FromBits(bits[i]!);
}

/** Rounds values in place to what bfloat16 can hold. */
export function roundToBfloat16(values: Float32Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) bits[i] = bfloat16FromBits(bits[i]!) << 16;
}
