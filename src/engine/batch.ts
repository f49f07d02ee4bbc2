/**
 * The sequences of one model: who waits, who runs, who has ended but is still referred to by a step in flight; and
 * the slots and blocks they hold. Turns the scheduler's decisions into plans. Sends no messages, reads no clock and
 * never touches the device. Slots and blocks come back only when no submitted step refers to them any more.
 */
import type { PromptChunk, RunnerLimits, SampledToken, Slot, StepPlan } from "../model/runner.ts";
import { BlockPool } from "./block_pool.ts";
import type { EngineFinishReason } from "./protocol.ts";
import { schedule } from "./scheduler.ts";
import type { Placement, Sequence } from "./sequence.ts";

/** One sequence's part in a step. */
export interface StepRow {
  readonly sequence: Sequence;
  readonly kind: "prompt" | "decode";
  /** The step samples a token for it. */
  readonly samples: boolean;
}

/** A plan with what its results mean; rows are in plan order, prompts first. */
export interface BatchStep {
  readonly plan: StepPlan;
  readonly rows: readonly StepRow[];
  /** Sequences that start with this step; their slots want initialising before it. */
  readonly admitted: readonly { readonly sequence: Sequence; readonly placement: Placement }[];
}

/** What a collected step means for one sequence that had not ended before. */
export interface Advance {
  readonly row: StepRow;
  /** Null for a chunk that does not complete its prompt. */
  readonly token: SampledToken | null;
  /** The sequence ends with this token. */
  readonly finish: EngineFinishReason | null;
}

export class Batch {
  readonly #limits: RunnerLimits;
  readonly #blocks: BlockPool;
  readonly #freeSlots: Slot[];
  /** Sets keep insertion order: arrival for the first, admission for the second. */
  readonly #waiting = new Set<Sequence>();
  readonly #running = new Set<Sequence>();
  #stepsInFlight = 0;

  constructor(limits: RunnerLimits) {
    this.#limits = limits;
    this.#blocks = new BlockPool(limits.blockCount);
    const last = limits.maxSequences - 1;
    this.#freeSlots = Array.from({ length: limits.maxSequences }, (_, index) => (last - index) as Slot);
  }

  get waiting(): ReadonlySet<Sequence> {
    return this.#waiting;
  }
  /** Without those that have ended and whose last steps are still in flight. */
  get running(): ReadonlySet<Sequence> {
    return this.#running;
  }
  get stepsInFlight(): number {
    return this.#stepsInFlight;
  }
  get usedBlocks(): number {
    return this.#blocks.used;
  }
  get freeSlots(): number {
    return this.#freeSlots.length;
  }

  enqueue(sequence: Sequence): void {
    this.#waiting.add(sequence);
  }

  /** The next step, counted as in flight from now on; null when there is nothing to do. */
  next(): BatchStep | null {
    const decision = schedule<Sequence, Sequence>({
      running: this.#running,
      waiting: this.#waiting,
      freeSlots: this.#freeSlots.length,
      freeBlocks: this.#blocks.free,
      maxPromptTokens: this.#limits.maxPromptTokens,
    });
    const admitted = decision.admit.map((sequence) => ({ sequence, placement: this.#admit(sequence) }));
    const rows: StepRow[] = [];
    const prompts = decision.prompts.map(({ sequence, start, length, last }): PromptChunk => {
      sequence.promptSubmitted += length;
      if (last) sequence.samplesSubmitted++;
      rows.push({ sequence, kind: "prompt", samples: last });
      const tokenIds = sequence.promptTokenIds.subarray(start, start + length);
      return { ...placementOf(sequence), tokenIds, start, replay: false, sample: last };
    });
    const decodes = decision.decodes.map((sequence) => {
      const position = sequence.decodePosition;
      sequence.samplesSubmitted++;
      rows.push({ sequence, kind: "decode", samples: true });
      return { ...placementOf(sequence), position };
    });
    if (rows.length === 0) return null;
    for (const { sequence } of rows) sequence.stepsInFlight++;
    this.#stepsInFlight++;
    return { plan: { prompts, decodes }, rows, admitted };
  }

  /**
   * Accounts for a collected step. Sequences that end with it have left the batch when this returns; rows of
   * sequences that had ended before are dropped.
   */
  complete(step: BatchStep, samples: readonly SampledToken[]): Advance[] {
    const sampling = step.rows.filter((row) => row.samples);
    if (samples.length !== sampling.length) {
      throw new Error(`Cannot complete step: ${samples.length} samples, expected ${sampling.length}`);
    }
    const advances: Advance[] = [];
    let next = 0;
    for (const row of step.rows) {
      const { sequence } = row;
      const token = row.samples ? samples[next++]! : null;
      if (sequence.ended) continue;
      if (token !== null && token.slot !== placementOf(sequence).slot) {
        throw new Error(`Cannot complete step: sample of slot ${token.slot} in another slot's place`);
      }
      const finish = token === null ? null : sequence.accept(token.id);
      advances.push({ row, token, finish });
      if (finish !== null) this.end(sequence);
    }
    this.settle(step);
    return advances;
  }

  /** The step is no longer in flight, whether collected or failed. */
  settle(step: BatchStep): void {
    this.#stepsInFlight--;
    for (const { sequence } of step.rows) {
      sequence.stepsInFlight--;
      this.#release(sequence);
    }
  }

  /** Takes a sequence out of the queue or the batch, at once: no later step has a row of it. */
  end(sequence: Sequence): void {
    sequence.ended = true;
    this.#waiting.delete(sequence);
    this.#running.delete(sequence);
    this.#release(sequence);
  }

  #admit(sequence: Sequence): Placement {
    const slot = this.#freeSlots.pop();
    if (slot === undefined) throw new Error("Cannot admit a sequence: no slot is free");
    const placement = { slot, blockTable: this.#blocks.take(sequence.blocksNeeded) };
    sequence.placement = placement;
    this.#waiting.delete(sequence);
    this.#running.add(sequence);
    return placement;
  }

  #release(sequence: Sequence): void {
    if (!sequence.ended || sequence.stepsInFlight > 0 || sequence.placement === null) return;
    const { slot, blockTable } = sequence.placement;
    sequence.placement = null;
    this.#freeSlots.push(slot);
    this.#blocks.release(blockTable);
  }
}

function placementOf(sequence: Sequence): Placement {
  if (sequence.placement === null) {
    throw new Error(`Sequence "${sequence.requestId}" takes part in a step without a slot`);
  }
  return sequence.placement;
}
