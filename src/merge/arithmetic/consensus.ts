/**
 * Weighted sums of a block of several vectors, of all of them or only where they agree on a sign (Yadav et al.,
 * "TIES-Merging", arXiv:2306.01708): per element the sign of the summed votes is elected, zero counting as positive,
 * and votes of that sign count. A zero vote agrees with neither. Rounded where mergekit rounds, for where votes all but
 * cancel the last bit elects.
 */
import type { Rounder } from "./rounding.ts";

export interface Share {
  /** The vote counts this many times in the sum … */
  readonly factor: number;
  /** … and the voter's weight this much in the divisor. */
  readonly weight: number;
}

/** Per element; valid until the next call. */
export interface WeightedSums {
  /** Σ factor · vote of those that count. */
  readonly sums: Float32Array;
  /** Σ weight of those that count. */
  readonly divisors: Float32Array;
}

/** What {@link Election.all} divides by. */
export function sumOfWeights(shares: readonly Share[], rounder: Rounder): number {
  return rounder.rounded(shares.reduce((sum, share) => Math.fround(sum + share.weight), 0));
}

export class Election {
  readonly #totals: Float32Array;
  readonly #sums: Float32Array;
  readonly #divisors: Float32Array;
  readonly #counted: Float32Array;
  readonly #rounder: Rounder;

  /** `length`: of the longest block. */
  constructor(length: number, rounder: Rounder) {
    this.#totals = new Float32Array(length);
    this.#sums = new Float32Array(length);
    this.#divisors = new Float32Array(length);
    this.#counted = new Float32Array(length);
    this.#rounder = rounder;
  }

  /** Every vote counts. */
  all(votes: readonly Float32Array[], shares: readonly Share[]): WeightedSums {
    const length = votes[0]!.length;
    const sums = this.#sums.subarray(0, length).fill(0);
    const divisors = this.#divisors.subarray(0, length).fill(sumOfWeights(shares, this.#rounder));
    const counted = this.#counted.subarray(0, length);
    votes.forEach((vote, i) => add(this.#count(vote, shares[i]!.factor, counted), sums));
    this.#rounder.round(sums);
    return { sums, divisors };
  }

  /** Votes of the elected sign count; one that is NaN or infinite and does not agree still yields NaN. */
  agreeing(votes: readonly Float32Array[], shares: readonly Share[]): WeightedSums {
    const length = votes[0]!.length;
    const [totals, sums, divisors] = [this.#totals, this.#sums, this.#divisors].map((values) =>
      values.subarray(0, length).fill(0)
    ) as [Float32Array, Float32Array, Float32Array];
    const counted = this.#counted.subarray(0, length);
    for (const vote of votes) add(vote, totals);
    this.#rounder.round(totals);
    votes.forEach((vote, i) => {
      const { factor, weight } = shares[i]!;
      addAgreeing(vote, totals, this.#count(vote, factor, counted), sums);
      addWeights(vote, totals, weight, divisors);
    });
    this.#rounder.round(sums);
    this.#rounder.round(divisors);
    return { sums, divisors };
  }

  /** The vote so many times. */
  #count(vote: Float32Array, factor: number, into: Float32Array): Float32Array {
    if (factor === 1) return vote;
    for (let j = 0; j < vote.length; j++) into[j] = factor * vote[j]!;
    this.#rounder.round(into);
    return into;
  }
}

function add(values: Float32Array, sums: Float32Array): void {
  for (let j = 0; j < values.length; j++) sums[j] = sums[j]! + values[j]!;
}

function agrees(value: number, total: number): 0 | 1 {
  return (total >= 0 ? value > 0 : value < 0) ? 1 : 0;
}

function addAgreeing(
  vote: Float32Array,
  totals: Float32Array,
  counted: Float32Array,
  sums: Float32Array,
): void {
  for (let j = 0; j < vote.length; j++) sums[j] = sums[j]! + counted[j]! * agrees(vote[j]!, totals[j]!);
}

function addWeights(vote: Float32Array, totals: Float32Array, weight: number, divisors: Float32Array): void {
  for (let j = 0; j < vote.length; j++) divisors[j] = divisors[j]! + weight * agrees(vote[j]!, totals[j]!);
}
