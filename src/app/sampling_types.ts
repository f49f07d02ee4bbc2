/** The vocabulary of sampling defaults: revisions, what is in force and where it comes from, and the use cases. */
import type { SamplingParams } from "../model/sampling.ts";
import type { ModelRef, Page, PageArgs, Principal } from "./common_types.ts";

export type SamplingInput = { readonly [K in keyof SamplingParams]?: SamplingParams[K] | null | undefined };
export type SamplingKey = keyof SamplingParams;
/** Where an effective value comes from, widest last: request → model revision → gateway revision → checkpoint → built in. */
export type SamplingOrigin = "REQUEST" | "MODEL" | "GATEWAY" | "CHECKPOINT" | "BUILT_IN";
export interface SamplingDefaults {
  /** Whose they are; null for gateway-wide. */
  readonly modelId: string | null;
  readonly values: SamplingParams;
  readonly origins: Readonly<Record<SamplingKey, SamplingOrigin>>;
  /** Revisions in force, gateway's first; empty while nobody has set any. */
  readonly revisions: readonly SamplingRevision[];
}
export interface SamplingRevision {
  readonly id: string;
  /** Null for gateway-wide. */
  readonly modelId: string | null;
  /** 1, 2, 3 … within its scope. */
  readonly revision: number;
  /** Only what this scope sets; the whole set of the scope, not a patch. */
  readonly values: SamplingInput;
  /** Against the revision before it, in the order of the parameters. */
  readonly changes: readonly SamplingChange[];
  readonly author: string;
  readonly reason: string;
  readonly createdAt: Date;
}
/** Undefined where the scope sets nothing. */
export interface SamplingChange {
  readonly parameter: SamplingKey;
  readonly before: SamplingParams[SamplingKey] | undefined;
  readonly after: SamplingParams[SamplingKey] | undefined;
}
export interface SamplingParameter {
  readonly name: SamplingKey;
  readonly type: "NUMBER" | "INTEGER" | "BOOLEAN" | "STRINGS" | "INTEGERS" | "LOGIT_BIAS" | "CONSTRAINT";
  /** Of numbers and, in lists, of their entries. */
  readonly min: number | bigint | null;
  readonly max: number | bigint | null;
  /** `min` itself is not allowed. */
  readonly minExclusive: boolean;
  /** Of lists. */
  readonly maxItems: number | null;
  /** Of a list's strings, in characters. */
  readonly maxLength: number | null;
  /** In force for a request that does not set it; a seed that nobody set is drawn, and null here. */
  readonly value: SamplingParams[SamplingKey] | null;
  readonly origin: SamplingOrigin;
}

export interface SamplingDefaultUseCases {
  effective(model?: ModelRef): Promise<SamplingDefaults>;
  /** Values given replace, `null` removes, absent ones stay; the result is a new revision. */
  update(
    principal: Principal,
    input: { readonly model?: ModelRef; readonly sampling: SamplingInput } & RevisionInput,
  ): Promise<SamplingRevision>;
  /** Writes the values of an earlier revision of the scope as a new one; those of revision 0 are none. */
  revert(
    principal: Principal,
    input: { readonly model?: ModelRef; readonly revision: number } & RevisionInput,
  ): Promise<SamplingRevision>;
  /** Revisions of the model's own scope, or of the gateway's; newest first. */
  history(page: PageArgs, model?: ModelRef): Promise<Page<SamplingRevision>>;
  /** One revision of the scope. */
  at(revision: number, model?: ModelRef): Promise<SamplingRevision | null>;
  /** Every parameter with its range and what is in force. */
  parameters(model?: ModelRef): Promise<readonly SamplingParameter[]>;
  /**
   * What is in force now, and again after every change to it. A slow reader misses the states between, never the last.
   * Rejects with NotFoundError for a model that is none. Ends when `signal` is aborted.
   */
  watch(model: ModelRef | undefined, signal: AbortSignal): AsyncIterable<SamplingDefaults>;
}
export interface RevisionInput {
  readonly reason: string;
  /** The scope's newest revision as the author knows it, 0 for none; ConflictError where it is another. */
  readonly expectedRevision?: number;
}
