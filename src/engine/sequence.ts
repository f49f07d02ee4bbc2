/**
 * One request on its way through a model: what was asked, how much of it has been submitted to the device, and how
 * much has come back. The two counts differ by what is in flight. Knows no queue, no message and no other sequence.
 */
import type { BlockId, Slot } from "../model/runner.ts";
import type { SamplingParams } from "../model/sampling.ts";
import type { EngineFinishReason } from "./protocol.ts";
import type { RunningView, WaitingView } from "./scheduler.ts";
import type { RequestClock } from "./timings.ts";

/** Where a running sequence lives on the device. */
export interface Placement {
  readonly slot: Slot;
  /** Covers the sequence to its very end. */
  readonly blockTable: readonly BlockId[];
}

/** A validated request. */
export interface SequenceInit {
  readonly requestId: string;
  readonly promptTokenIds: Uint32Array;
  readonly sampling: SamplingParams;
  /** Ids that end the generation: end of sequence (unless ignored) and the request's stop ids. */
  readonly stopTokenIds: readonly number[];
  /** Prompt and output together never exceed this many tokens. */
  readonly contextTokens: number;
  /** Tokens per KV block. */
  readonly blockSize: number;
  readonly clock: RequestClock;
}

export class Sequence implements RunningView, WaitingView {
  readonly requestId: string;
  readonly promptTokenIds: Uint32Array;
  readonly sampling: SamplingParams;
  readonly stopTokenIds: readonly number[];
  readonly maxNewTokens: number;
  readonly blocksNeeded: number;
  readonly clock: RequestClock;

  /** Null while waiting. Kept after the end until no submitted step refers to it. */
  placement: Placement | null = null;
  promptSubmitted = 0;
  samplesSubmitted = 0;
  /** Submitted steps with a row of this sequence that have not been collected. */
  stepsInFlight = 0;
  /** Tokens accepted from collected steps. */
  completionTokens = 0;
  /** Set once; whatever the device still returns for it is dropped. */
  ended = false;
  /** The last queue position its owner was told; 0 before any. */
  reportedPosition = 0;

  readonly #stops: ReadonlySet<number>;
  readonly #contextIsBound: boolean;

  constructor(init: SequenceInit) {
    const { promptTokenIds, sampling, contextTokens } = init;
    const room = contextTokens - promptTokenIds.length;
    this.requestId = init.requestId;
    this.promptTokenIds = promptTokenIds;
    this.sampling = sampling;
    this.stopTokenIds = init.stopTokenIds;
    this.clock = init.clock;
    this.maxNewTokens = Math.min(sampling.maxTokens, room);
    this.#contextIsBound = room < sampling.maxTokens;
    this.#stops = new Set(init.stopTokenIds);
    // The last sampled token is never an input, so it takes no place in the cache.
    this.blocksNeeded = Math.ceil((promptTokenIds.length + this.maxNewTokens - 1) / init.blockSize);
  }

  get promptLength(): number {
    return this.promptTokenIds.length;
  }

  /** Position of the next decode row's input: the last token sampled by a submitted step. */
  get decodePosition(): number {
    return this.promptLength + this.samplesSubmitted - 1;
  }

  /** Takes the next token read back; returns why the generation ends with it, or null. */
  accept(id: number): EngineFinishReason | null {
    this.completionTokens++;
    // The device bans stop ids among the first minTokens; one that comes all the same (nothing else was left) is text.
    if (this.completionTokens > this.sampling.minTokens && this.#stops.has(id)) return "STOP";
    if (this.completionTokens < this.maxNewTokens) return null;
    return this.#contextIsBound ? "CONTEXT_FULL" : "LENGTH";
  }
}
