/** Rows of model jobs (pulls and verifications) and the append-only log of each. */
import type { Insertable, Selectable, Updateable } from "kysely";
import type { Db, ModelJobEventsTable, ModelJobsTable } from "./database.ts";
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

/** Jobs that a process has left unfinished, oldest first. */
export async function unfinishedModelJobs(db: Db): Promise<readonly ModelJobRow[]> {
  return await db.selectFrom("model_jobs").selectAll().where("status", "=", "RUNNING").orderBy("id")
    .execute();
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
