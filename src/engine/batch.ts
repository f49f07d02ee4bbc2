/**
 * The sequences of one model: who waits, who runs, who has left but is still referred to by a step in flight; and
 * the slots and blocks they hold. Turns the scheduler's decisions into plans. Sends no messages, reads no clock and
 * never touches the device. Slots and blocks come back only when no submitted step refers to them any more.
 *
 * Blocks full of prompt tokens are published once they are computed, and shared with prompts that begin alike. Blocks
 * with sampled tokens never are: decode rows have kernels of their own, whose bits a prompt with the same tokens
 * would not get, and an answer must not depend on what was asked before. Prompts of sequences that come to logits that are
 * not finite are forgotten, for their keys and values may be no finite numbers either.
 *
 * Where few sequences run and repeat themselves, their next tokens are guessed and checked in one step (speculator.ts).
 * How far a step with guesses gets, only its samples say. So nothing is planned beside it.
 */
import { DRAFTED_SEQUENCES, NO_DRAFTS } from "../model/drafts.ts";
import type { DecodeRow, PromptChunk, RunnerLimits, SampledToken, Slot, StepPlan } from "../model/runner.ts";
import { BlockPool } from "./block_pool.ts";
import { RankedList, rankOf } from "./ranking.ts";
import {
  type Admission,
  type BlockReturn,
  type ChunkDecision,
  decodeOn,
  isDecoding,
  MIXED_PROMPT_TOKENS,
  schedule,
  type StepDecision,
} from "./scheduler.ts";
import { placementOf, type Sequence } from "./sequence.ts";
import { accept, type Finish, shareOut, type StepRow } from "./step_samples.ts";

/** A plan with what its results mean; rows are in the order in which they sample. */
export interface BatchStep {
  readonly plan: StepPlan;
  readonly rows: readonly StepRow[];
}

/** Consecutive steps for one submit. */
export interface BatchSubmit {
  readonly steps: readonly BatchStep[];
  /** Sequences that start with it, or start again; their slots want initialising before it. */
  readonly admitted: readonly { readonly sequence: Sequence; readonly slot: Slot }[];
}

/** What a collected step means for one sequence that had not ended before. */
export interface Advance {
  readonly row: StepRow;
  /** Index of the step in its submit. */
  readonly step: number;
  /** None for a chunk that is not the last, several where guesses were right. */
  readonly tokens: readonly SampledToken[];
  /** The sequence ends with the last of them, or because there could be no more. */
  readonly finish: Finish | null;
}

export interface BatchOptions {
  /** Most prompt tokens in a step that also decodes; MIXED_PROMPT_TOKENS unless given. */
  readonly mixedPromptTokens?: number;
  /** Guess tokens where that pays; true unless given. */
  readonly speculates?: boolean;
}

/** What happened so far. */
export interface BatchCounts {
  /** Prompt tokens of admitted requests, and how many of them were cached. A request counts once. */
  readonly prefixQueries: number;
  readonly prefixHits: number;
  readonly preemptions: number;
  /** Guesses that were checked, and how many of them became tokens. */
  readonly drafted: number;
  readonly accepted: number;
}

export class Batch {
  readonly #limits: RunnerLimits;
  readonly #mixedPromptTokens: number;
  readonly #speculates: boolean;
  readonly #blocks: BlockPool;
  readonly #freeSlots: Slot[];
  readonly #waiting = new RankedList<Sequence>();
  readonly #running = new RankedList<Sequence>();
  /** Ended or preempted, and in flight. */
  readonly #leaving = new Set<Sequence>();
  #arrivals = 0;
  #steps = 0;
  #submitsInFlight = 0;
  #draftsInFlight = false;
  readonly #counts = { prefixQueries: 0, prefixHits: 0, preemptions: 0, drafted: 0, accepted: 0 };

  constructor(
    limits: RunnerLimits,
    { mixedPromptTokens = MIXED_PROMPT_TOKENS, speculates = true }: BatchOptions = {},
  ) {
    this.#limits = limits;
    this.#speculates = speculates;
    this.#mixedPromptTokens = Math.min(limits.maxPromptTokens, mixedPromptTokens);
    this.#blocks = new BlockPool(limits.blockCount);
    const last = limits.maxSequences - 1;
    this.#freeSlots = Array.from({ length: limits.maxSequences }, (_, index) => (last - index) as Slot);
  }

  /** In order of rank. */
  get waiting(): readonly Sequence[] {
    return this.#waiting.items;
  }
  /** In order of rank, without those that have left and whose last steps are still in flight. */
  get running(): readonly Sequence[] {
    return this.#running.items;
  }
  /** Preempted ones that do not wait again yet. */
  get returning(): number {
    return [...this.#leaving].filter(({ ended }) => !ended).length;
  }
  get submitsInFlight(): number {
    return this.#submitsInFlight;
  }
  get usedBlocks(): number {
    return this.#blocks.used;
  }
  get cachedBlocks(): number {
    return this.#blocks.cached;
  }
  get freeSlots(): number {
    return this.#freeSlots.length;
  }
  get counts(): BatchCounts {
    return this.#counts;
  }

  enqueue(sequence: Sequence): void {
    sequence.rank = rankOf(sequence.priority, this.#steps);
    sequence.arrival = this.#arrivals++;
    this.#waiting.add(sequence);
  }

  /** The next submit, counted as in flight from now on; null when there is nothing to do before what is has come back. */
  next(maxSteps = 1): BatchSubmit | null {
    const drafting = this.#drafting();
    if (this.#draftsInFlight || (drafting && this.#submitsInFlight > 0)) return null;
    const { decision, admitted } = this.#decide();
    const steps = [this.#plan(decision, drafting)];
    const [{ rows }] = steps as [BatchStep];
    if (rows.length === 0) return null;
    this.#draftsInFlight = rows.some(({ drafts }) => drafts > 0);
    // More than one step only while the host has nothing to say: nobody waits, and no first token is to be told.
    const onlyDecodes = !this.#draftsInFlight &&
      decision.prompts.length + this.#waiting.size + this.returning === 0;
    while (onlyDecodes && steps.length < maxSteps) {
      const { available: availableBlocks } = this.#blocks;
      const decodes = decodeOn(this.#running.items, { availableBlocks, blockSize: this.#limits.blockSize });
      if (decodes === null) break;
      steps.push(this.#plan({ prompts: [], decodes }));
    }
    this.#steps += steps.length;
    this.#submitsInFlight++;
    return { steps, admitted };
  }

  /**
   * Accounts for a collected submit. Sequences that end with it have left the batch when this returns; rows of
   * sequences that had ended before are dropped.
   */
  complete(submit: BatchSubmit, samples: readonly (readonly SampledToken[])[]): Advance[] {
    const advances = submit.steps.flatMap(({ rows }, step) => this.#completeStep(rows, step, samples[step]!));
    this.settle(submit);
    return advances;
  }

  /** The submit is no longer in flight, whether collected or failed. */
  settle({ steps }: BatchSubmit): void {
    this.#submitsInFlight--;
    this.#draftsInFlight = false; // Nothing else was in flight.
    for (const { sequence } of steps.flatMap(({ rows }) => rows)) {
      sequence.stepsInFlight--;
      this.#leave(sequence);
    }
  }

  /** Takes a sequence out of the queue or the batch, at once: no later step has a row of it. */
  end(sequence: Sequence): void {
    sequence.ended = true;
    this.#waiting.delete(sequence);
    this.#running.delete(sequence);
    this.#leave(sequence);
  }

  #completeStep(rows: readonly StepRow[], step: number, all: readonly SampledToken[]): Advance[] {
    const shares = shareOut(rows, all);
    const advances: Advance[] = [];
    for (const [index, row] of rows.entries()) {
      const { sequence } = row;
      const samples = shares[index]!;
      if (sequence.ended) continue; // Perhaps because an earlier step failed, so what it computed is not published either.
      if (row.kind === "prompt") this.#publish(row);
      if (row.drafts > 0) this.#checked(row, samples.length - 1);
      const { tokens, taken, finish } = accept(sequence, samples);
      if (row.drafts > 0) this.#counts.accepted += taken - 1;
      if (finish === "NOT_FINITE") this.#blocks.forget(sequence.prefixKeys);
      advances.push({ row, step, tokens, finish });
      if (finish !== null) this.end(sequence);
    }
    return advances;
  }

  /** Whatever was computed beyond the guesses that were right has not happened. */
  #checked({ sequence, drafts }: StepRow, right: number): void {
    this.#counts.drafted += drafts;
    sequence.speculator.checked(right);
    sequence.computed -= drafts - right;
    sequence.samplesSubmitted -= drafts - right;
  }

  /** Somebody's next tokens are to be guessed, and all that run can do without steps that run ahead. */
  #drafting(): boolean {
    const running = this.#running.items;
    const fits = running.length <= DRAFTED_SEQUENCES && this.#limits.maxDrafts > 0;
    if (!this.#speculates || !fits || this.#waiting.size + this.returning > 0) return false;
    if (!running.every((sequence) => isDecoding(sequence) && !sequence.stepwise)) return false;
    // Of all, for to ask is to have them watched from now on.
    return running.map(({ speculator }) => speculator.pays).includes(true);
  }

  /** What the scheduler decides, with everybody in place for it. */
  #decide(): Pick<BatchSubmit, "admitted"> & { readonly decision: StepDecision<Sequence, Sequence> } {
    const decision = this.#schedule();
    for (const sequence of decision.preempt) this.#preempt(sequence);
    // Cached blocks of all before new ones of any, which may have to take the place of cached ones.
    for (const { cached } of decision.admit) this.#blocks.share(cached.blocks);
    return { decision, admitted: decision.admit.map((admission) => this.#admit(admission)) };
  }

  #schedule(): StepDecision<Sequence, Sequence> {
    let returningBlocks = 0;
    for (const sequence of this.#leaving) returningBlocks += this.#ownBlocks(sequence);
    return schedule<Sequence, Sequence>({
      running: this.#running.items,
      waiting: this.#waiting,
      freeSlots: this.#freeSlots.length,
      availableBlocks: this.#blocks.available,
      returningBlocks,
      blockSize: this.#limits.blockSize,
      maxPromptTokens: this.#limits.maxPromptTokens,
      mixedPromptTokens: this.#mixedPromptTokens,
      cachedPrefix: ({ sharableKeys }) => this.#blocks.lookup(sharableKeys),
      blockReturn: (sequence): BlockReturn => {
        const own = this.#ownBlocks(sequence);
        return sequence.stepsInFlight > 0 ? { now: 0, later: own } : { now: own, later: 0 };
      },
    });
  }

  #plan(
    { prompts, decodes }: Pick<StepDecision<Sequence, Sequence>, "prompts" | "decodes">,
    drafting = false,
  ): BatchStep {
    const rows: StepRow[] = [];
    const row = (row: Omit<StepRow, "computed">, tokens: number) => {
      const { sequence, samples, drafts } = row;
      sequence.computed += tokens;
      sequence.stepsInFlight++;
      if (samples) sequence.samplesSubmitted += 1 + drafts;
      if (samples && sequence.stepwise) sequence.blocked = true;
      rows.push({ ...row, computed: sequence.computed });
    };
    const chunk = ({ sequence, start, length, replay, last }: ChunkDecision<Sequence>): PromptChunk => {
      row({ sequence, kind: replay ? "replay" : "prompt", drafts: 0, samples: last }, length);
      const tokenIds = sequence.tokenIds(start, length);
      return { ...placementOf(sequence), tokenIds, start, replay, sample: last };
    };
    const chunks = [
      ...prompts.filter(({ replay }) => !replay).map(chunk),
      ...prompts.filter(({ replay }) => replay).map(chunk),
    ];
    const decode = (sequence: Sequence): DecodeRow => {
      const position = sequence.computed;
      const drafts = drafting ? this.#drafts(sequence) : NO_DRAFTS;
      row({ sequence, kind: "decode", drafts: drafts.length, samples: true }, 1 + drafts.length);
      return { ...placementOf(sequence), position, ...drafts.length > 0 && { drafts } };
    };
    // Guesses get only blocks that nobody needs for more.
    for (const sequence of decodes) this.#grow(sequence, sequence.computed + 1);
    return { plan: { prompts: chunks, decodes: decodes.map(decode) }, rows };
  }

  /** Guesses for the next row of a sequence, with the blocks for them. */
  #drafts(sequence: Sequence): Uint32Array {
    const { speculator, computed, heldBlocks, maxNewTokens, samplesSubmitted } = sequence;
    const { blockSize, maxDrafts } = this.#limits;
    if (!speculator.pays) return NO_DRAFTS;
    const room = (heldBlocks + this.#blocks.available) * blockSize - computed - 1;
    const drafts = speculator.drafts(Math.min(maxDrafts, room, maxNewTokens - samplesSubmitted - 1));
    this.#grow(sequence, computed + 1 + drafts.length);
    return drafts;
  }

  /** Blocks for so many tokens. */
  #grow(sequence: Sequence, tokens: number): void {
    const { blockTable } = placementOf(sequence);
    const missing = Math.ceil(tokens / this.#limits.blockSize) - blockTable.length;
    if (missing > 0) blockTable.push(...this.#blocks.take(missing));
  }

  /** Its cached blocks are shared already. */
  #admit({ sequence, cached }: Admission<Sequence>): { readonly sequence: Sequence; readonly slot: Slot } {
    const slot = this.#freeSlots.pop();
    if (slot === undefined) throw new Error("Cannot admit a sequence: no slot is free");
    const { blockSize } = this.#limits;
    const fresh = Math.ceil(sequence.knownLength / blockSize) - cached.blocks.length;
    sequence.placement = { slot, blockTable: [...cached.blocks, ...this.#blocks.take(fresh)] };
    sequence.computed = cached.blocks.length * blockSize;
    sequence.publishedBlocks = cached.blocks.length;
    if (sequence.cachedTokens === null) {
      sequence.cachedTokens = sequence.computed;
      this.#counts.prefixQueries += sequence.promptLength;
      this.#counts.prefixHits += sequence.computed;
    }
    this.#waiting.delete(sequence);
    this.#running.add(sequence);
    return { sequence, slot };
  }

  #preempt(sequence: Sequence): void {
    this.#counts.preemptions++;
    sequence.preempted = true;
    this.#running.delete(sequence);
    this.#leave(sequence);
  }

  /** The prompt's blocks that are full now can serve other prompts. */
  #publish({ sequence, computed }: StepRow): void {
    const { blockTable } = placementOf(sequence);
    const full = Math.floor(computed / this.#limits.blockSize);
    for (; sequence.publishedBlocks < full; sequence.publishedBlocks++) {
      const block = sequence.publishedBlocks;
      this.#blocks.publish(blockTable[block]!, sequence.prefixKeys[block]!);
    }
  }

  /** Frees what a sequence that has ended or was preempted holds, as soon as nothing in flight refers to it. */
  #leave(sequence: Sequence): void {
    if (!sequence.ended && !sequence.preempted) return;
    if (sequence.stepsInFlight > 0) return void this.#leaving.add(sequence);
    this.#leaving.delete(sequence);
    if (sequence.placement === null) return;
    const { slot, blockTable } = sequence.placement;
    sequence.placement = null;
    this.#freeSlots.push(slot);
    this.#blocks.release(blockTable);
    if (sequence.ended) return;
    sequence.forgetComputed();
    this.#waiting.add(sequence);
  }

  #ownBlocks(sequence: Sequence): number {
    return this.#blocks.countOwn(sequence.placement?.blockTable ?? []);
  }
}
