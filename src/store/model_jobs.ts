/** Rows of model jobs (pulls and verifications) and the append-only log of each. */
import type { Insertable, Selectable, Updateable } from "kysely";
import type { Db, ModelJobEventsTable, ModelJobsTable } from "./database.ts";
import { lockingFree } from "./dialect.ts";
import { isOrphan, type OrphanTaker } from "./gateways.ts";
import { contains, type RowPage, toRowPage } from "./page.ts";

export type ModelJobRow = Selectable<ModelJobsTable>;
export type ModelJobEventRow = Selectable<ModelJobEventsTable>;

export async function insertModelJob(db: Db, row: Insertable<ModelJobsTable>): Promise<void> {
  await db.insertInto("model_jobs").values(row).execute();
}

export async function updateModelJob(db: Db, id: string, patch: Updateable<ModelJobsTable>): Promise<void> {
  await db.updateTable("model_jobs").set(patch).where("id", "=", id).execute();
}

export function findModelJob(db: Db, id: string): Promise<ModelJobRow | undefined> {
  return db.selectFrom("model_jobs").selectAll().where("id", "=", id).executeTakeFirst();
}

/** Those that run at any gateway, oldest first. */
export async function unfinishedModelJobs(db: Db): Promise<readonly ModelJobRow[]> {
  return await db.selectFrom("model_jobs").selectAll().where("status", "=", "RUNNING").orderBy("id")
    .execute();
}

/** A pull that is about to bring a model of this name. */
export function unfinishedPullOf(db: Db, modelName: string): Promise<ModelJobRow | undefined> {
  return db.selectFrom("model_jobs").selectAll().where("status", "=", "RUNNING").where("kind", "=", "PULL")
    .where("model_name", "=", modelName).limit(1).executeTakeFirst();
}

/**
 * The oldest unfinished job that nobody runs, taken for who asks: of several gateways that look at once, each takes
 * another one. Undefined when there is none.
 */
export async function takeOrphanedModelJob(trx: Db, taker: OrphanTaker): Promise<ModelJobRow | undefined> {
  const orphans = trx.selectFrom("model_jobs").selectAll().where("status", "=", "RUNNING")
    .where(isOrphan(taker)).orderBy("id").limit(1);
  const row = await lockingFree(trx, orphans).executeTakeFirst();
  if (row !== undefined) await updateModelJob(trx, row.id, { gateway_id: taker.gatewayId });
  return row;
}

/** Lets go of what this gateway has not finished, so that another one or its next start goes on with it. */
export async function releaseModelJobs(db: Db, gatewayId: string): Promise<void> {
  await db.updateTable("model_jobs").set({ gateway_id: null })
    .where("gateway_id", "=", gatewayId).where("status", "=", "RUNNING").execute();
}

/** Asks the gateway that runs it to cancel it. */
export async function requestModelJobCancel(db: Db, id: string, at: string): Promise<void> {
  await db.updateTable("model_jobs").set({ cancel_requested_at: at }).where("id", "=", id)
    .where("cancel_requested_at", "is", null).where("status", "=", "RUNNING").execute();
}

/** Those that this gateway has been asked to cancel. */
export async function modelJobCancelRequested(db: Db, gatewayId: string): Promise<readonly string[]> {
  const rows = await db.selectFrom("model_jobs").select("id").where("gateway_id", "=", gatewayId)
    .where("status", "=", "RUNNING").where("cancel_requested_at", "is not", null).execute();
  return rows.map(({ id }) => id);
}

/** How far the logs of these have come. */
export async function modelJobLogStates(
  db: Db,
  ids: readonly string[],
): Promise<readonly { readonly id: string; readonly lastSeq: number; readonly isOpen: boolean }[]> {
  const rows = await db.selectFrom("model_jobs").select(["id", "status"])
    .select((e) =>
      e.selectFrom("model_job_events").whereRef("job_id", "=", "model_jobs.id")
        .select((m) => m.fn.max("seq").as("seq")).as("seq")
    )
    .where("id", "in", ids).execute();
  return rows.map(({ id, status, seq }) => ({ id, lastSeq: Number(seq ?? 0), isOpen: status === "RUNNING" }));
}

export interface ModelJobRowFilter {
  readonly kind?: string;
  readonly status?: string;
  readonly nameContains?: string;
}

/** Newest first. */
export async function listModelJobs(
  db: Db,
  where: ModelJobRowFilter,
  page: { readonly first: number; readonly afterId?: string },
): Promise<RowPage<ModelJobRow>> {
  const filtered = db.selectFrom("model_jobs")
    .$if(where.kind !== undefined, (q) => q.where("kind", "=", where.kind!))
    .$if(where.status !== undefined, (q) => q.where("status", "=", where.status!))
    .$if(
      where.nameContains !== undefined,
      (q) => q.where((e) => contains(e.ref("model_name"), where.nameContains!)),
    );
  const rows = await filtered.selectAll()
    .$if(page.afterId !== undefined, (q) => q.where("id", "<", page.afterId!))
    .orderBy("id", "desc").limit(page.first + 1).execute();
  const total = await filtered.select((e) => e.fn.countAll().as("count")).executeTakeFirstOrThrow();
  return toRowPage(rows, page.first, total.count);
}

export async function appendModelJobEvents(
  db: Db,
  rows: readonly Insertable<ModelJobEventsTable>[],
): Promise<void> {
  if (rows.length > 0) await db.insertInto("model_job_events").values(rows).execute();
}

/** Whether this very row is there. */
export async function isModelJobEventWritten(db: Db, row: ModelJobEventRow): Promise<boolean> {
  const { job_id, seq, at, kind, payload } = row;
  const found = await db.selectFrom("model_job_events").select("seq")
    .where("job_id", "=", job_id).where("seq", "=", seq)
    .where("at", "=", at).where("kind", "=", kind).where("payload", "=", payload).executeTakeFirst();
  return found !== undefined;
}

/** At most `limit` events after `afterSeq`, in order. */
export async function readModelJobEvents(
  db: Db,
  jobId: string,
  { afterSeq, limit }: { readonly afterSeq: number; readonly limit: number },
): Promise<readonly ModelJobEventRow[]> {
  return await db.selectFrom("model_job_events").selectAll()
    .where("job_id", "=", jobId).where("seq", ">", afterSeq)
    .orderBy("seq").limit(limit).execute();
}

/** The newest; undefined for an empty log. */
export async function lastModelJobEvent(db: Db, jobId: string): Promise<ModelJobEventRow | undefined> {
  return await db.selectFrom("model_job_events").selectAll()
    .where("job_id", "=", jobId).orderBy("seq", "desc").limit(1).executeTakeFirst();
}
