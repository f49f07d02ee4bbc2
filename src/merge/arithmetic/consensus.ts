/**
 * Weighted sums of a block of several vectors, of all of them or only where they agree on a sign (Yadav et al.,
 * "TIES-Merging", arXiv:2306.01708): per element the sign of the summed votes is elected, zero counting as positive,
 * and votes of that sign count. A zero vote agrees with neither.
 */

export interface Share {
  /** The vote counts this many times in the sum … */
  readonly factor: number;
  /** … and the voter's weight this much in the divisor. */
  readonly weight: number;
}

/** Per element; valid until the next call. */
export interface WeightedSums {
  /** Σ factor · vote of those that count. */
  readonly sums: Float64Array;
  /** Σ weight of those that count. */
  readonly divisors: Float64Array;
}

export class Election {
  readonly #totals: Float64Array;
  readonly #sums: Float64Array;
  readonly #divisors: Float64Array;

  /** `length`: of the longest block. */
  constructor(length: number) {
    this.#totals = new Float64Array(length);
    this.#sums = new Float64Array(length);
    this.#divisors = new Float64Array(length);
  }

  /** Every vote counts. */
  all(votes: readonly Float32Array[], shares: readonly Share[]): WeightedSums {
    const weight = shares.reduce((sum, share) => sum + share.weight, 0);
    const [sums, divisors] = [this.#sums.fill(0), this.#divisors.fill(weight)];
    votes.forEach((vote, i) => addScaled(vote, shares[i]!.factor, sums));
    return { sums, divisors };
  }

  /** Votes of the elected sign count; one that is NaN or infinite and does not agree still yields NaN. */
  agreeing(votes: readonly Float32Array[], shares: readonly Share[]): WeightedSums {
    const [totals, sums, divisors] = [this.#totals.fill(0), this.#sums.fill(0), this.#divisors.fill(0)];
    for (const vote of votes) addScaled(vote, 1, totals);
    votes.forEach((vote, i) => addAgreeing(vote, totals, shares[i]!, { sums, divisors }));
    return { sums, divisors };
  }
}

function addScaled(vote: Float32Array, factor: number, sums: Float64Array): void {
  for (let j = 0; j < vote.length; j++) sums[j] = sums[j]! + factor * vote[j]!;
}

function addAgreeing(
  vote: Float32Array,
  totals: Float64Array,
  { factor, weight }: Share,
  { sums, divisors }: WeightedSums,
): void {
  for (let j = 0; j < vote.length; j++) {
    const value = vote[j]!;
    const agrees = (totals[j]! >= 0 ? value > 0 : value < 0) ? 1 : 0;
    sums[j] = sums[j]! + value * factor * agrees;
    divisors[j] = divisors[j]! + weight * agrees;
  }
}
