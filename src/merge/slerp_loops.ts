/**
 * The two inner loops of SLERP over bfloat16 in plain TypeScript: what the WebAssembly ones (slerp_kernel.ts) are held
 * against, and what does a block that is out of their range.
 */
import { bfloat16FromBits } from "../tensor/bfloat16.ts";

/** Three sums over a block. */
export interface BlockSums {
  readonly aa: number;
  readonly bb: number;
  readonly ab: number;
}

/** Arithmetic gives no NaN the same bits on every processor, so it is written as this one. */
const QUIET_NAN = 0x7fc0;

const bits = new Uint32Array(2);
const values = new Float32Array(bits.buffer);

/** Of codes of equal number, in float64 throughout: no square of a bfloat16 value is too large or too small for that. */
export function wideSums(a: Uint16Array, b: Uint16Array): BlockSums {
  // Sums live in locals: the compiler keeps those in registers, unlike captured variables.
  let aa = 0, bb = 0, ab = 0;
  for (let i = 0; i < a.length; i++) {
    bits[0] = a[i]! << 16;
    bits[1] = b[i]! << 16;
    const x = values[0]!, y = values[1]!;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  return { aa, bb, ab };
}

/** bfloat16(float32(float32(s0 a) + float32(s1 b))) into `out`. */
export function combineCodes(
  a: Uint16Array,
  b: Uint16Array,
  { s0, s1 }: { readonly s0: number; readonly s1: number },
  out: Uint16Array,
): void {
  for (let i = 0; i < a.length; i++) {
    bits[0] = a[i]! << 16;
    bits[1] = b[i]! << 16;
    const mixed = Math.fround(s0 * values[0]!) + Math.fround(s1 * values[1]!);
    values[0] = mixed;
    out[i] = Number.isNaN(mixed) ? QUIET_NAN : bfloat16FromBits(bits[0]!);
  }
}
