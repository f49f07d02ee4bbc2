/**
 * The model jobs: pulls and verifications that run in this process, and those that have ended. Watching is open to
 * everybody who was let in; starting and cancelling are for admins. A few run at once; more are refused, for none of
 * them is in a hurry and each takes a disk's or a network's whole speed.
 */
import { CapacityError, ConfigError, NotFoundError } from "../errors.ts";
import type { Hub } from "../hub/hub.ts";
import { fromJson, fromJsonOrNull, fromTime, fromTimeOrNull, toJson, toTime } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import * as store from "../store/model_jobs.ts";
import { hasFolder } from "../store/models.ts";
import { oneActAtATime, recordAct } from "./audit.ts";
import { EventHub } from "./events/event_hub.ts";
import { EventLog, type LogEntry } from "./events/event_log.ts";
import { EventStream } from "./events/event_stream.ts";
import type { LogPoller } from "./events/log_poller.ts";
import { LogWriter } from "./events/log_writer.ts";
import {
  type ModelJob,
  type ModelJobEvent,
  type ModelJobEventBody,
  type ModelJobKind,
  type ModelJobStatus,
  type ModelJobUseCases,
  TERMINAL_JOB_EVENT_KINDS,
} from "./job_types.ts";
import { RunningJob, type WorkContext, type WorkResult } from "./jobs/job.ts";
import { discardLeftover } from "./jobs/leftovers.ts";
import { parsePull, type PullRequest, pullWork, requireNoMergeInto, requirePullable } from "./jobs/pull.ts";
import { verifyWork } from "./jobs/verify.ts";
import { LEASE_MS, type Membership } from "./membership.ts";
import { requireModel } from "./models.ts";
import { parsePage, textKeyset, toPage } from "./paging.ts";
import type { RegisterOptions } from "./register.ts";
import type { Log } from "./request.ts";
import { requireRole } from "./roles.ts";
import type { Principal } from "./types.ts";
import { withoutWeights } from "./weights.ts";

export interface ModelJobsOptions extends RegisterOptions {
  readonly hub: Hub;
  /** Folders besides the library where parents may lie. */
  readonly modelDirs: readonly string[];
  readonly membership: Membership;
  /** Wakes those who watch what another gateway runs. */
  readonly remoteLogs: LogPoller<ModelJobEvent>;
  /** For logs; see compose.ts. */
  readonly workDb: Db;
  readonly log: Log;
  readonly reportError: (error: unknown) => void;
}

const JOBS = textKeyset("model jobs");
const MAX_RUNNING = 4;
const RETRY_AFTER_MS = 30_000;
/** How often, and how long, a cancel waits for the gateway that runs the job; a dead one's is taken over before that. */
const CANCEL_POLL_MS = 100;
const CANCEL_PATIENCE_MS = 2 * LEASE_MS;

export class ModelJobs implements ModelJobUseCases {
  readonly #options: ModelJobsOptions;
  readonly #hub = new EventHub<ModelJobEvent>();
  readonly #running = new Map<string, RunningJob>();
  /** On their way into the database. */
  readonly #starting = new Set<string>();
  #isClosed = false;

  constructor(options: ModelJobsOptions) {
    this.#options = options;
  }

  /** Goes on with what gateways that have gone have left, and with what had an end here that could not be written. */
  async recover(): Promise<void> {
    const { workDb: db, membership } = this.#options;
    const now = await membership.time();
    while (!this.#isClosed) {
      const taken = await db.transaction().execute(async (trx) => {
        const holds = [...this.#running.keys(), ...this.#starting];
        const row = await store.takeOrphanedModelJob(trx, { now, gatewayId: membership.id, holds });
        return row && { row, lastSeq: (await store.lastModelJobEvent(trx, row.id))?.seq ?? 0 };
      });
      if (taken === undefined) return;
      if (this.#running.has(taken.row.id) || this.#starting.has(taken.row.id)) continue; // begun meanwhile
      this.#launch(taken.row, taken.lastSeq);
    }
  }

  /** What others have asked this gateway to cancel. */
  async cancelRequested(): Promise<void> {
    const { workDb: db, membership } = this.#options;
    for (const id of await store.modelJobCancelRequested(db, membership.id)) {
      await this.#running.get(id)?.cancel();
    }
  }

  /** Stops what runs; the next start goes on with it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#running.values()].map((job) => job.suspend()));
    await store.releaseModelJobs(this.#options.workDb, this.#options.membership.id);
  }

  async get(id: string): Promise<ModelJob | null> {
    const row = await store.findModelJob(this.#options.db, id);
    return row === undefined ? null : toJob(row);
  }

  async list(...[args, where = {}]: Parameters<ModelJobUseCases["list"]>) {
    const { first, after } = parsePage(JOBS, args);
    const page = { first, ...(after === undefined ? {} : { afterId: after }) };
    return toPage(JOBS, await store.listModelJobs(this.#options.db, where, page), (row) => row.id, toJob);
  }

  async pull(principal: Principal, input: Parameters<ModelJobUseCases["pull"]>[1]): Promise<ModelJob> {
    requireRole(principal, "ADMIN", "pull models");
    const request = parsePull(input);
    await requirePullable(this.#options, request);
    return await this.#start(principal, { kind: "PULL", modelName: request.name, input: request });
  }

  async verify(principal: Principal, ref: Parameters<ModelJobUseCases["verify"]>[1]): Promise<ModelJob> {
    requireRole(principal, "ADMIN", "verify models");
    const row = await requireModel(this.#options.db, ref);
    if (!hasFolder(row)) throw withoutWeights(row);
    const { id, name } = row;
    return await this.#start(principal, { kind: "VERIFY", modelName: name, input: { modelId: id } });
  }

  async cancel(
    principal: Principal,
    id: string,
    { discard = false }: { readonly discard?: boolean } = {},
  ): Promise<ModelJob> {
    requireRole(principal, "ADMIN", "cancel model jobs");
    const { db, clock, membership } = this.#options;
    let row = await this.#require(id);
    const discards = discard && row.kind === "PULL";
    if (row.status === "RUNNING" || (discards && row.status !== "SUCCEEDED")) {
      const details = discards ? { discard } : {};
      const act = {
        actor: principal,
        at: clock.now(),
        action: "modelJob.cancel",
        target: id,
        details,
      } as const;
      await db.transaction().execute((trx) => recordAct(trx, act));
    }
    await this.#running.get(id)?.cancel();
    row = await this.#require(id);
    for (let waitedMs = 0; waitedMs < CANCEL_PATIENCE_MS; waitedMs += CANCEL_POLL_MS) {
      if (row.status !== "RUNNING" || !membership.isShared || row.gateway_id === membership.id) break;
      await store.requestModelJobCancel(db, id, toTime(clock.now()));
      await new Promise<void>((resolve) => clock.after(CANCEL_POLL_MS, resolve));
      row = await this.#require(id);
    }
    if (discards && ["CANCELLED", "FAILED"].includes(row.status)) {
      await discardLeftover(this.#options, row.model_name, { reason: "discarded" });
    }
    return toJob(row);
  }

  events(id: string, { afterSeq = 0, signal }: Parameters<ModelJobUseCases["events"]>[1]) {
    if (!Number.isInteger(afterSeq) || afterSeq < 0) {
      throw new ConfigError(`Invalid afterSeq: found ${afterSeq}, expected 0 or more`, { field: "afterSeq" });
    }
    const { membership, remoteLogs } = this.#options;
    let isRemote = false;
    return new EventStream<ModelJobEvent>(
      {
        authorize: async () => {
          const row = await this.#require(id);
          isRemote = membership.isShared && row.status === "RUNNING" && row.gateway_id !== membership.id;
        },
        read: async (afterSeq, limit) =>
          (await store.readModelJobEvents(this.#options.db, id, { afterSeq, limit })).map(toEvent),
        isTerminal: (event) => TERMINAL_JOB_EVENT_KINDS.has(event.kind),
        isOpen: () => isRemote ? remoteLogs.isOpen(id) : this.#running.has(id),
        subscribe: (wake) => isRemote ? remoteLogs.follow(id, wake) : this.#hub.subscribe(id, wake),
        onAttached: () => {},
        onDetached: () => {},
      },
      afterSeq,
      signal,
    );
  }

  async #require(id: string): Promise<store.ModelJobRow> {
    const row = await store.findModelJob(this.#options.db, id);
    if (row === undefined) throw new NotFoundError(`No model job "${id}"`, { id });
    return row;
  }

  async #start(
    principal: Principal,
    { kind, modelName, input }: {
      readonly kind: ModelJobKind;
      readonly modelName: string;
      readonly input: unknown;
    },
  ): Promise<ModelJob> {
    const { db, clock, ids, membership } = this.#options;
    const at = clock.now();
    const row: store.ModelJobRow = {
      id: ids(),
      kind,
      status: "RUNNING",
      model_name: modelName,
      input: toJson(input),
      result: null,
      error: null,
      principal_id: principal.id,
      created_at: toTime(at),
      finished_at: null,
      gateway_id: membership.id,
      cancel_requested_at: null,
    };
    using _ = this.#begin(row.id);
    await db.transaction().execute(async (trx) => {
      await oneActAtATime(trx);
      this.#requirePlace(await store.unfinishedModelJobs(trx), row);
      if (kind === "PULL") await requireNoMergeInto(trx, modelName);
      await store.insertModelJob(trx, row);
      const action = kind === "PULL" ? "model.pull" : "model.verify";
      await recordAct(trx, { actor: principal, at, action, target: row.id, details: { name: modelName } });
    });
    this.#launch(row, 0);
    return toJob(row);
  }

  #begin(id: string): Disposable {
    this.#starting.add(id);
    return { [Symbol.dispose]: () => void this.#starting.delete(id) };
  }

  #requirePlace(
    unfinished: readonly store.ModelJobRow[],
    { kind, model_name: name }: store.ModelJobRow,
  ): void {
    if (this.#isClosed) throw new CapacityError("The gateway is shutting down", { retryAfterMs: 1000 });
    const same = unfinished.find((row) => row.kind === kind && row.model_name === name);
    if (same !== undefined) {
      throw new ConfigError(`Cannot ${kind.toLowerCase()} "${name}": that is on its way already`, {
        ...{ name, jobId: same.id },
      });
    }
    if (unfinished.length < MAX_RUNNING) return;
    throw new CapacityError(`Cannot start another model job: ${MAX_RUNNING} are running`, {
      running: unfinished.length,
      retryAfterMs: RETRY_AFTER_MS,
    });
  }

  /** One that comes while the gateway closes is left to the next start. */
  #launch(row: store.ModelJobRow, lastSeq: number): void {
    if (this.#isClosed) return;
    const { workDb, clock, reportError } = this.#options;
    const job = new RunningJob({
      id: row.id,
      clock,
      work: (context) => this.#work(row, context),
      log: new EventLog({
        ...{ clock, hub: this.#hub, subjectId: row.id, lastSeq },
        // Jobs report now and then; each writes for itself.
        writer: new LogWriter(workDb, {
          insert: store.appendModelJobEvents,
          isWritten: store.isModelJobEventWritten,
        }),
        toRow: (entry: LogEntry<ModelJobEventBody>) => toEventRow(row.id, entry),
        toEvent: ({ seq, at, body }) => ({ ...body, seq, at, jobId: row.id }),
      }),
      reportError,
      onBroken: (error) => {
        reportError(error);
        this.#hub.close(row.id, error);
      },
    });
    this.#running.set(row.id, job);
    void job.done.then(() => {
      this.#running.delete(row.id);
      this.#hub.close(row.id);
    });
  }

  async #work(row: store.ModelJobRow, context: WorkContext): Promise<WorkResult> {
    if (row.kind === "PULL") return await pullWork(this.#options, fromJson<PullRequest>(row.input), context);
    const { modelId } = fromJson<{ readonly modelId: string }>(row.input);
    return await verifyWork(this.#options, await requireModel(this.#options.db, { id: modelId }), context);
  }
}

function toJob(row: store.ModelJobRow): ModelJob {
  const pull = row.kind === "PULL" ? fromJson<PullRequest>(row.input) : null;
  return {
    id: row.id,
    kind: row.kind as ModelJobKind,
    status: row.status as ModelJobStatus,
    modelName: row.model_name,
    repository: pull?.repository ?? null,
    revision: pull?.revision ?? null,
    verification: row.kind === "VERIFY" ? fromJsonOrNull(row.result) : null,
    error: fromJsonOrNull(row.error),
    createdAt: fromTime(row.created_at),
    finishedAt: fromTimeOrNull(row.finished_at),
  };
}

function toEventRow(jobId: string, { seq, at, body }: LogEntry<ModelJobEventBody>): store.ModelJobEventRow {
  const { kind, ...payload } = body;
  return { job_id: jobId, seq, at: toTime(at), kind, payload: toJson(payload) };
}

function toEvent(row: store.ModelJobEventRow): ModelJobEvent {
  const body = { kind: row.kind, ...fromJson<object>(row.payload) } as ModelJobEventBody;
  return { ...body, seq: row.seq, jobId: row.job_id, at: fromTime(row.at) };
}
