/**
 * One request on its way through a model: what was asked, how much of it has been submitted to the device, and how
 * much has come back. The two counts differ by what is in flight. Knows no queue, no message and no other sequence.
 */
import type { BlockId, RunnerLimits, Slot } from "../model/runner.ts";
import type { SamplingParams } from "../model/sampling.ts";
import { type PrefixKey, prefixKeys } from "./prefix.ts";
import type { EngineFinishReason } from "./protocol.ts";
import type { Ranked } from "./ranking.ts";
import type { RunningView, WaitingView } from "./scheduler.ts";
import { Speculator } from "./speculator.ts";
import type { RequestClock } from "./timings.ts";

/** The longest sequence a runner can hold: its context, or all of its cache where that is smaller. */
export function contextTokens(limits: RunnerLimits): number {
  return Math.min(limits.maxContext, limits.blockCount * limits.blockSize);
}

/** Where a running sequence lives on the device. */
export interface Placement {
  readonly slot: Slot;
  /** Grows with the sequence. */
  readonly blockTable: BlockId[];
}

/** A validated request. */
export interface SequenceInit {
  readonly requestId: string;
  readonly promptTokenIds: Uint32Array;
  readonly sampling: SamplingParams;
  /** Ids that end the generation: end of sequence (unless ignored) and the request's stop ids. */
  readonly stopTokenIds: readonly number[];
  /** Ids that must not come before `minTokens`, unless nothing else can; the stop ids unless given. */
  readonly bannedUntilMinTokens?: readonly number[];
  /** Higher comes first; see ranking.ts. */
  readonly priority: number;
  /** Instant of the clock's at which it is given up; null: never. */
  readonly deadlineMs: number | null;
  /** Prompt and output together never exceed this many tokens. */
  readonly contextTokens: number;
  /** Tokens per KV block. */
  readonly blockSize: number;
  /** See SubmitCommand. */
  readonly cacheSalt?: string | undefined;
  readonly clock: RequestClock;
}

export class Sequence implements RunningView, WaitingView, Ranked {
  readonly requestId: string;
  readonly promptTokenIds: Uint32Array;
  readonly sampling: SamplingParams;
  readonly stopTokenIds: readonly number[];
  readonly bannedUntilMinTokens: readonly number[];
  readonly priority: number;
  readonly deadlineMs: number | null;
  readonly maxNewTokens: number;
  readonly clock: RequestClock;
  readonly stepwise: boolean;
  /** Which tokens may come next; null where any may. Only of use while it is not blocked. */
  mask: Uint32Array<ArrayBuffer> | null = null;
  blocked: boolean;
  /** Both are set when it joins a queue. */
  rank = 0;
  arrival = 0;

  /** Null while waiting. Kept after the end, or a preemption, until no submitted step refers to it. */
  placement: Placement | null = null;
  computed = 0;
  /** Of the outputs, how many were known when it was last admitted. */
  replayed = 0;
  samplesSubmitted = 0;
  /** Submitted steps with a row of this sequence that have not been collected. */
  stepsInFlight = 0;
  /** Blocks of its table, from the first, that the pool knows by their keys. */
  publishedBlocks = 0;
  /** Prompt tokens that were taken from the cache when it was first admitted; null before. */
  cachedTokens: number | null = null;
  /** Has lost its place, and waits again once nothing of it is in flight. */
  preempted = false;
  /** Set once; whatever the device still returns for it is dropped. */
  ended = false;
  /** The last queue position its owner was told; 0 before any, and once it has started. */
  reportedPosition = 0;

  readonly #outputTokenIds: number[] = [];
  readonly #stops: ReadonlySet<number>;
  readonly #contextIsBound: boolean;
  readonly #blockSize: number;
  readonly #cacheSalt: string | undefined;
  #speculator: Speculator | null = null;
  #prefixKeys: readonly PrefixKey[] | null = null;

  constructor(init: SequenceInit) {
    const { promptTokenIds, sampling, contextTokens } = init;
    const room = contextTokens - promptTokenIds.length;
    this.requestId = init.requestId;
    this.promptTokenIds = promptTokenIds;
    this.sampling = sampling;
    this.stopTokenIds = init.stopTokenIds;
    this.bannedUntilMinTokens = init.bannedUntilMinTokens ?? init.stopTokenIds;
    this.priority = init.priority;
    this.deadlineMs = init.deadlineMs;
    this.clock = init.clock;
    this.stepwise = sampling.constraint !== null;
    this.blocked = this.stepwise;
    this.maxNewTokens = Math.min(sampling.maxTokens, room);
    this.#contextIsBound = room < sampling.maxTokens;
    this.#stops = new Set(init.stopTokenIds);
    this.#blockSize = init.blockSize;
    this.#cacheSalt = init.cacheSalt;
  }

  get promptLength(): number {
    return this.promptTokenIds.length;
  }
  get knownLength(): number {
    return this.promptLength + this.replayed;
  }
  get heldBlocks(): number {
    return this.placement?.blockTable.length ?? 0;
  }
  /** Accepted from collected steps. */
  get outputTokenIds(): readonly number[] {
    return this.#outputTokenIds;
  }
  get completionTokens(): number {
    return this.#outputTokenIds.length;
  }
  /** Of every full block of the prompt. */
  get prefixKeys(): readonly PrefixKey[] {
    return this.#prefixKeys ??= prefixKeys(this.promptTokenIds, this.#blockSize, this.#cacheSalt);
  }
  /** Of the blocks that may come from the cache: at least one prompt token is computed, for its logits are wanted. */
  get sharableKeys(): readonly PrefixKey[] {
    return this.prefixKeys.slice(0, Math.floor((this.promptLength - 1) / this.#blockSize));
  }

  /** Made when it is first asked for, and kept up to date from then on. */
  get speculator(): Speculator {
    const { promptTokenIds, promptLength, maxNewTokens } = this;
    return this.#speculator ??= new Speculator(
      [...promptTokenIds, ...this.#outputTokenIds],
      promptLength + maxNewTokens,
    );
  }

  /** Known tokens `start … start + length - 1`, which are all prompt or all output. */
  tokenIds(start: number, length: number): Uint32Array {
    const { promptLength } = this;
    if (start < promptLength) return this.promptTokenIds.subarray(start, start + length);
    return Uint32Array.from(this.#outputTokenIds.slice(start - promptLength, start - promptLength + length));
  }

  /** Takes the next token read back; returns why the generation ends with it, or null. */
  accept(id: number): EngineFinishReason | null {
    this.#outputTokenIds.push(id);
    this.#speculator?.add(id);
    // The device bans stop ids among the first minTokens; one that comes all the same (nothing else was left) is text.
    if (this.completionTokens > this.sampling.minTokens && this.#stops.has(id)) return "STOP";
    if (this.completionTokens < this.maxNewTokens) return null;
    return this.#contextIsBound ? "CONTEXT_FULL" : "LENGTH";
  }

  /** The tokens that may come next are known. */
  unblock(mask: Uint32Array<ArrayBuffer>): void {
    this.mask = mask;
    this.blocked = false;
  }

  /** Starts from the beginning, with what is known now, as one that waits. */
  forgetComputed(): void {
    this.preempted = false;
    this.computed = 0;
    this.publishedBlocks = 0;
    this.replayed = this.completionTokens;
  }
}

/** Of one that takes part in a step. */
export function placementOf(sequence: Sequence): Placement {
  if (sequence.placement === null) {
    throw new Error(`Sequence "${sequence.requestId}" takes part in a step without a slot`);
  }
  return sequence.placement;
}
