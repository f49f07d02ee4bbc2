/**
 * One model job from its row to its terminal event. It ends exactly once: by its work, an error or a cancel. The terminal
 * event, the row's last change and what the work has to write are one transaction. A gateway that stops leaves it
 * unfinished, for the next start to take up.
 */
import type { Updateable } from "kysely";
import { GeodesicError, toErrorRecord } from "../../errors.ts";
import { paceOf } from "../../merge/progress.ts";
import { toJson, toTime } from "../../store/codec.ts";
import type { Db, ModelJobsTable } from "../../store/database.ts";
import { updateModelJob } from "../../store/model_jobs.ts";
import type { Clock } from "../clock.ts";
import type { EventLog } from "../events/event_log.ts";
import type { ModelJobEvent, ModelJobEventBody, ModelJobFigures } from "../job_types.ts";

export interface WorkContext {
  readonly signal: AbortSignal;
  readonly report: (progress: WorkProgress) => void;
}
export type WorkProgress =
  & Omit<ModelJobFigures, "bytesPerSecond" | "secondsLeft">
  & {
    /** Of the done ones, those that cost no time now. */
    readonly freeBytes?: number;
  };
/** What the work leaves to be written and told. */
export interface WorkResult {
  readonly result: unknown;
  /** In the transaction that ends the job. */
  readonly write?: (trx: Db) => Promise<void>;
  /** After it. */
  readonly after?: () => Promise<void>;
}

export interface ModelJobOptions {
  readonly id: string;
  readonly work: (context: WorkContext) => Promise<WorkResult>;
  readonly log: Pick<EventLog<ModelJobEventBody, ModelJobEvent>, "append">;
  readonly clock: Clock;
  /** Told of errors that nobody expected; clients only learn INTERNAL. */
  readonly reportError: (error: unknown) => void;
  /** Told when the log itself cannot be written. */
  readonly onBroken: (error: Error) => void;
}

/** Progress is logged when it has moved this far or changed its stage: a log stays short, whatever the size. */
const PROGRESS_STEP = 0.01;

class Cancelled extends Error {}
class Suspended extends Error {}

export class RunningJob {
  readonly #options: ModelJobOptions;
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;
  #stage:
    | { readonly name: string; readonly startedMs: number; readonly startBytes: number; logged: number }
    | undefined;
  #latest: WorkProgress | undefined;
  #writing: Promise<void> | undefined;
  #ended = false;

  /** Begins at once. */
  constructor(options: ModelJobOptions) {
    this.#options = options;
    this.#done = this.#run();
  }

  /** Resolves after the terminal event, or when it is suspended; never rejects. */
  get done(): Promise<void> {
    return this.#done;
  }

  /** Resolves when the end is written, whatever it is. */
  async cancel(): Promise<void> {
    this.#abort.abort(new Cancelled("The job was cancelled"));
    await this.#done;
  }

  /** Stops without an end: the next start goes on. */
  async suspend(): Promise<void> {
    this.#abort.abort(new Suspended("The gateway stops"));
    await this.#done;
  }

  async #run(): Promise<void> {
    const { work, log, reportError } = this.#options;
    const { signal } = this.#abort;
    try {
      await log.append([{ kind: "started" }]);
      signal.throwIfAborted();
      const { result, write, after } = await work({
        signal,
        report: (progress) => this.#onProgress(progress),
      });
      await this.#settleProgress();
      await this.#end({ kind: "finished" }, { status: "SUCCEEDED", result: toJson(result ?? null) }, write);
      await after?.();
    } catch (error) {
      await this.#settleProgress();
      if (this.#ended) return reportError(error);
      if (signal.aborted && signal.reason instanceof Suspended) return;
      await this.#fail(error).catch((failure) => this.#options.onBroken(failure));
    }
  }

  async #fail(error: unknown): Promise<void> {
    if (this.#abort.signal.reason instanceof Cancelled) {
      return await this.#end({ kind: "cancelled" }, { status: "CANCELLED" });
    }
    if (!(error instanceof GeodesicError)) this.#options.reportError(error);
    const record = toErrorRecord(error);
    const { code, message } = record;
    await this.#end({ kind: "failed", code, message }, { status: "FAILED", error: toJson(record) });
  }

  async #end(
    event: ModelJobEventBody,
    row: Updateable<ModelJobsTable>,
    write?: (trx: Db) => Promise<void>,
  ): Promise<void> {
    await this.#options.log.append([event], async (trx, at) => {
      await write?.(trx);
      await updateModelJob(trx, this.#options.id, { ...row, finished_at: toTime(at) });
    });
    this.#ended = true;
  }

  #onProgress(progress: WorkProgress): void {
    if (this.#abort.signal.aborted) return;
    this.#latest = progress;
    this.#writing ??= this.#writeProgress().finally(() => this.#writing = undefined);
  }

  /** One write at a time; what comes meanwhile is replaced by what comes after it, so nothing piles up. */
  async #writeProgress(): Promise<void> {
    for (let progress = this.#latest; progress !== undefined; progress = this.#latest) {
      this.#latest = undefined;
      const event = this.#toEvent(progress);
      if (event === null) continue;
      try {
        await this.#options.log.append([event]);
      } catch (error) {
        this.#options.reportError(error);
        this.#abort.abort(new GeodesicError("INTERNAL", "The job's log cannot be written"));
      }
    }
  }

  async #settleProgress(): Promise<void> {
    await this.#writing;
  }

  #toEvent({ freeBytes = 0, ...figures }: WorkProgress): ModelJobEventBody | null {
    const { stage, doneBytes, totalBytes } = figures;
    const nowMs = this.#options.clock.now().getTime();
    if (this.#stage?.name !== stage) {
      this.#stage = { name: stage, startedMs: nowMs, startBytes: doneBytes, logged: -Infinity };
    }
    const share = totalBytes === 0 ? 1 : doneBytes / totalBytes;
    if (Math.abs(share - this.#stage.logged) < PROGRESS_STEP && (share < 1 || this.#stage.logged === 1)) {
      return null;
    }
    this.#stage.logged = share;
    const free = Math.max(freeBytes, this.#stage.startBytes);
    const pace = paceOf({
      doneBytes: Math.max(0, doneBytes - free),
      totalBytes: Math.max(0, totalBytes - free),
      elapsedMs: nowMs - this.#stage.startedMs,
    });
    return {
      kind: "progress",
      ...figures,
      bytesPerSecond: pace?.bytesPerSecond ?? null,
      secondsLeft: pace?.secondsLeft ?? null,
    };
  }
}
