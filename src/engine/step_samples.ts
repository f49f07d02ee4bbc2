/** Whose the samples of a step are, and what they mean for a sequence. */
import { NOT_FINITE, type SampledToken } from "../model/runner.ts";
import type { EngineFinishReason } from "./protocol.ts";
import { placementOf, type Sequence } from "./sequence.ts";

/** One sequence's part in a step. */
export interface StepRow {
  readonly sequence: Sequence;
  readonly kind: "prompt" | "replay" | "decode";
  /** Tokens of the sequence that are computed after it. */
  readonly computed: number;
  /** Guesses that it checks. */
  readonly drafts: number;
  /** The step samples a token for it. */
  readonly samples: boolean;
}

/** Why a sequence ends. `NOT_FINITE`: its next token could not be sampled, for logits are NaN or infinite. */
export type Finish = EngineFinishReason | "NOT_FINITE";

/**
 * Each row's part of a step's samples: one, or up to one more than there are drafts; none where it does not sample, or
 * where an earlier step has ended its sequence, which the device may have seen and left the row out.
 */
export function shareOut(rows: readonly StepRow[], samples: readonly SampledToken[]): SampledToken[][] {
  let next = 0;
  const shares = rows.map(({ sequence, samples: wanted, drafts }) => {
    const first = next;
    const { slot } = placementOf(sequence);
    while (wanted && next - first <= drafts && samples[next]?.slot === slot) next++;
    return samples.slice(first, next);
  });
  if (next < samples.length) {
    throw new Error(`Cannot complete step: sample of slot ${samples[next]!.slot} in another slot's place`);
  }
  const missing = rows.filter((row, index) =>
    row.samples && !row.sequence.ended && shares[index]!.length === 0
  );
  if (missing.length === 0) return shares;
  throw new Error(`Cannot complete step: ${missing.length} of ${rows.length} sequences have no sample`);
}

/** Gives a sequence what was sampled for it in a step, up to its end. Of the samples it took, all but NOT_FINITE are tokens. */
export function accept(sequence: Sequence, samples: readonly SampledToken[]): {
  readonly taken: number;
  readonly tokens: readonly SampledToken[];
  readonly finish: Finish | null;
} {
  let finish: Finish | null = null;
  let taken = 0;
  while (taken < samples.length && finish === null) {
    const { id } = samples[taken++]!;
    finish = id === NOT_FINITE ? "NOT_FINITE" : sequence.accept(id);
  }
  return { taken, tokens: samples.slice(0, finish === "NOT_FINITE" ? taken - 1 : taken), finish };
}
