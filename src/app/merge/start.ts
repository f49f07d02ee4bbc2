/**
 * Starts merges: one that this program itself waits for (the first run), one that an admin asks for over the API, and,
 * after a restart, those that were waiting. All of them go through the same queue.
 */
import { CapacityError, type ErrorRecord, GeodesicError } from "../../errors.ts";
import type { Quantization } from "../../model/runner.ts";
import { toJson, toTime } from "../../store/codec.ts";
import type { Db } from "../../store/database.ts";
import { appendMergeEvents, isMergeEventWritten, lastMergeSeq } from "../../store/merge_events.ts";
import { insertMerge, type MergeRow, takeOrphanedMerge, updateMerge } from "../../store/merges.ts";
import type { ModelRow } from "../../store/models.ts";
import { oneActAtATime, recordAct } from "../audit.ts";
import type { EventHub } from "../events/event_hub.ts";
import { EventLog } from "../events/event_log.ts";
import { LogWriter } from "../events/log_writer.ts";
import type { Membership } from "../membership.ts";
import type { RegisterOptions } from "../register.ts";
import { requireRole } from "../roles.ts";
import type { MergeEvent, Principal, StartMergeInput } from "../types.ts";
import { toMergeEventRow } from "./event_rows.ts";
import { MergeJob } from "./job.ts";
import { parentResolver } from "./parents.ts";
import type { MergeQueue } from "./queue.ts";
import { acceptMerge, requireUnclaimed, type RunMergeInput } from "./run_merge.ts";

export interface MergeRunOptions extends RegisterOptions {
  /** For logs; see compose.ts. */
  readonly workDb: Db;
  readonly queue: MergeQueue;
  readonly hub: EventHub<MergeEvent>;
  readonly membership: Membership;
  /** Folders besides the library whose models may be merged over the API. */
  readonly modelDirs: readonly string[];
  /** Told of errors that nobody expected. */
  readonly reportError: (error: unknown) => void;
}

/** Why a merge ends that nobody is running any more. What it had finished, the next one to the same name takes up. */
export const INTERRUPTED: ErrorRecord = Object.freeze({
  code: "INTERRUPTED",
  message: "The gateway stopped while this merge was running; start it again",
  details: Object.freeze({}),
});

const RETRY_AFTER_MS = 1_000;
/** How messages call a configuration that came over the API. */
const CONFIG_NAME = "configYaml";

/** Resolves with the registered result. Throws what is wrong with configuration, parents or target. */
export async function runMerge(
  options: MergeRunOptions,
  principal: Principal,
  input: RunMergeInput & { readonly signal?: AbortSignal },
): Promise<ModelRow> {
  const { signal } = input;
  requireRole(principal, "ADMIN", "merge models");
  signal?.throwIfAborted();
  const row = await acceptMerge(options, input, { durable: false, ...(signal && { signal }) });
  const job = await enqueueNew(options, principal, { row, input });
  const abort = () => void job.cancel(signal?.reason);
  if (signal?.aborted) abort();
  else signal?.addEventListener("abort", abort, { once: true });
  try {
    return await job.result;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** The row of the merge that now waits for its turn, or runs. */
export async function startMerge(
  options: MergeRunOptions,
  principal: Principal,
  input: StartMergeInput,
): Promise<MergeRow> {
  requireRole(principal, "ADMIN", "merge models");
  options.queue.requirePlace();
  const run = inputOf(options, input);
  const row = await acceptMerge(options, run, { durable: true });
  await enqueueNew(options, principal, { row, input: run });
  return row;
}

/**
 * What gateways that have gone left unfinished, one after another until there is none: a merge that ran, or that nobody
 * could start again, ends as failed; one that waited goes on waiting. Its staging folder is hidden and never taken for a
 * model.
 */
export async function recoverMerges(options: MergeRunOptions): Promise<void> {
  const { workDb: db, membership } = options;
  const now = await membership.time();
  for (;;) {
    // One transaction: what was taken and then not ended would be nobody's.
    const taken = await db.transaction().execute(async (trx) => {
      if (options.queue.isClosed) return undefined; // what it no longer holds is on its way to somebody else
      const row = await takeOrphanedMerge(trx, {
        ...{ now, gatewayId: membership.id, holds: options.queue.ids() },
      });
      if (row === undefined) return undefined;
      const lastSeq = await lastMergeSeq(trx, row.id);
      const isOver = row.status !== "QUEUED" || row.target_name === null;
      if (isOver) await endInterrupted(options, trx, { row, lastSeq });
      return { row, lastSeq, isOver };
    });
    if (taken === undefined) return;
    const { row, lastSeq, isOver } = taken;
    if (isOver || row.target_name === null) continue;
    const input = inputOf(options, {
      configYaml: row.config_yaml,
      name: row.target_name,
      ...(row.target_quantization !== null && { quantization: row.target_quantization as Quantization }),
    });
    options.queue.add(
      jobOf(options, row, { input, lastSeq, position: 0 }),
    );
  }
}

function inputOf(
  options: MergeRunOptions,
  { configYaml, name, quantization }: StartMergeInput,
): RunMergeInput {
  return {
    config: configYaml,
    configName: CONFIG_NAME,
    name,
    resolve: parentResolver(options),
    ...(quantization !== undefined && { quantization }),
  };
}

/** Row and first event are written together. Between the checks and here others may have come. */
async function enqueueNew(
  options: MergeRunOptions,
  actor: Principal,
  { row, input }: { readonly row: MergeRow; readonly input: RunMergeInput },
): Promise<MergeJob> {
  const { db, clock, queue } = options;
  using _reserved = queue.reserve(row.id);
  const position = await db.transaction().execute(async (trx) => {
    await oneActAtATime(trx); // a pull into this name is one
    const position = queue.requirePlace();
    if (row.target_name !== null) await requireUnclaimed(trx, row.target_name);
    if (!await insertMerge(trx, { ...row, gateway_id: options.membership.id })) {
      throw new CapacityError(`A merge into "${row.target_name}" has been started at this very moment`, {
        retryAfterMs: RETRY_AFTER_MS,
      });
    }
    const first = { seq: 1, at: clock.now(), body: { kind: "queued", position } } as const;
    await appendMergeEvents(trx, [toMergeEventRow(row.id, first)]);
    const details = { name: input.name, configSha256: row.config_sha256 };
    await recordAct(trx, { actor, at: first.at, action: "merge.start", target: row.id, details });
    return position;
  });
  const job = jobOf(options, row, { input, lastSeq: 1, position });
  queue.add(job);
  return job;
}

function jobOf(
  options: MergeRunOptions,
  row: MergeRow,
  { input, lastSeq, position }: {
    readonly input: RunMergeInput;
    readonly lastSeq: number;
    /** That its log knows. */
    readonly position: number;
  },
): MergeJob {
  const { workDb, clock, hub } = options;
  return new MergeJob({
    id: row.id,
    input,
    position,
    register: options,
    durable: row.target_name !== null,
    gatewayId: options.membership.id,
    log: new EventLog({
      ...{ clock, hub, subjectId: row.id, lastSeq },
      // One merge runs at a time.
      writer: new LogWriter(workDb, { insert: appendMergeEvents, isWritten: isMergeEventWritten }),
      toRow: (entry) => toMergeEventRow(row.id, entry),
      toEvent: ({ seq, at, body }) => ({ ...body, seq, at, mergeId: row.id }),
    }),
    reportError: options.reportError,
    onBroken: (error) => {
      options.reportError(error);
      hub.close(row.id, error);
    },
  });
}

async function endInterrupted(
  { clock }: MergeRunOptions,
  trx: Db,
  { row: { id }, lastSeq }: { readonly row: MergeRow; readonly lastSeq: number },
): Promise<void> {
  const at = clock.now();
  const { code, message } = INTERRUPTED;
  const last = { seq: lastSeq + 1, at, body: { kind: "failed", code, message } } as const;
  await appendMergeEvents(trx, [toMergeEventRow(id, last)]);
  await updateMerge(trx, id, { status: "FAILED", error: toJson(INTERRUPTED), finished_at: toTime(at) });
}

/** Why the merge that runs ends when the gateway stops. */
export function interruption(): GeodesicError {
  return new GeodesicError(INTERRUPTED.code, INTERRUPTED.message);
}
