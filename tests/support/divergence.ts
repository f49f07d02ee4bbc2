/** How far one model's next-token distributions are from another's, over many positions. */
import { logSoftmax } from "../oracle/ops.ts";

export interface Divergence {
  readonly positions: number;
  /** Largest and root-mean-square difference of any token's log-probability. */
  readonly maxAbs: number;
  readonly rms: number;
  /** The same, each token counted by its probability under the reference: what sampling notices. */
  readonly expectedAbs: number;
  /** Kullback-Leibler divergence of `actual` from `reference`, nats: mean and largest of a position. */
  readonly klMean: number;
  readonly klMax: number;
  /** Share of positions at which both have the same most likely token. */
  readonly sameBest: number;
}

/** Of logits [positions, vocabSize]. */
export function divergence(
  reference: ArrayLike<number>,
  actual: ArrayLike<number>,
  vocabSize: number,
): Divergence {
  const positions = reference.length / vocabSize;
  const sums = { squares: 0, expected: 0, kl: 0, same: 0 };
  const most = { abs: 0, kl: 0 };
  const rowOf = (logits: ArrayLike<number>, row: number) =>
    logSoftmax(Array.from({ length: vocabSize }, (_, i) => logits[row * vocabSize + i]!));
  for (let row = 0; row < positions; row++) {
    const [p, q] = [rowOf(reference, row), rowOf(actual, row)];
    let kl = 0;
    let [bestP, bestQ] = [0, 0];
    for (let i = 0; i < vocabSize; i++) {
      const difference = p[i]! - q[i]!;
      const probability = Math.exp(p[i]!);
      sums.squares += difference ** 2;
      sums.expected += probability * Math.abs(difference);
      kl += probability * difference;
      // Written so that a NaN is the largest of all.
      if (!(Math.abs(difference) <= most.abs)) most.abs = Math.abs(difference);
      if (p[i]! > p[bestP]!) bestP = i;
      if (q[i]! > q[bestQ]!) bestQ = i;
    }
    sums.kl += kl;
    if (!(kl <= most.kl)) most.kl = kl;
    if (bestP === bestQ) sums.same++;
  }
  return {
    positions,
    maxAbs: most.abs,
    rms: Math.sqrt(sums.squares / (positions * vocabSize)),
    expectedAbs: sums.expected / positions,
    klMean: sums.kl / positions,
    klMax: most.kl,
    sameBest: sums.same / positions,
  };
}
