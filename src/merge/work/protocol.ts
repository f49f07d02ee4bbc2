/**
 * What the thread that coordinates a merge and its workers say to each other. A worker does one task at a time and
 * answers each with one {@link Outcome}, after any number of progress messages. No weights cross: workers read and write
 * files themselves. The one thing shared is a flag that tells them to stop.
 */
import type { ErrorRecord } from "../../errors.ts";
import type { MixMode } from "../methods/method.ts";
import type { PlannedStep } from "../plan.ts";

/** The first message. */
export interface Setup {
  readonly type: "setup";
  readonly method: string;
  /** Paths of weight files by model and file name. */
  readonly files: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** One Int32: not zero means stop. */
  readonly stop: SharedArrayBuffer;
}

/** Mix one tensor and write it to a file that exists. */
export interface StepTask {
  readonly type: "step";
  readonly step: PlannedStep;
  readonly path: string;
  /** Of the tensor's first byte in the file. */
  readonly offset: number;
}

/** Hash a file on from where this worker's last task for the same stream ended, up to the byte `to`. */
export interface HashTask {
  readonly type: "hash";
  readonly stream: string;
  readonly path: string;
  readonly to: number;
  /** Whether that is the end of the file. */
  readonly isLast: boolean;
}

export type Task = StepTask | HashTask;

export interface Mixed {
  readonly type: "mixed";
  readonly mode: MixMode;
  readonly t: number | null;
  readonly cosine: number | null;
  readonly seed?: number;
  /** Of the tensor's bytes. */
  readonly sha256: string;
}
export interface Hashed {
  readonly type: "hashed";
  /** null unless the task was the last of its stream. */
  readonly sha256: string | null;
}
export type Outcome = Mixed | Hashed;

export type WorkerMessage =
  | Outcome
  /** So many bytes were written or hashed since the last such message of the same task. */
  | { readonly type: "progress"; readonly bytes: number }
  | { readonly type: "stopped" }
  | { readonly type: "failed"; readonly error: ErrorRecord }
  /** An error that nobody expected. */
  | { readonly type: "broken"; readonly error: unknown };
