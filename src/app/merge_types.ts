/**
 * The vocabulary of merges: runs, their provenance tensor by tensor, and the events that a run logs. Plain records, as
 * src/app/types.ts has them.
 */
import type { ErrorRecord } from "../errors.ts";
import type { Quantization } from "../model/runner.ts";
import type { Page, PageArgs, Principal } from "./common_types.ts";

export type MergeStatus = "QUEUED" | "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELLED";
/** MIX: computed by the merge's method, which has no branches. */
export type MergeMode = "SLERP" | "LERP" | "MIX" | "COPY";
export interface MergeSource {
  /** As the configuration names it. */
  readonly name: string;
  readonly modelId: string | null;
  readonly layerRange: readonly [number, number] | null;
  readonly isBase: boolean;
  /** Manifest hash of the parent's artifact. */
  readonly artifactSha256: string;
}
/** As written: exactly one of `value` and `gradient` is set. */
export interface MergeParameter {
  readonly name: string;
  readonly filter: string | null;
  readonly value: number | null;
  readonly gradient: readonly number[] | null;
}
/** As resolved: `t[i]` is the value of output layer i under this filter. */
export interface MergeCurve {
  readonly filter: string | null;
  readonly t: readonly (number | null)[];
}
export interface MergeTensor {
  readonly name: string;
  readonly layer: number | null;
  readonly filter: string | null;
  readonly t: number | null;
  readonly mode: MergeMode;
  readonly cosine: number | null;
  readonly outputSha256: string;
}
export interface MergeTensorFilter {
  readonly layer?: number;
  readonly filter?: string;
  readonly mode?: MergeMode;
  readonly nameContains?: string;
  readonly tMin?: number;
  readonly tMax?: number;
}
export interface Merge {
  readonly id: string;
  readonly status: MergeStatus;
  readonly method: string;
  readonly modelId: string | null;
  /** What the result is to be called; null for a merge that was not started here. */
  readonly targetName: string | null;
  /** 1 is next, null when it does not wait. */
  readonly position: number | null;
  readonly baseModelName: string | null;
  readonly sources: readonly MergeSource[];
  readonly dtype: string;
  readonly configYaml: string;
  readonly configSha256: string;
  readonly parameters: readonly MergeParameter[];
  readonly curves: readonly MergeCurve[];
  readonly toolVersion: string;
  readonly error: ErrorRecord | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}
export interface MergeFilter {
  readonly status?: MergeStatus;
  /** Part of the name that the result was to get. */
  readonly nameContains?: string;
}
/** Tensors without a value (copies have no t) come last in either direction. */
export interface MergeTensorOrder {
  readonly field: "PLAN" | "NAME" | "LAYER" | "T" | "COSINE";
  readonly direction: "ASC" | "DESC";
}

export interface StartMergeInput {
  /** mergekit YAML. */
  readonly configYaml: string;
  /** `owner/name`, or a name alone, of the result. */
  readonly name: string;
  /** How the result's weights are held on the device; the gateway's default where absent. */
  readonly quantization?: Quantization;
}

/** The figures that a progress bar shows. */
export interface MergeProgressFigures {
  /** "hashing" checks what an earlier run has left, "merging" writes the result. */
  readonly stage: string;
  readonly doneTensors: number;
  readonly totalTensors: number;
  /** Of this stage. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Null while it is too early to tell. */
  readonly bytesPerSecond: number | null;
  /** Of this stage. */
  readonly secondsLeft: number | null;
}
export type MergeEventBody =
  | { readonly kind: "queued"; readonly position: number }
  | { readonly kind: "progress" } & MergeProgressFigures
  | { readonly kind: "finished"; readonly artifactSha256: string }
  | { readonly kind: "failed"; readonly code: string; readonly message: string }
  | { readonly kind: "cancelled" };
/** Rows of the append-only log. `seq` starts at 1 and has no gaps within a merge. */
export type MergeEvent = MergeEventBody & {
  readonly seq: number;
  readonly mergeId: string;
  readonly at: Date;
};
/** The events after which nothing follows. */
export const TERMINAL_MERGE_EVENT_KINDS: ReadonlySet<MergeEventBody["kind"]> = new Set([
  "finished",
  "failed",
  "cancelled",
]);

/** Something that stands against a merge. */
export interface MergeProblem {
  readonly code: string;
  readonly message: string;
  /** Where in the configuration, from 1; null for what is about checkpoints. */
  readonly line: number | null;
  readonly column: number | null;
}
export interface PreviewedTensor {
  readonly name: string;
  readonly layer: number | null;
  /** The merge method's name, or "copy". */
  readonly operation: string;
  readonly filter: string | null;
  readonly t: number | null;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly readBytes: number;
  readonly writeBytes: number;
}
export interface PreviewedPlan {
  readonly method: string;
  readonly baseModel: string | null;
  readonly dtype: string;
  readonly layers: number;
  readonly models: readonly { readonly name: string; readonly weightBytes: number }[];
  readonly files: readonly { readonly file: string; readonly bytes: number }[];
  readonly tensors: readonly PreviewedTensor[];
  /** Of the parents, for the record. */
  readonly hashBytes: number;
  readonly readBytes: number;
  readonly writeBytes: number;
  /** On one thread of this machine, as a small part of the work has shown. */
  readonly estimatedSeconds: number;
}
export interface MergePreview {
  /** Empty for a merge that can be started. */
  readonly problems: readonly MergeProblem[];
  /** In the order of merging; empty where there are problems. */
  readonly documents: readonly {
    /** Of a stage; null for the document that makes the output. */
    readonly name: string | null;
    /** Null where it builds on a stage, and can be planned only when that is there. */
    readonly plan: PreviewedPlan | null;
  }[];
}

export interface MergeUseCases {
  /** Generators. Plans without writing anything; what is wrong with the merge is part of the answer. */
  preview(
    principal: Principal,
    input: { readonly configYaml: string; readonly signal: AbortSignal },
  ): Promise<MergePreview>;
  get(id: string): Promise<Merge | null>;
  /** Newest first. */
  list(page: PageArgs, where?: MergeFilter): Promise<Page<Merge>>;
  /** In the order of the plan unless asked otherwise. */
  tensors(
    mergeId: string,
    page: PageArgs,
    where?: MergeTensorFilter,
    order?: MergeTensorOrder,
  ): Promise<Page<MergeTensor>>;
  /** Admins. Checks everything that can be wrong, writes the row, and lets it wait for its turn. */
  start(principal: Principal, input: StartMergeInput): Promise<Merge>;
  /** Admins. Idempotent; a merge that has ended stays as it is. */
  cancel(principal: Principal, id: string): Promise<Merge>;
  /** Replays the log after `afterSeq`, then tails it until the terminal event. */
  events(
    id: string,
    options: { readonly afterSeq?: number; readonly signal?: AbortSignal },
  ): AsyncIterable<MergeEvent>;
}
