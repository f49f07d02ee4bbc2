/**
 * Decides what the next step of one model holds. A pure function of what it is shown: no device, no clock, no
 * queue of its own; src/engine/batch.ts keeps the state and carries the decision out.
 *
 * Progress is certain, by three rules. (1) A sequence is admitted only with a slot and every block it can ever
 * need, so a running sequence never waits for memory, and none is preempted: recomputing a preempted one would
 * run its output through the prefill kernels, whose sums need not equal the decode kernels' bit for bit.
 * (2) Waiting sequences are admitted strictly in order of arrival; running ones always end, and give back what the
 * first in line needs. (3) Prompts are served in order of admission, and the first of them always fits the budget.
 *
 * Chunks start at multiples of `maxPromptTokens` whatever else runs: a chunk that does not fit the rest of this
 * step's budget waits for the next instead of being cut, so a prompt meets the same chunks alone and in company.
 */

/** A running sequence, in tokens submitted (collected or in flight). */
export interface RunningView {
  readonly promptLength: number;
  /** Prompt tokens in submitted steps. */
  readonly promptSubmitted: number;
  /** Tokens sampled by submitted steps. */
  readonly samplesSubmitted: number;
  /** No more than this many tokens are sampled. */
  readonly maxNewTokens: number;
}

/** A sequence in the queue. */
export interface WaitingView {
  readonly promptLength: number;
  /** Blocks it needs to run to its very end. */
  readonly blocksNeeded: number;
}

export interface SchedulerView<R extends RunningView, W extends WaitingView> {
  /** In order of admission. */
  readonly running: Iterable<R>;
  /** In order of arrival. */
  readonly waiting: Iterable<W>;
  readonly freeSlots: number;
  readonly freeBlocks: number;
  /** Most prompt tokens in one step. */
  readonly maxPromptTokens: number;
}

/** The next `length` prompt tokens of `sequence`, from `start`; `last` when they complete the prompt. */
export interface ChunkDecision<S> {
  readonly sequence: S;
  readonly start: number;
  readonly length: number;
  readonly last: boolean;
}

/** Empty lists: nothing to do now. */
export interface StepDecision<R, W> {
  /** The first of `waiting`, to be given slot and blocks; each also has its first chunk in `prompts`. */
  readonly admit: readonly W[];
  readonly prompts: readonly ChunkDecision<R | W>[];
  readonly decodes: readonly R[];
}

/** Every running sequence whose prompt is in gets a decode row; then prompts, up to the budget; then admissions. */
export function schedule<R extends RunningView, W extends WaitingView>(
  view: SchedulerView<R, W>,
): StepDecision<R, W> {
  const decodes: R[] = [];
  const prompts: ChunkDecision<R | W>[] = [];
  let budget = view.maxPromptTokens;

  for (const sequence of view.running) {
    if (sequence.promptSubmitted < sequence.promptLength) {
      const chunk = nextChunk<R | W>(sequence, sequence.promptSubmitted, view.maxPromptTokens);
      if (chunk.length > budget) continue;
      budget -= chunk.length;
      prompts.push(chunk);
    } else if (sequence.samplesSubmitted < sequence.maxNewTokens) {
      decodes.push(sequence);
    }
  }

  const admit: W[] = [];
  let blocks = view.freeBlocks;
  for (const sequence of view.waiting) {
    const chunk = nextChunk<R | W>(sequence, 0, view.maxPromptTokens);
    const fits = admit.length < view.freeSlots && sequence.blocksNeeded <= blocks && chunk.length <= budget;
    if (!fits) break; // Never past the first in line: that is what keeps a large request from starving.
    blocks -= sequence.blocksNeeded;
    budget -= chunk.length;
    admit.push(sequence);
    prompts.push(chunk);
  }
  return { admit, prompts, decodes };
}

function nextChunk<S extends WaitingView | RunningView>(sequence: S, start: number, maxPromptTokens: number) {
  const length = Math.min(sequence.promptLength - start, maxPromptTokens);
  return { sequence, start, length, last: start + length === sequence.promptLength };
}
