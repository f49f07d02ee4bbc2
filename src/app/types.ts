/**
 * The vocabulary of the use cases: what the schema and the command line see. Plain readonly records; ids are
 * opaque strings, timestamps are Date in UTC, counts that can pass 2^53 are bigint. The store maps rows to these,
 * and only the schema knows how they look in GraphQL.
 */
import type { ErrorRecord } from "../errors.ts";
import type { DeviceInfo, EngineMetrics, EngineStatus, RequestTimings } from "../engine/protocol.ts";
import type { Accumulation, KvCacheFormat, Precision, Quantization, TokenLogprob } from "../model/runner.ts";
import type { SamplingParams } from "../model/sampling.ts";
import type { AccessUseCases, AuditUseCases, UsageUseCases } from "./access_types.ts";
import type { ModelRef, Principal } from "./common_types.ts";
import type { ModelJobUseCases } from "./job_types.ts";
import type { MergeUseCases } from "./merge_types.ts";
import type { LoadFigures, ModelUseCases } from "./model_types.ts";
import type {
  SamplingDefaultUseCases,
  SamplingInput,
  SamplingKey,
  SamplingOrigin,
} from "./sampling_types.ts";
import type { ChatMessage, ContextPolicy, SessionUseCases, TrimmedContext } from "./session_types.ts";

export * from "./access_types.ts";
export * from "./common_types.ts";
export * from "./job_types.ts";
export * from "./merge_types.ts";
export * from "./model_types.ts";
export * from "./sampling_types.ts";
export * from "./session_types.ts";

// Sessions and generations

export type PromptSource =
  | { readonly text: string }
  /** Continued as it stands: no chat template, and no part in a session. */
  | { readonly raw: string }
  | { readonly messages: readonly ChatMessage[] }
  | { readonly tokenIds: readonly number[] };
export type DisconnectPolicy = "CONTINUE" | "CANCEL";
export interface GenerateInput {
  readonly model: ModelRef;
  readonly sessionId?: string;
  /** Or a message of the session: what was asked there is asked again, and both answers stay. */
  readonly prompt: PromptSource | { readonly messageId: string };
  /** An answer (or the system prompt) of the session to continue from; the end of the current branch unless given. */
  readonly parentMessageId?: string;
  /** A question of the session whose place the prompt takes, in a branch of its own. */
  readonly replacesMessageId?: string;
  /** The session's unless given, REFUSE without one. */
  readonly contextPolicy?: ContextPolicy;
  readonly sampling?: SamplingInput;
  /** Higher is served first: -10 … 0, admins up to 10; 0 unless given. */
  readonly priority?: number;
  /** From now to the end, waiting and loading included; none unless given. More than 0, at most a day. */
  readonly deadlineSeconds?: number;
  readonly idempotencyKey?: string;
  readonly onDisconnect?: DisconnectPolicy;
  /** With CANCEL: how long it waits for a watcher to come, or to come back. The gateway's own setting unless given. */
  readonly disconnectGraceMs?: number;
}
/** What else than its parameters a generation's tokens depend on. */
export interface GenerationConditions {
  readonly quantization: Quantization;
  readonly precision: Precision;
  readonly kvCacheFormat: KvCacheFormat;
  /** Of FP8 weights times f16 activations; absent in older records, which were f32. */
  readonly accumulation?: Accumulation;
  /** Null where it never got to an engine. */
  readonly device: Pick<DeviceInfo, "adapter" | "vendor" | "backend" | "software"> | null;
  /** Of kernels and tuning, as in DeviceInfo; absent in older records. */
  readonly kernelsSha256?: string | null;
  /** Of Geodesic. */
  readonly version: string;
  /** Of Deno, which brings WebGPU and its compiler of kernels; absent in older records. */
  readonly deno?: string;
  /** Whether its text continues the prompt's or is one of its own. */
  readonly continuesText: boolean;
}
/** INCOMPLETE: it did not come to its own end, and what it said so far agrees. */
export type ReproductionStatus = "PENDING" | "MATCHED" | "DIFFERS" | "INCOMPLETE";
export interface Reproduction {
  readonly status: ReproductionStatus;
  /** Position, from 0, of the first token that differs or that only one of the two has; null where none does. */
  readonly firstDifference: number | null;
}
/** A condition that two runs do not share. */
export interface ConditionDifference {
  /** As `kvCacheFormat` or `device.adapter`. */
  readonly field: string;
  /** Null: not known of this run. */
  readonly original: string | null;
  readonly reproduction: string | null;
}
export type GenerationStatus =
  | "QUEUED"
  | "LOADING"
  | "PREFILL"
  | "RUNNING"
  | "SUCCEEDED"
  | "FAILED"
  | "CANCELLED";
export type FinishReason = "STOP" | "STOP_STRING" | "LENGTH" | "CONTEXT_FULL" | "CANCELLED" | "ERROR";
export interface Concurrency {
  readonly held: number;
  readonly allowed: number;
  readonly queued: number;
}
export interface Usage {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
}
export interface Generation {
  readonly id: string;
  readonly principalId: string;
  readonly modelId: string;
  /** The exact weights behind the answer. */
  readonly artifactSha256: string | null;
  readonly sessionId: string | null;
  readonly status: GenerationStatus;
  readonly finishReason: FinishReason | null;
  readonly text: string;
  readonly requestedSampling: SamplingInput;
  readonly effectiveSampling: SamplingParams;
  /** Revisions of the sampling defaults in force when it was started. */
  readonly samplingRevisionIds: readonly string[];
  /** Where each effective value came from; null for generations that are older than this record. */
  readonly samplingOrigins: Readonly<Record<SamplingKey, SamplingOrigin>> | null;
  readonly contextPolicy: ContextPolicy;
  /** Null where nothing was left out. */
  readonly trimmed: TrimmedContext | null;
  readonly priority: number;
  readonly deadlineSeconds: number | null;
  /** Null for generations that are older than this record. */
  readonly conditions: GenerationConditions | null;
  /** The generation that it runs again. */
  readonly reproductionOf: string | null;
  /** Null unless it is a reproduction. Differences are null where the conditions of one run are not known. */
  readonly reproduction:
    | (Reproduction & { readonly differences: readonly ConditionDifference[] | null })
    | null;
  readonly usage: Usage | null;
  readonly timings: RequestTimings | null;
  readonly error: ErrorRecord | null;
  readonly onDisconnect: DisconnectPolicy;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

/** Rows of the append-only log. `seq` starts at 1 and has no gaps within a generation. */
interface GenerationEventBase {
  readonly seq: number;
  readonly generationId: string;
  readonly at: Date;
}
export interface EventToken {
  readonly id: number;
  /** The piece of text this token contributed; may be empty while a character is incomplete. */
  readonly text: string;
  readonly logprob: number | null;
  readonly top: readonly (TokenLogprob & { readonly text: string })[];
}
export type GenerationEventBody =
  | {
    readonly kind: "queued";
    readonly position: number;
    /** A guess; null where there is nothing to guess from. Absent in older logs. */
    readonly estimateMs?: number | null;
  }
  | ({ readonly kind: "contextTrimmed"; readonly promptTokens: number } & TrimmedContext)
  /** Logs of earlier versions have no bytes. */
  | { readonly kind: "loading" } & Pick<LoadFigures, "stage" | "fraction"> & Partial<LoadFigures>
  | { readonly kind: "promptProcessed"; readonly promptTokens: number; readonly cachedTokens: number }
  | { readonly kind: "tokens"; readonly text: string; readonly tokens: readonly EventToken[] }
  | ({ readonly kind: "reproduced" } & Reproduction)
  | {
    readonly kind: "finished";
    readonly finishReason: FinishReason;
    readonly text: string;
    readonly usage: Usage;
    readonly timings: RequestTimings;
  }
  | { readonly kind: "failed"; readonly code: string; readonly message: string }
  | { readonly kind: "cancelled"; readonly usage: Usage };
export type GenerationEvent = GenerationEventBase & GenerationEventBody;
/** The events after which nothing follows. */
export const TERMINAL_EVENT_KINDS: ReadonlySet<GenerationEventBody["kind"]> = new Set([
  "finished",
  "failed",
  "cancelled",
]);

// Runtime

export interface RuntimeInfo {
  readonly device: DeviceInfo | null;
  readonly engine: EngineMetrics | null;
  readonly status: EngineStatus;
}

/** How to generate, apart from what. */
export type GenerateOptions = Pick<
  GenerateInput,
  "sampling" | "contextPolicy" | "priority" | "deadlineSeconds" | "idempotencyKey" | "onDisconnect"
>;

/**
 * The use cases, some of them in files of their own. All throw GeodesicError subclasses for what a caller can do something
 * about. Methods that take a principal check its role and ownership themselves: whatever a caller may not see is NOT_FOUND.
 */
export interface GenerationUseCases {
  /** What the principal has started, or is part of one of its sessions; everything for admins. */
  get(principal: Principal, id: string): Promise<Generation | null>;
  /** In the order of the ids. */
  getMany(principal: Principal, ids: readonly string[]): Promise<readonly (Generation | null)[]>;
  /** Writes the row and starts the job. The same idempotency key and principal answer with the first generation. */
  start(principal: Principal, input: GenerateInput): Promise<Generation>;
  /** Concurrency units that this principal holds now and may hold, and its generations that wait for some. */
  concurrency(principal: Principal): Promise<Concurrency>;
  /** Idempotent; a finished generation stays as it is. An admin's cancel of somebody else's is an entry of the audit log. */
  cancel(principal: Principal, id: string): Promise<Generation>;
  /** The generation that each session waits for; null for one that is free, or not the principal's to see. */
  openOfSessions(
    principal: Principal,
    sessionIds: readonly string[],
  ): Promise<readonly (Generation | null)[]>;
  /** Asks again what led to this message (a question, or the answer to it); both answers stay. */
  regenerate(
    principal: Principal,
    input: { readonly messageId: string } & GenerateOptions,
  ): Promise<Generation>;
  /** Asks something else in the place of a question, in a branch of its own. */
  editMessage(
    principal: Principal,
    input: { readonly messageId: string; readonly content: string } & GenerateOptions,
  ): Promise<Generation>;
  /**
   * Runs a generation that has ended again: same prompt tokens, effective parameters and seed. ConflictError where the
   * model's files, quantization or precision are not those of then.
   */
  reproduce(
    principal: Principal,
    input: { readonly id: string } & Pick<GenerateInput, "idempotencyKey" | "onDisconnect">,
  ): Promise<Generation>;
  /** Of the prompt and of the answer so far; the prompt's are null where they were not kept. */
  tokenIds(
    principal: Principal,
    id: string,
  ): Promise<{ readonly prompt: readonly number[] | null; readonly output: readonly number[] }>;
  /** One without a session. Cancels it if it runs, then deletes what it was asked and said. */
  delete(principal: Principal, id: string): Promise<void>;
  /**
   * Replays the log after `afterSeq`, then tails it until the terminal event. A slow reader holds nobody up: it reads
   * from the log, in batches. Ending the iteration early (or aborting) is a disconnect, see `onDisconnect`.
   */
  events(
    principal: Principal,
    id: string,
    options: {
      readonly afterSeq?: number;
      readonly signal?: AbortSignal;
      /** Token events that it has fallen behind with may come as one, with the last one's `seq`. */
      readonly coalesce?: boolean;
    },
  ): AsyncIterable<GenerationEvent>;
}
/** What the schema receives. */
export interface Gateway {
  readonly models: ModelUseCases;
  readonly modelJobs: ModelJobUseCases;
  readonly merges: MergeUseCases;
  readonly sessions: SessionUseCases;
  readonly generations: GenerationUseCases;
  readonly samplingDefaults: SamplingDefaultUseCases;
  readonly access: AccessUseCases;
  readonly audit: AuditUseCases;
  readonly usage: UsageUseCases;
  /** Asks nobody, so it never waits. */
  engineStatus(): EngineStatus;
  runtime(): Promise<RuntimeInfo>;
}
