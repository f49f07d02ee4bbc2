/** What starting a generation takes, and what a request is once every check has passed. */
import type { Constraint } from "../../constraint/constraint.ts";
import type { EngineClient } from "../../engine/protocol.ts";
import type { Accumulation, KvCacheFormat, Precision } from "../../model/runner.ts";
import type { SamplingParams } from "../../model/sampling.ts";
import type { Db } from "../../store/database.ts";
import type { GenerationEventRow } from "../../store/generation_events.ts";
import type { ModelRow } from "../../store/models.ts";
import type { Admission } from "../admission.ts";
import type { Clock } from "../clock.ts";
import type { EventHub } from "../events/event_hub.ts";
import type { LogWriter } from "../events/log_writer.ts";
import type { Ids } from "../ids.ts";
import type { ModelLoader } from "../loading.ts";
import type { Membership } from "../membership.ts";
import type {
  ContextPolicy,
  GenerateInput,
  GenerationEvent,
  Principal,
  SamplingInput,
  SamplingKey,
  SamplingOrigin,
} from "../types.ts";
import type { GenerationObserver } from "../telemetry.ts";
import type { ActiveJobs } from "./active_jobs.ts";
import { type Place } from "./branch.ts";
import { type Prompt } from "./prompt.ts";
import type { ReproductionCheck } from "./reproduction.ts";
import type { ServedText, ServedTexts } from "./served_text.ts";

export interface StartOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly engine: EngineClient;
  readonly loader: ModelLoader;
  readonly admission: Admission;
  readonly membership: Membership;
  readonly texts: ServedTexts;
  readonly jobs: ActiveJobs;
  readonly hub: EventHub<GenerationEvent>;
  /** Of all their logs. */
  readonly writer: LogWriter<GenerationEventRow>;
  /** For generations with CANCEL that say nothing of it. */
  readonly disconnectGraceMs: number;
  /** 64 random bits, for generations whose seed nobody chose. */
  readonly drawSeed: () => bigint;
  /** Of activations, for every model. */
  readonly precision: Precision;
  /** Of keys and values, for every model. */
  readonly kvCacheFormat: KvCacheFormat;
  /** Of products, for every model. */
  readonly accumulation: Accumulation;
  /** Throws where the constraint is none that could be compiled. */
  readonly checkConstraint: (constraint: Constraint) => Promise<void>;
  /** Who counts and traces. */
  readonly observers: readonly GenerationObserver[];
  /** Told of errors that nobody expected. */
  readonly reportError: (error: unknown) => void;
}

/** A request that has passed every check. */
export interface Accepted {
  readonly principal: Principal;
  readonly input: Pick<GenerateInput, "idempotencyKey" | "onDisconnect" | "disconnectGraceMs">;
  /** As it was asked for, to be kept. */
  readonly source: unknown;
  readonly model: ModelRow;
  /** Null without a session. */
  readonly place: Place | null;
  readonly contextPolicy: ContextPolicy;
  readonly priority: number;
  /** From its acceptance; null: none. */
  readonly deadlineMs: number | null;
  readonly served: ServedText;
  readonly prompt: Prompt;
  readonly requested: SamplingInput;
  readonly effective: SamplingParams;
  readonly origins: Readonly<Record<SamplingKey, SamplingOrigin>>;
  readonly revisionIds: readonly string[];
  /** Set where it runs an earlier generation again. */
  readonly reproduction: {
    readonly of: string;
    /** Of the earlier one. */
    readonly ownerId: string;
    readonly check: ReproductionCheck;
  } | null;
}
