/**
 * `arcee_fusion` (Arcee AI; mergekit's name): elements that changed importantly come from the other model, the rest
 * stays the base's. Importance is the change times how far the row's softmax moved; the cut is drawn from its quartiles.
 *   p, q = softmax(other), softmax(base) along the last dimension, + 1e-8;  score = |other − base| · Σ p ln(p/q)
 *   other where score ≥ median + 1.5 (q₃ − q₁), base elsewhere
 * mergekit estimates the quartiles of more than a million scores from a random sample; here they are exact.
 */
import { alongLast, type Lines } from "../arithmetic/lines.ts";
import { magnitudeOf, orderStatistics } from "../arithmetic/order_statistics.ts";
import { blockOf, type Vector } from "../arithmetic/vector.ts";
import { forEachBlock, type Operand } from "../operand.ts";
import { byRole, copied, mixed, needsModels } from "./inputs.ts";
import type { MergeMethod } from "./method.ts";

/** Keeps the logarithm of vanishing probabilities finite. */
const EPSILON = 1e-8;

export const arceeFusion: MergeMethod = {
  name: "arcee_fusion",
  parameters: [],
  refuseSlice: needsModels({ base: "required", others: [1, 1], alone: "any" }),

  mix(inputs) {
    if (inputs.operands.length === 1) return copied(inputs.operands[0]!);
    const { origin, others } = byRole(inputs);
    const [base, other] = [origin!, others[0]!.operand];
    const scores = importance(other, base, alongLast(inputs.shape));
    const threshold = thresholdOf(scores);
    const [score, swapped] = [blockOf(base), blockOf(base)];
    return mixed((start, out) => {
      scores.read(start, score.subarray(0, out.length));
      other.read(start, swapped.subarray(0, out.length));
      base.read(start, out);
      for (let i = 0; i < out.length; i++) if (score[i]! >= threshold) out[i] = swapped[i]!;
    });
  },
};

function thresholdOf(scores: Vector): number {
  const ranks = [0.25, 0.5, 0.75].map((quantile) => Math.floor(quantile * (scores.elements - 1)));
  const [q1, median, q3] = orderStatistics(scores, ranks).map(magnitudeOf) as [number, number, number];
  return Math.fround(median + 1.5 * (q3 - q1));
}

/** |other − base| times the row's divergence. */
function importance(other: Operand, base: Operand, rows: Lines): Vector {
  const divergence = divergences(other, base, rows);
  const own = blockOf(base);
  return {
    elements: base.elements,
    read(start, into) {
      other.read(start, into);
      base.read(start, own.subarray(0, into.length));
      rows.forEachRun(start, into.length, (row, from, to) => {
        const factor = divergence[row]!;
        for (let i = from; i < to; i++) into[i] = Math.abs(into[i]! - own[i]!) * factor;
      });
    },
  };
}

/** Of each row: Σ p ln(p/q) of the two softmaxes. */
function divergences(other: Operand, base: Operand, rows: Lines): Float64Array {
  const [p, q] = [softmax(other, rows), softmax(base, rows)];
  const [ps, qs] = [blockOf(base), blockOf(base)];
  const sums = new Float64Array(rows.count);
  forEachBlock(base.elements, (start, count) => {
    p.read(start, ps.subarray(0, count));
    q.read(start, qs.subarray(0, count));
    rows.forEachRun(start, count, (row, from, to) => {
      let sum = 0;
      for (let i = from; i < to; i++) {
        const [a, b] = [ps[i]! + EPSILON, qs[i]! + EPSILON];
        sum += a * Math.log(a / b);
      }
      sums[row] = sums[row]! + sum;
    });
  });
  return sums;
}

/** Row by row exp(x − max) / Σ exp(x − max); the sum is rescaled whenever a larger maximum turns up. */
function softmax(x: Operand, rows: Lines): Vector {
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
    },
  };
}
