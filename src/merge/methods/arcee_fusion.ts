/**
 * `arcee_fusion` (Arcee AI; mergekit's name): elements that changed importantly come from the other model, the rest
 * stays the base's. Importance is the change times how far the row's softmax moved; the cut is drawn from its quartiles.
 *   p, q = softmax(other), softmax(base) along the last dimension, + 1e-8;  score = |other − base| · Σ p ln(p/q)
 *   other where score ≥ median + 1.5 (q₃ − q₁), base elsewhere
 * mergekit estimates the quartiles of more than a million scores from a random sample; here they are exact.
 */
import { alongLast, type Lines } from "../arithmetic/lines.ts";
import { valuesAtRanks } from "../arithmetic/order_statistics.ts";
import { commonDtype, differenceDtype, Rounder } from "../arithmetic/rounding.ts";
import { blockOf, delta, type Vector } from "../arithmetic/vector.ts";
import { forEachBlock, type Operand } from "../operand.ts";
import { byRole, copied, mixed, needsModels } from "./inputs.ts";
import type { MergeMethod } from "./method.ts";

/** Keeps the logarithm of vanishing probabilities finite. */
const EPSILON = 1e-8;

export const arceeFusion: MergeMethod = {
  name: "arcee_fusion",
  arithmetic: 2,
  parameters: [],
  refuseSlice: needsModels({ base: "required", others: [1, 1], alone: "any" }),

  /** mergekit multiplies by a mask of float32, and so gets float32, whatever `dtype` says; `out_dtype` rounds it. */
  resultDtype: (dtypes) => dtypes.length === 1 ? commonDtype(dtypes) : "F32",

  mix(inputs) {
    if (inputs.operands.length === 1) return copied(inputs.operands[0]!);
    const { origin, others } = byRole(inputs);
    const [base, other] = [origin!, others[0]!.operand];
    const block = blockOf(base);
    const rounder = new Rounder(differenceDtype([base.dtype, other.dtype]), block.length);
    const change = delta(other, base, rounder.dtype);
    const divergence = divergences(other, base, alongLast(inputs.shape), rounder);
    const scores = importance(change, divergence, alongLast(inputs.shape), rounder);
    const threshold = thresholdOf(scores, rounder);
    const score = blockOf(base);
    return mixed((start, out) => {
      scores.read(start, score.subarray(0, out.length));
      change.read(start, block.subarray(0, out.length));
      base.read(start, out);
      // A change that is no number does not vanish under a factor of 0.
      for (let i = 0; i < out.length; i++) out[i] = out[i]! + (score[i]! >= threshold ? 1 : 0) * block[i]!;
    });
  },
};

function thresholdOf(scores: Vector, rounder: Rounder): number {
  const ranks = [0.25, 0.5, 0.75].map((quantile) => Math.floor(quantile * (scores.elements - 1)));
  const [q1, median, q3] = valuesAtRanks(scores, ranks) as [number, number, number];
  return rounder.rounded(median + rounder.rounded(1.5 * rounder.rounded(q3 - q1)));
}

/** |other − base| times the row's divergence. */
function importance(change: Vector, divergence: Float32Array, rows: Lines, rounder: Rounder): Vector {
  return {
    elements: change.elements,
    read(start, into) {
      change.read(start, into);
      rows.forEachRun(start, into.length, (row, from, to) => {
        const factor = divergence[row]!;
        for (let i = from; i < to; i++) into[i] = Math.abs(into[i]!) * factor;
      });
      rounder.round(into);
    },
  };
}

/**
 * Of each row: Σ p ln(p/q) of the two softmaxes. The terms nearly cancel, and in 16 bits what is left of them is mostly
 * rounding, and may be negative, so every step is rounded as mergekit rounds it.
 */
function divergences(other: Operand, base: Operand, rows: Lines, rounder: Rounder): Float32Array {
  const [p, q] = [softmax(other, rows, rounder), softmax(base, rows, rounder)];
  const [ps, qs] = [blockOf(base), blockOf(base)];
  const sums = new Float64Array(rows.count);
  forEachBlock(base.elements, (start, count) => {
    const [a, b] = [ps.subarray(0, count), qs.subarray(0, count)];
    p.read(start, a);
    q.read(start, b);
    for (let i = 0; i < count; i++) b[i] = a[i]! / b[i]!;
    rounder.round(b);
    for (let i = 0; i < count; i++) b[i] = Math.log(b[i]!);
    rounder.round(b);
    for (let i = 0; i < count; i++) a[i] = a[i]! * b[i]!;
    rounder.round(a);
    rows.forEachRun(start, count, (row, from, to) => {
      let sum = 0;
      for (let i = from; i < to; i++) sum += a[i]!;
      sums[row] = sums[row]! + sum;
    });
  });
  return Float32Array.from(sums, (sum) => rounder.rounded(sum));
}

/** Row by row exp(x − max) / Σ exp(x − max), + 1e-8; the sum is rescaled whenever a larger maximum turns up. */
function softmax(x: Operand, rows: Lines, rounder: Rounder): Vector {
  const maxima = new Float32Array(rows.count).fill(-Infinity);
  const sums = new Float64Array(rows.count);
  const block = blockOf(x);
  forEachBlock(x.elements, (start, count) => {
    x.read(start, block.subarray(0, count));
    rows.forEachRun(start, count, (row, from, to) => {
      let [max, sum] = [maxima[row]!, 0];
      for (let i = from; i < to; i++) max = Math.max(max, block[i]!);
      for (let i = from; i < to; i++) sum += Math.exp(block[i]! - max);
      const before = maxima[row] === -Infinity ? 0 : sums[row]! * Math.exp(maxima[row]! - max);
      sums[row] = before + sum;
      maxima[row] = max;
    });
  });
  return {
    elements: x.elements,
    read(start, into) {
      x.read(start, into);
      rows.forEachRun(start, into.length, (row, from, to) => {
        for (let i = from; i < to; i++) into[i] = Math.exp(into[i]! - maxima[row]!) / sums[row]!;
      });
      rounder.round(into);
      for (let i = 0; i < into.length; i++) into[i] = into[i]! + EPSILON;
      rounder.round(into);
    },
  };
}
