/**
 * The vocabulary of model jobs: pulls and verifications, which take minutes, survive a restart of the gateway and can be
 * watched by anybody. Plain records, as src/app/types.ts has them.
 */
import type { Mismatch } from "../merge/verify/mismatch.ts";
import type { ErrorRecord } from "../errors.ts";
import type { ModelRef, Page, PageArgs, Principal } from "./common_types.ts";

export type ModelJobKind = "PULL" | "VERIFY";
export type ModelJobStatus = "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELLED";

/** What verifying a registered model has found. */
export interface ModelVerification {
  readonly ok: boolean;
  /** The first of them, at most a few hundred. */
  readonly mismatches: readonly Mismatch[];
  readonly mismatchCount: number;
  /** Of the folder as it was found. */
  readonly manifestSha256: string;
  readonly files: number;
  /** Of the merge: state MATCHES, DIFFERS, or ABSENT for a parent that is not at hand; empty without a merge. */
  readonly sources: readonly { readonly name: string; readonly state: string }[];
  /** Whose bytes were hashed, and that were merged again from the parents. */
  readonly hashedTensors: number;
  readonly recomputedTensors: number;
  readonly totalTensors: number;
}

export interface ModelJob {
  readonly id: string;
  readonly kind: ModelJobKind;
  readonly status: ModelJobStatus;
  /** Of the model that it is about, which a pull has yet to bring. */
  readonly modelName: string;
  /** Of a pull: the repository and the revision that were asked for. */
  readonly repository: string | null;
  readonly revision: string | null;
  readonly verification: ModelVerification | null;
  readonly error: ErrorRecord | null;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

export interface ModelJobFigures {
  /** "pulling", "registering", "hashing", "parents", "documents", "tensors". */
  readonly stage: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Files of a pull, tensors of a verification. */
  readonly doneItems: number;
  readonly totalItems: number;
  /** Null while it is too early to tell. */
  readonly bytesPerSecond: number | null;
  readonly secondsLeft: number | null;
}
export type ModelJobEventBody =
  /** Again after a restart of the gateway. */
  | { readonly kind: "started" }
  | { readonly kind: "progress" } & ModelJobFigures
  | { readonly kind: "finished" }
  | { readonly kind: "failed"; readonly code: string; readonly message: string }
  | { readonly kind: "cancelled" };
/** Rows of the append-only log. `seq` starts at 1 and has no gaps within a job. */
export type ModelJobEvent = ModelJobEventBody & {
  readonly seq: number;
  readonly jobId: string;
  readonly at: Date;
};
export const TERMINAL_JOB_EVENT_KINDS: ReadonlySet<ModelJobEventBody["kind"]> = new Set([
  "finished",
  "failed",
  "cancelled",
]);

export interface PullInput {
  /** `owner/name` on the hub. */
  readonly repository: string;
  /** Branch, tag or commit; the main branch where absent. */
  readonly revision?: string;
  /** What it is to be called here; as on the hub where absent. */
  readonly name?: string;
}
export interface ModelJobFilter {
  readonly kind?: ModelJobKind;
  readonly status?: ModelJobStatus;
  readonly nameContains?: string;
}

export interface ModelJobUseCases {
  get(id: string): Promise<ModelJob | null>;
  /** Newest first. */
  list(page: PageArgs, where?: ModelJobFilter): Promise<Page<ModelJob>>;
  /** Admins. Fetches a model from the hub and registers it. */
  pull(principal: Principal, input: PullInput): Promise<ModelJob>;
  /** Admins. Hashes a model's files and, where it was merged, holds it to its record and its parents. */
  verify(principal: Principal, ref: ModelRef): Promise<ModelJob>;
  /**
   * Admins. Idempotent; the record of a job that has ended stays as it is. What a pull has fetched is kept for the next
   * one, for a week; `discard` removes it, of a pull that has failed or was cancelled before as well, and means nothing
   * for other jobs.
   */
  cancel(principal: Principal, id: string, options?: { readonly discard?: boolean }): Promise<ModelJob>;
  /** Replays the log after `afterSeq`, then tails it until the terminal event. */
  events(
    id: string,
    options: { readonly afterSeq?: number; readonly signal?: AbortSignal },
  ): AsyncIterable<ModelJobEvent>;
}
