/**
 * One merge from its accepted row to its terminal event: it waits for its turn, runs, and tells its log how far it is. It
 * ends exactly once, whoever is first: the work, an error, a cancel, the end of the gateway. The terminal event and the
 * row's last change are one transaction, and so are, where it succeeds, the provenance and the registered models.
 */
import type { Updateable } from "kysely";
import { CapacityError, type ErrorRecord, GeodesicError, toErrorRecord } from "../../errors.ts";
import { completeTensors, paceOf } from "../../merge/progress.ts";
import type { MergeProgress } from "../../merge/run.ts";
import { toJson, toTime } from "../../store/codec.ts";
import type { Db, MergesTable } from "../../store/database.ts";
import { keepMerge, updateMerge } from "../../store/merges.ts";
import { StoreBusyError } from "../../store/store_busy.ts";
import type { ModelRow } from "../../store/models.ts";
import { oneActAtATime } from "../audit.ts";
import type { EventLog } from "../events/event_log.ts";
import { noteRegistered, type RegisterOptions } from "../register.ts";
import type { MergeEvent, MergeEventBody } from "../types.ts";
import { executeMerge, type RunMergeInput, writeResult } from "./run_merge.ts";

export interface MergeJobOptions {
  readonly id: string;
  readonly input: RunMergeInput;
  /** Its place in the queue as far as the log knows; 0 for none. */
  readonly position: number;
  readonly log: Pick<EventLog<MergeEventBody, MergeEvent>, "append">;
  readonly register: RegisterOptions;
  /** Where it is: what another gateway has taken over is written there. */
  readonly gatewayId: string;
  /** Whether the next start of the gateway can take it up again while it waits. */
  readonly durable: boolean;
  /** Told when the log itself cannot be written; nothing can be reported to watchers then. */
  readonly onBroken: (error: Error) => void;
  /** Told of errors that nobody expected; clients only learn INTERNAL. */
  readonly reportError: (error: unknown) => void;
}

/** Progress is logged when it has moved this far or changed its stage: a merge's log stays short, whatever its size. */
const PROGRESS_STEP = 0.01;

/** Why a merge is aborted. */
class Cancelled extends Error {}
/** Why nothing more of it can be written here; watchers find it where it goes on. */
class Abandoned extends CapacityError {
  constructor() {
    super("Another gateway goes on with this merge: watch it again", { retryAfterMs: RETRY_AFTER_MS });
  }
}
const RETRY_AFTER_MS = 500;

export class MergeJob {
  readonly #options: MergeJobOptions;
  readonly #abort = new AbortController();
  readonly #result = Promise.withResolvers<ModelRow>();
  #ending: Promise<void> | undefined;
  #position: number;
  /** Of the stage under way. */
  #stage:
    | { readonly name: string; readonly startedMs: number; doneBytes: number; loggedShare: number }
    | undefined;
  #latest: MergeProgress | undefined;
  #writing = false;

  constructor(options: MergeJobOptions) {
    this.#options = options;
    this.#position = options.position;
    this.#result.promise.catch(() => {}); // whoever started it may not wait for it
  }

  get id(): string {
    return this.#options.id;
  }
  get durable(): boolean {
    return this.#options.durable;
  }
  /** The registered result; rejects with what ended the merge before. */
  get result(): Promise<ModelRow> {
    return this.#result.promise;
  }
  /** 1 is next; 0 once it runs. */
  get position(): number {
    return this.#position;
  }

  /** Its place in the queue, logged where it is new. */
  moveTo(position: number): void {
    if (position === this.#position) return;
    this.#position = position;
    if (position > 0) void this.#write([{ kind: "queued", position }]);
  }

  /** Runs to the end. Never rejects: errors become the `failed` event. */
  async run(): Promise<void> {
    const { register, input } = this.#options;
    const { signal } = this.#abort;
    if (this.#ending !== undefined) return await this.#ending;
    this.moveTo(0);
    await this.#write([], { status: "RUNNING", started_at: toTime(register.clock.now()) });
    try {
      signal.throwIfAborted();
      const result = await executeMerge(register, input, {
        signal,
        onProgress: (progress) => this.#onProgress(progress),
      });
      await this.#end(async () => {
        const { artifact } = result.record;
        let rows: readonly ModelRow[] = [];
        await this.#append(
          [{ kind: "finished", artifactSha256: artifact.manifestSha256 }],
          async (trx, at) => void (rows = await writeResult(register, trx, { id: this.id, at, result })),
          oneActAtATime, // registering is one
        );
        for (const row of rows) await noteRegistered(register, row);
        this.#result.resolve(rows.at(-1)!);
      });
    } catch (error) {
      await this.#failed(error);
    }
  }

  /** Ends it as cancelled; resolves when that (or whatever ended it before) is written. */
  async cancel(reason: unknown = new Cancelled("The merge was cancelled")): Promise<void> {
    this.#abort.abort(reason);
    if (this.#position > 0) await this.#failed(reason); // nobody runs it yet
    await this.result.then(() => {}, () => {});
  }

  /** Another gateway has taken it over: it stops, and its end is that one's to write. */
  async abandon(): Promise<void> {
    const reason = new Abandoned();
    this.#abort.abort(reason);
    if (this.#position > 0) await this.#failed(reason);
    await this.result.then(() => {}, () => {});
  }

  async #failed(error: unknown): Promise<void> {
    const { signal } = this.#abort;
    if (signal.reason instanceof Abandoned || error instanceof Abandoned) {
      if (this.#ending !== undefined) return;
      this.#ending = Promise.resolve();
      this.#options.onBroken(signal.reason instanceof Abandoned ? signal.reason : error as Abandoned);
      return this.#result.reject(error);
    }
    if (signal.aborted && !(signal.reason instanceof GeodesicError)) {
      await this.#endAs([{ kind: "cancelled" }], { status: "CANCELLED" }, error);
      return;
    }
    const cause = signal.aborted ? signal.reason : error;
    if (!(cause instanceof GeodesicError)) this.#options.reportError(cause);
    const record: ErrorRecord = toErrorRecord(cause);
    const { code, message } = record;
    await this.#endAs(
      [{ kind: "failed", code, message }],
      { status: "FAILED", error: toJson(record) },
      cause,
    );
  }

  async #endAs(
    events: readonly MergeEventBody[],
    row: Updateable<MergesTable>,
    error: unknown,
  ): Promise<void> {
    await this.#end(async () => {
      await this.#append(events, async (trx, at) => {
        await updateMerge(trx, this.id, { ...row, finished_at: toTime(at) });
      });
      this.#result.reject(error);
    }, { isFailure: true });
  }

  /** The first end counts. One that cannot be written is told to watchers now, and closed by the lookout. */
  async #end(write: () => Promise<void>, { isFailure = false } = {}): Promise<void> {
    let failure: unknown;
    this.#ending ??= write().catch((error) => void (failure = error));
    await this.#ending;
    if (failure === undefined) return;
    // The result cannot be registered: that is an end of its own. That a failure cannot be written is none, nor is a
    // database that is away, which may have written the result before it went.
    if (failure instanceof GeodesicError && !(failure instanceof StoreBusyError) && !isFailure) {
      this.#ending = undefined;
      return await this.#failed(failure);
    }
    this.#options.onBroken(failure instanceof Error ? failure : new Error(String(failure)));
    this.#result.reject(failure);
  }

  #onProgress(progress: MergeProgress): void {
    this.#options.input.onProgress?.(progress);
    this.#latest = progress;
    if (!this.#writing) void this.#writeProgress();
  }

  /** One write at a time; what comes meanwhile is replaced by what comes after it, so nothing piles up. */
  async #writeProgress(): Promise<void> {
    this.#writing = true;
    for (let progress = this.#latest; progress !== undefined; progress = this.#latest) {
      this.#latest = undefined;
      const event = this.#toEvent(progress);
      if (event !== null) await this.#write([event]);
    }
    this.#writing = false;
  }

  #toEvent(progress: MergeProgress): MergeEventBody | null {
    const { stage, doneBytes, totalBytes, totalTensors } = progress;
    const nowMs = this.#options.register.clock.now().getTime();
    // Of several documents, each is merged from its own beginning.
    if (this.#stage?.name !== stage || doneBytes < this.#stage.doneBytes) {
      this.#stage = { name: stage, startedMs: nowMs, doneBytes, loggedShare: -Infinity };
    }
    this.#stage.doneBytes = doneBytes;
    const share = totalBytes === 0 ? 1 : doneBytes / totalBytes;
    if (share - this.#stage.loggedShare < PROGRESS_STEP && (share < 1 || this.#stage.loggedShare === 1)) {
      return null;
    }
    this.#stage.loggedShare = share;
    const pace = paceOf({ doneBytes, totalBytes, elapsedMs: nowMs - this.#stage.startedMs });
    return {
      ...{
        kind: "progress",
        stage,
        doneTensors: completeTensors(progress),
        totalTensors,
        doneBytes,
        totalBytes,
      },
      bytesPerSecond: pace?.bytesPerSecond ?? null,
      secondsLeft: pace?.secondsLeft ?? null,
    };
  }

  /** Only what is still this gateway's is written: an `Abandoned` otherwise. `before` runs before its row is locked. */
  async #append(
    events: readonly MergeEventBody[],
    also: (trx: Db, at: Date) => Promise<void>,
    before?: (trx: Db) => Promise<void>,
  ): Promise<void> {
    const { log, gatewayId } = this.#options;
    await log.append(events, async (trx, at) => {
      await before?.(trx);
      if (!await keepMerge(trx, this.id, gatewayId)) {
        throw new Abandoned();
      }
      await also(trx, at);
    });
  }

  /** Logs while it has not ended; a log that cannot be written ends the merge. Never rejects. */
  async #write(events: readonly MergeEventBody[], row?: Updateable<MergesTable>): Promise<void> {
    if (this.#ending !== undefined) return;
    try {
      await this.#append(events, async (trx) => {
        if (row !== undefined) await updateMerge(trx, this.id, row);
      });
    } catch (error) {
      if (error instanceof Abandoned) return this.#abort.abort(error);
      this.#options.reportError(error);
      this.#abort.abort(new GeodesicError("INTERNAL", "The merge's log cannot be written"));
    }
  }
}
