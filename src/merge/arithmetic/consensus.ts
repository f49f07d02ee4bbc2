/**
 * Sign election (Yadav et al., "TIES-Merging", arXiv:2306.01708): per element the sign of the summed votes wins, zero
 * counting as positive, and only votes of that sign count. A zero vote agrees with neither.
 */

export interface Share {
  /** The vote counts this many times in the sum … */
  readonly factor: number;
  /** … and the voter's weight this much in the divisor. */
  readonly weight: number;
}

/** totals[j] = Σ votes; its sign is the elected one. */
export function elect(votes: readonly Float32Array[], totals: Float64Array): void {
  totals.fill(0);
  for (const vote of votes) addVote(vote, totals);
}

function addVote(vote: Float32Array, totals: Float64Array): void {
  for (let j = 0; j < vote.length; j++) totals[j] = totals[j]! + vote[j]!;
}

/** Adds one voter's agreeing elements; a vote that is NaN or infinite and does not agree still yields NaN. */
export function addAgreeing(
  vote: Float32Array,
  totals: Float64Array,
  { factor, weight }: Share,
  sum: Float64Array,
  divisor: Float64Array,
): void {
  for (let j = 0; j < vote.length; j++) {
    const value = vote[j]!;
    const agrees = (totals[j]! >= 0 ? value > 0 : value < 0) ? 1 : 0;
    sum[j] = sum[j]! + value * factor * agrees;
    divisor[j] = divisor[j]! + weight * agrees;
  }
}
