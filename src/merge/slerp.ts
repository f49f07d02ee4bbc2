/**
 * Spherical linear interpolation of two tensors, each seen as one flat vector, with mergekit's branches and thresholds:
 *   d = cos∠(v0, v1); nearly colinear (|d| > 0.9995): (1-t) v0 + t v1
 *   else a = arccos d: sin((1-t)a)/sin a · v0 + sin(ta)/sin a · v1, on the unnormalised inputs
 * t = 0 gives v0. A vector of norm at most 1e-8 counts as its own unit vector, so zero has d = 0. NaN or infinity in an
 * input gives NaN everywhere. t may lie outside 0 … 1.
 */
import { BLOCK_ELEMENTS } from "../tensor/convert.ts";
import { forEachBlock, type Operand } from "./operand.ts";
import { slerpKernel } from "./slerp_kernel.ts";
import type { BlockSums } from "./slerp_loops.ts";

const COLINEAR = Math.fround(0.9995);
const TINY_NORM = Math.fround(1e-8);

export interface SlerpWeights {
  readonly branch: "SLERP" | "LERP";
  /** d above, as float32; NaN where an input holds NaN or infinity. */
  readonly cosine: number;
  readonly norm0: number;
  readonly norm1: number;
  /** Factors of v0 and v1, float32. */
  readonly s0: number;
  readonly s1: number;
}

/**
 * One pass over both inputs. Sums are float64, of bfloat16 values after short runs in float32 (see slerp_kernel.ts): at
 * 7B sizes mergekit's float32 sums are off by up to 1e-3, so a good sum is the best estimate of what they mean.
 */
export function slerpWeights(v0: Operand, v1: Operand, t: number): SlerpWeights {
  const blockSums = v0.isBfloat16 && v1.isBfloat16 ? bfloat16Sums(v0, v1) : float32Sums(v0, v1);
  let [square0, square1, product] = [0, 0, 0];
  forEachBlock(v0.elements, (start, count) => {
    const { aa, bb, ab } = blockSums(start, count);
    square0 += aa;
    square1 += bb;
    product += ab;
  });
  const [norm0, norm1] = [Math.sqrt(square0), Math.sqrt(square1)];
  const cosine = Math.fround(product / (unitDivisor(norm0) * unitDivisor(norm1)));
  return { norm0, norm1, cosine, ...weightsAt(cosine, t) };
}

type BlockSummer = (start: number, count: number) => BlockSums;

function bfloat16Sums(v0: Operand, v1: Operand): BlockSummer {
  const kernel = slerpKernel();
  return (start, count) => {
    v0.readStored(start, kernel.a.subarray(0, count * 2));
    v1.readStored(start, kernel.b.subarray(0, count * 2));
    return kernel.sums(count);
  };
}

function float32Sums(v0: Operand, v1: Operand): BlockSummer {
  const a = new Float32Array(BLOCK_ELEMENTS);
  const b = new Float32Array(BLOCK_ELEMENTS);
  return (start, count) => {
    v0.read(start, a.subarray(0, count));
    v1.read(start, b.subarray(0, count));
    // Sums of a block live in locals: the compiler keeps those in registers, unlike captured variables.
    let aa = 0, bb = 0, ab = 0;
    for (let i = 0; i < count; i++) {
      const x = a[i]!, y = b[i]!;
      aa += x * x;
      bb += y * y;
      ab += x * y;
    }
    return { aa, bb, ab };
  };
}

function unitDivisor(norm: number): number {
  return Math.fround(norm) <= TINY_NORM ? 1 : norm; // NaN divides, and so spreads
}

/**
 * The branch and the factors of v0 and v1. Every step is rounded to float32, for that is what mergekit computes in: with
 * its own cosine, four times of five the factors come out equal to the bit (exact arithmetic: one time of three).
 */
export function weightsAt(cosine: number, t: number): Pick<SlerpWeights, "branch" | "s0" | "s1"> {
  if (Math.abs(cosine) > COLINEAR) return { branch: "LERP", s0: Math.fround(1 - t), s1: Math.fround(t) };
  const angle = Math.fround(Math.acos(cosine));
  const sine = Math.fround(Math.sin(angle));
  const part = Math.fround(angle * Math.fround(t));
  return {
    branch: "SLERP",
    s0: Math.fround(Math.fround(Math.sin(Math.fround(angle - part))) / sine),
    s1: Math.fround(Math.fround(Math.sin(part)) / sine),
  };
}

/** Elements from `start` on: float32(float32(s0 v0) + float32(s1 v1)), into `out`; `scratch` has its length. */
export function combine(
  v0: Operand,
  v1: Operand,
  weights: Pick<SlerpWeights, "s0" | "s1">,
  start: number,
  out: Float32Array,
  scratch: Float32Array,
): void {
  v0.read(start, out);
  v1.read(start, scratch);
  const { s0, s1 } = weights;
  for (let i = 0; i < out.length; i++) {
    out[i] = Math.fround(s0 * out[i]!) + Math.fround(s1 * scratch[i]!);
  }
}

/** The same for two bfloat16 operands, rounded to bfloat16: bytes that are good until the next call. */
export function combineBfloat16(
  v0: Operand,
  v1: Operand,
  { s0, s1 }: Pick<SlerpWeights, "s0" | "s1">,
  start: number,
  count: number,
): Uint8Array {
  const kernel = slerpKernel();
  v0.readStored(start, kernel.a.subarray(0, count * 2));
  v1.readStored(start, kernel.b.subarray(0, count * 2));
  return kernel.combine(count, s0, s1);
}
