/**
 * Decides what the next step of one model holds. A pure function of what it is shown: no device, no clock, no
 * queue of its own; src/engine/batch.ts keeps the state and carries the decision out.
 *
 * Running sequences decode first, then prompts go on, then waiting ones are admitted; each in order of rank. Besides
 * decodes a step takes only a few prompt tokens, so that a long prompt which arrives does not hold up those who are
 * being answered. A prompt may be cut anywhere: what its rows compute does not depend on it.
 *
 * A sequence is admitted with the blocks for all tokens that are known of it and takes others as it grows. When they
 * run out, the sequence of lowest rank is preempted for one of higher rank: it loses its blocks, waits again in its
 * old place, and is computed anew, prompt as prompt and outputs as replay.
 *
 * Progress is certain. (1) The running sequence of highest rank never waits for longer than it takes to collect what
 * is in flight, for all others are preempted before it gives up; and alone it always fits, since a request that does
 * not fit the cache is refused. So it ends. (2) Waiting sequences are admitted strictly in order of rank, and the first
 * needs no spare blocks once nobody runs. So it is admitted. (3) Ranks are fixed, see ranking.ts. So everybody is the
 * first some day. A sequence that the host must answer first stands aside meanwhile, for a time that has a bound.
 */
import type { CachedPrefix } from "./prefix.ts";

/** Prompt tokens in a step that also decodes, unless asked otherwise: some 20 ms on the GPU this is made for. */
export const MIXED_PROMPT_TOKENS = 128;

/** A sequence of which tokens are known: its prompt, and after a preemption its outputs so far. */
export interface WaitingView {
  readonly promptLength: number;
  /** With the outputs that are to be replayed. */
  readonly knownLength: number;
  /** It cannot sample before the host has said which tokens may come. Then it takes no part, and nobody waits for it. */
  readonly blocked: boolean;
}

/** A running sequence, in tokens submitted (collected or in flight). */
export interface RunningView extends WaitingView {
  /** Tokens whose keys and values are computed, from the first. */
  readonly computed: number;
  /** Tokens sampled since it arrived. */
  readonly samplesSubmitted: number;
  /** No more than this many tokens are sampled. */
  readonly maxNewTokens: number;
  readonly heldBlocks: number;
  /** Its next step needs the host's answer to this one. */
  readonly stepwise: boolean;
}

/** Blocks that preempting a sequence makes available: at least one, for it shares only what others have computed. */
export interface BlockReturn {
  readonly now: number;
  /** When what is in flight has been collected. */
  readonly later: number;
}

export interface SchedulerView<R extends RunningView, W extends WaitingView> {
  /** In order of rank. */
  readonly running: readonly R[];
  /** In order of rank. */
  readonly waiting: Iterable<W>;
  readonly freeSlots: number;
  readonly availableBlocks: number;
  /** Blocks of sequences that have left, which come back when what is in flight has been collected. */
  readonly returningBlocks: number;
  readonly blockSize: number;
  /** Most prompt tokens in one step. */
  readonly maxPromptTokens: number;
  /** The same for a step that also decodes. */
  readonly mixedPromptTokens: number;
  /** What the cache has of a waiting sequence's prompt. */
  readonly cachedPrefix: (sequence: W) => CachedPrefix;
  readonly blockReturn: (sequence: R) => BlockReturn;
}

/** The next `length` known tokens of `sequence`, from `start`. */
export interface ChunkDecision<S> {
  readonly sequence: S;
  readonly start: number;
  readonly length: number;
  /** Outputs, which are computed as decode rows. A chunk never holds tokens of both kinds. */
  readonly replay: boolean;
  /** Nothing is known beyond it, so it samples. */
  readonly last: boolean;
}

export interface Admission<W> {
  readonly sequence: W;
  readonly cached: CachedPrefix;
}

/** Empty lists: nothing to do now. */
export interface StepDecision<R, W> {
  /** To be done first, for the others may need their blocks. */
  readonly preempt: readonly R[];
  /** The first of `waiting`; each has its first chunk in `prompts`. */
  readonly admit: readonly Admission<W>[];
  readonly prompts: readonly ChunkDecision<R | W>[];
  /** Each may need one more block. */
  readonly decodes: readonly R[];
}

export function schedule<R extends RunningView, W extends WaitingView>(
  view: SchedulerView<R, W>,
): StepDecision<R, W> {
  const { running, blockSize } = view;
  const { decodes, preempt, stalled, available } = growDecodes(view);
  const budget = new PromptBudget(
    decodes.length > 0 ? view.mixedPromptTokens : view.maxPromptTokens,
    blockSize,
  );
  const prompts: ChunkDecision<R | W>[] = [];
  for (const sequence of running.slice(0, running.length - preempt.length)) {
    if (isDecoding(sequence)) continue;
    const chunk = budget.next(sequence, sequence.computed);
    if (chunk !== null) prompts.push(chunk);
  }
  const admit: Admission<W>[] = [];
  // Whoever came in now would be the next to be thrown out.
  if (preempt.length > 0 || stalled) return { preempt, admit, prompts, decodes };

  let blocks = available;
  for (const sequence of view.waiting) {
    if (admit.length === view.freeSlots) break;
    if (sequence.blocked) continue; // The one exception, for as long as the host takes to answer.
    const cached = view.cachedPrefix(sequence);
    const taken = blocksFor(sequence.knownLength, blockSize) - cached.blocks.length + cached.idle;
    // A block for everybody who may soon need one, lest the next steps preempt what is admitted here.
    const spare = running.length + admit.length;
    const chunk = taken + spare > blocks ? null : budget.next(sequence, cached.blocks.length * blockSize);
    if (chunk === null) break; // Never past the first in line: that is what keeps a large request from starving.
    blocks -= taken;
    admit.push({ sequence, cached });
    prompts.push(chunk);
  }
  return { preempt, admit, prompts, decodes };
}

/**
 * One more decode step behind others in the same submit, whose results nobody has seen yet; null where the host has
 * something else to decide first.
 */
export function decodeOn<R extends RunningView>(
  running: readonly R[],
  { availableBlocks, blockSize }: { readonly availableBlocks: number; readonly blockSize: number },
): R[] | null {
  const decodes: R[] = [];
  let blocks = availableBlocks;
  for (const sequence of running) {
    if (!isDecoding(sequence) || sequence.stepwise) return null;
    if (sequence.samplesSubmitted === sequence.maxNewTokens) continue;
    blocks -= growth(sequence, blockSize);
    decodes.push(sequence);
  }
  return blocks < 0 || decodes.length === 0 ? null : decodes;
}

/** Decode rows for all whose known tokens are in, as far as there are blocks for them. */
function growDecodes<R extends RunningView, W extends WaitingView>(view: SchedulerView<R, W>) {
  const { running, blockSize } = view;
  const decodes: R[] = [];
  const preempt: R[] = [];
  let stalled = false;
  let available = view.availableBlocks;
  let returning = view.returningBlocks;
  for (let index = 0; index < running.length - preempt.length; index++) {
    const sequence = running[index]!;
    if (!isDecoding(sequence) || sequence.samplesSubmitted === sequence.maxNewTokens) continue;
    if (sequence.blocked) continue;
    const needed = growth(sequence, blockSize);
    while (needed > available + returning) {
      const victim = running[running.length - preempt.length - 1]!;
      if (victim === sequence) break; // Keeps what it has until it can go on, or somebody before it needs that.
      preempt.push(victim);
      const { now, later } = view.blockReturn(victim);
      available += now;
      returning += later;
    }
    if (needed > available) {
      stalled = true;
      continue;
    }
    available -= needed;
    decodes.push(sequence);
  }
  return { decodes, preempt, stalled, available };
}

/** Cuts prompts for one step. */
class PromptBudget {
  readonly #blockSize: number;
  readonly #whole: number;
  #left: number;

  constructor(tokens: number, blockSize: number) {
    this.#whole = tokens;
    this.#left = tokens;
    this.#blockSize = blockSize;
  }

  /** The chunk from `start`; null when nothing of it fits into what is left. */
  next<S extends WaitingView>(sequence: S, start: number): ChunkDecision<S> | null {
    const { promptLength, knownLength } = sequence;
    const replay = start >= promptLength;
    const end = replay ? knownLength : promptLength;
    let length = Math.min(end - start, this.#left);
    if (!replay && start + length < end) {
      // Whole blocks, so that they can be shared soon. The first chunk of a step takes what it gets, or a step that has
      // room for less than a block would never get on.
      const aligned = Math.floor((start + length) / this.#blockSize) * this.#blockSize - start;
      if (aligned > 0 || this.#left < this.#whole) length = Math.max(0, aligned);
    }
    if (length === 0) return null;
    this.#left -= length;
    return { sequence, start, length, replay, last: start + length === knownLength };
  }
}

/** All known tokens are in the cache or on the way to it; the next input is the token sampled last. */
export function isDecoding({ computed, knownLength }: RunningView): boolean {
  return computed >= knownLength;
}

/** Blocks that the next decode row needs and the sequence has not. It keeps those of guesses that were wrong. */
function growth({ computed, heldBlocks }: RunningView, blockSize: number): number {
  return Math.max(0, blocksFor(computed + 1, blockSize) - heldBlocks);
}

function blocksFor(tokens: number, blockSize: number): number {
  return Math.ceil(tokens / blockSize);
}
