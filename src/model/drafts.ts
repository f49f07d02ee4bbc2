/**
 * Speculation as a step sees it: guesses at the next tokens of a sequence, checked by computing all of them in one pass.
 * Every guess is a row that samples at its own place in the output, as the step for that place would: with the random
 * number of that place and the counts as they would be. So tokens are not accepted by a rule that keeps a distribution;
 * those that are taken are the very ones that single steps sample.
 */
import type { SampledToken, Slot } from "./runner.ts";

/** With the row of the last token a window of four, which a GPU's decode kernels take at once with the weights read once. */
export const MAX_DRAFTS = 3;

/** Sequences of a step that there is room for with all their drafts; with more, a step's rows are many without any. */
export const DRAFTED_SEQUENCES = 2;

export const NO_DRAFTS: Uint32Array = new Uint32Array(0);

/** Rows of a step that sample for one slot: one, and one for every draft. */
export interface SampleWindow {
  readonly slot: Slot;
  readonly drafts: Uint32Array;
}

/** Rows that may sample in a step of so many sequences. */
export function draftedSamples(maxSequences: number): number {
  return Math.max(maxSequences, Math.min(maxSequences, DRAFTED_SEQUENCES) * (1 + MAX_DRAFTS));
}

/** Of a window's samples, in order, those whose inputs were right: the first, and each that follows a right guess. */
export function acceptedSamples(
  drafts: Uint32Array,
  samples: readonly SampledToken[],
): readonly SampledToken[] {
  let right = 0;
  while (right < drafts.length && samples[right]!.id === drafts[right]) right++;
  return samples.slice(0, right + 1);
}
