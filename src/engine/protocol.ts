/**
 * The whole conversation between the gateway and the thread (or process) that owns the GPU. Plain data both
 * ways: structured-cloneable and JSON-able (bigints travel as decimal strings), no object references, no clocks.
 * Nothing else crosses.
 */
import type { ErrorRecord, GeodesicError } from "../errors.ts";
import type { LoadStage } from "../model/load.ts";
import type {
  Accumulation,
  KvCacheDtype,
  KvCacheFormat,
  Precision,
  Quantization,
  TokenLogprob,
} from "../model/runner.ts";
import type { SamplingParams } from "../model/sampling.ts";

/** Sampling parameters on the wire: the seed as decimal digits, stop strings left out (text never reaches the engine). */
export type WireSampling = Omit<SamplingParams, "seed" | "stop"> & { readonly seed: string };

export interface LoadCommand {
  readonly type: "load";
  /** Chosen by the gateway; names the model in all later messages. */
  readonly modelKey: string;
  /** What people call it, for errors that they read; `modelKey` unless given. */
  readonly modelName?: string;
  /** Absolute path of the checkpoint folder. */
  readonly path: string;
  readonly quantization: Quantization;
  readonly precision: Precision;
  /** `auto` unless given. */
  readonly kvCacheDtype?: KvCacheDtype;
  /** f32 unless given. */
  readonly accumulation?: Accumulation;
  /** Longest sequence to serve; at most the checkpoint's own context. */
  readonly maxContext: number;
  /** Upper bound of sequences in one batch. */
  readonly maxSequences: number;
  /** Folder for quantized weights, which the engine may write; none are kept without it or without a manifest hash. */
  readonly cacheDir?: string;
  /** What all that is kept there may take, in bytes; 64 GB unless given. */
  readonly cacheMaxBytes?: number;
  /** Identity of the checkpoint's files. */
  readonly manifestSha256?: string;
  /** Folder for what `geodesic tune` has found quickest on this device; nothing is looked for without. */
  readonly tunedDir?: string;
  /**
   * What all models together may take of the device. Without it the device itself says when it is full. A KV cache is
   * made smaller before a model is refused.
   */
  readonly memoryBytes?: number;
  /** What the model's KV cache may take at most; unless given 4 GiB, or a whole context if that is more. */
  readonly kvCacheBytes?: number;
  /** Whether next tokens are guessed and checked in one step where that pays; what comes out is the same. */
  readonly speculation?: Speculation;
}
/** `auto` unless given. */
export type Speculation = "auto" | "off";
export interface UnloadCommand {
  readonly type: "unload";
  readonly modelKey: string;
}
export interface SubmitCommand {
  readonly type: "submit";
  readonly requestId: string;
  readonly modelKey: string;
  readonly promptTokenIds: readonly number[];
  readonly sampling: WireSampling;
  /** End-of-sequence ids of the checkpoint; ignored with `sampling.ignoreEos`. */
  readonly eosTokenIds: readonly number[];
  /** Higher is served first, within PRIORITY_LIMITS; 0 unless given. Waiting raises it, so that nobody starves. */
  readonly priority?: number;
  /** Milliseconds from its arrival after which it fails with `CAPACITY` and `details.reason` `DEADLINE`. */
  readonly deadlineMs?: number;
  /** Requests share cached prefixes only with those of the same salt. Up to 200 characters; none is a salt as well. */
  readonly cacheSalt?: string;
}
export const PRIORITY_LIMITS = { min: -10, max: 10 } as const;
/** Idempotent, also for a request that has ended or never was. */
export interface CancelCommand {
  readonly type: "cancel";
  readonly requestId: string;
}
export interface MetricsCommand {
  readonly type: "metrics";
}
/** Cancels everything, frees the device, answers `closed`. */
export interface CloseCommand {
  readonly type: "close";
}
export type EngineCommand =
  | LoadCommand
  | UnloadCommand
  | SubmitCommand
  | CancelCommand
  | MetricsCommand
  | CloseCommand;

export interface DeviceInfo {
  readonly adapter: string;
  readonly vendor: string;
  readonly backend: string;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** True for a software driver such as llvmpipe. */
  readonly software: boolean;
  /** Of kernels and tuning, see src/kernels/fingerprint.ts. */
  readonly kernelsSha256: string;
  /** Bytes a second that a kernel which only reads has reached at the start; null where nobody has measured it. */
  readonly memoryBandwidth: number | null;
}

export type { LoadStage };

/** First message of the thread: the device. */
export type EngineReady = { readonly type: "ready"; readonly device: DeviceInfo };
/** Why there is no device, or none any more: every open request has been failed with it before. */
export type EngineUnavailable = { readonly type: "unavailable"; readonly error: ErrorRecord };
export interface LoadProgress {
  readonly type: "loadProgress";
  readonly modelKey: string;
  readonly stage: LoadStage;
  /** 0 … 1 over the whole load; never decreases. */
  readonly fraction: number;
  readonly loadedBytes: number;
  readonly totalBytes: number;
  /** Mean of this load so far; 0 before the first bytes. */
  readonly bytesPerSecond: number;
}
export interface Loaded {
  readonly type: "loaded";
  readonly modelKey: string;
  readonly weightBytes: number;
  readonly kvCacheBytes: number;
  readonly maxContext: number;
  readonly vocabSize: number;
  /** What its products are added in, whatever the command said. */
  readonly accumulation: Accumulation;
}
export interface LoadFailed {
  readonly type: "loadFailed";
  readonly modelKey: string;
  readonly error: ErrorRecord;
}
/** All of the model's requests have ended before it. */
export interface Unloaded {
  readonly type: "unloaded";
  readonly modelKey: string;
}

/** 1 = next. Sent on arrival when not started at once, and whenever the position changes. */
export interface RequestQueued {
  readonly type: "queued";
  readonly requestId: string;
  readonly position: number;
}
/** It has left the queue, and its prompt is being computed. Sent to those only who were told a position. */
export interface RequestStarted {
  readonly type: "started";
  readonly requestId: string;
}
/** The whole prompt is in the KV cache. */
export interface PromptProcessed {
  readonly type: "promptProcessed";
  readonly requestId: string;
  readonly promptTokens: number;
  readonly cachedTokens: number;
}
export interface WireToken {
  readonly id: number;
  /** Present when logprobs were asked for. */
  readonly logprob?: number;
  readonly top?: readonly TokenLogprob[];
}
/** In order, without gaps; the id that ended the generation (end of sequence, stop id) is the last of them. */
export interface RequestTokens {
  readonly type: "tokens";
  readonly requestId: string;
  readonly tokens: readonly WireToken[];
}
/** `STOP`: end of sequence or stop id. `CONTEXT_FULL`: the context is used up before `maxTokens`. */
export type EngineFinishReason = "STOP" | "LENGTH" | "CONTEXT_FULL" | "CANCELLED";
export interface RequestTimings {
  /** Forward steps that this request's tokens come from; steps that ran ahead of its end are not counted. */
  readonly steps: number;
  /** Means over this request's decode steps, counted for the whole batch; 0 without any. */
  readonly dispatchesPerStep: number;
  readonly submitsPerStep: number;
  readonly readbackBytesPerStep: number;
  /** From submit to the first sampled token read back. */
  readonly ttftMs: number;
  readonly queueMs: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
  /** 0 with fewer than two tokens. */
  readonly decodeTokensPerSecond: number;
}
/** Always the last message of a request that was accepted and did not fail. */
export interface RequestFinished {
  readonly type: "finished";
  readonly requestId: string;
  readonly reason: EngineFinishReason;
  readonly promptTokens: number;
  /** Of the prompt, taken from the KV cache. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly timings: RequestTimings;
}
/** Always the last message of a request that was refused or failed. */
export interface RequestFailed {
  readonly type: "failed";
  readonly requestId: string;
  readonly error: ErrorRecord;
}
export interface EngineMetrics {
  readonly type: "metrics";
  readonly models: readonly {
    readonly modelKey: string;
    readonly running: number;
    readonly waiting: number;
    readonly usedBlocks: number;
    /** Unused, but kept for the prompt tokens in them until they are needed. */
    readonly cachedBlocks: number;
    readonly totalBlocks: number;
    /** Prompt tokens of the requests that have started, and how many of them the cache had. */
    readonly prefixCacheQueries: number;
    readonly prefixCacheHits: number;
    /** Sequences that lost their blocks to others and were computed anew. */
    readonly preemptions: number;
    /** Guesses at next tokens that were checked, and how many of them became tokens. */
    readonly draftedTokens: number;
    readonly acceptedTokens: number;
    readonly weightBytes: number;
    readonly kvCacheBytes: number;
    readonly kvCacheFormat: KvCacheFormat;
    readonly accumulation: Accumulation;
    readonly isTuned: boolean;
  }[];
  /** Sequences in the batch of the last submitted step; 0 when idle. */
  readonly lastBatchSize: number;
  readonly steps: number;
  /** Each holds one or several steps, or a piece of one that found the device idle. */
  readonly submits: number;
  /** Over all submits so far; 0 before the first. */
  readonly stepsPerSubmit: number;
  readonly generatedTokens: number;
  readonly dispatchesPerStep: number;
  /** Over the last few seconds of activity; 0 when idle. */
  readonly tokensPerSecond: number;
  /** That steps have to read of weights, keys and values; also over the last few seconds of activity. */
  readonly readBytesPerSecond: number;
}
export type EngineClosed = { readonly type: "closed" };

/**
 * Is anybody there? Asked beside the conversation with the engine and answered between its steps: what does not answer
 * is stuck in the driver, or stopped.
 */
export type Ping = { readonly type: "ping" };
export interface Pong {
  readonly type: "pong";
  /** For how long the thread of the GPU has not answered; 0 from the thread itself. */
  readonly silentMs: number;
}

export type RequestMessage =
  | RequestQueued
  | RequestStarted
  | PromptProcessed
  | RequestTokens
  | RequestFinished
  | RequestFailed;
export type EngineMessage =
  | EngineReady
  | EngineUnavailable
  | LoadProgress
  | Loaded
  | LoadFailed
  | Unloaded
  | RequestMessage
  | EngineMetrics
  | EngineClosed;

/** How an engine is. Only a supervised one (src/engine/supervisor.ts) is ever RESTARTING. */
export type EngineStatus =
  & {
    /** How often it was started anew. */
    readonly restarts: number;
  }
  & (
    | { readonly state: "STARTING" }
    | { readonly state: "READY"; readonly device: DeviceInfo }
    | {
      readonly state: "RESTARTING";
      /** Since it was last well; 1 is the first. */
      readonly attempt: number;
      /** Null while the attempt is under way. */
      readonly retryAt: Date | null;
      /** Why it is not running. */
      readonly error: ErrorRecord;
    }
    | {
      readonly state: "FAILED";
      readonly error: ErrorRecord;
      /** When it is tried once more; null: never. */
      readonly retryAt: Date | null;
    }
  );

/**
 * In the details of an error: the engine is being started again, and the same request can be made again by whoever
 * got the error. Without it, trying again is for a human to decide.
 */
export const RESTARTING = "engineRestarts";

/** Whether the same request may succeed soon, on an engine that is being started anew. */
export function isRestarting({ code, details }: Pick<ErrorRecord, "code" | "details">): boolean {
  return code === "DEVICE_LOST" && details[RESTARTING] === true;
}

/**
 * The gateway's side of the conversation. src/engine/client.ts speaks it to one engine, src/engine/supervisor.ts to one
 * engine after another.
 */
export interface EngineClient extends AsyncDisposable {
  /**
   * Resolves once the device is known; rejects with DeviceLostError when there is none. While an engine is being
   * restarted, this and `load` wait for it.
   */
  ready(): Promise<DeviceInfo>;
  /** Rejects with the load's own error. Aborting unloads whatever was loaded. */
  load(
    command: Omit<LoadCommand, "type">,
    options?: { readonly signal?: AbortSignal; readonly onProgress?: (progress: LoadProgress) => void },
  ): Promise<Loaded>;
  unload(modelKey: string): Promise<void>;
  /** `listener` sees every message of the request, in order; exactly one `finished` or `failed` comes last. */
  submit(command: Omit<SubmitCommand, "type">, listener: (message: RequestMessage) => void): void;
  cancel(requestId: string): void;
  metrics(): Promise<EngineMetrics>;
  /** Called whenever the engine dies; every open request has been failed with DEVICE_LOST before. */
  onLost(listener: (error: GeodesicError) => void): void;
  status(): EngineStatus;
}
