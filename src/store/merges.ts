/** Rows of merges: the run itself, the checkpoints it read, and one row for every tensor it wrote. */
import type { Insertable, Selectable, Updateable } from "kysely";
import type { Db, MergeSourcesTable, MergesTable, MergeTensorsTable } from "./database.ts";
import { lockingFree } from "./dialect.ts";
import { isOrphan, type OrphanTaker } from "./gateways.ts";
import { contains, inBatches, type RowPage, toRowPage } from "./page.ts";

export type MergeRow = Selectable<MergesTable>;
export type MergeTensorRow = Selectable<MergeTensorsTable>;
/** A source with the model that serves those very weights today, if one does. */
export type MergeSourceRow = Selectable<MergeSourcesTable> & { readonly model_id: string | null };

const UNFINISHED = ["QUEUED", "RUNNING"] as const;

/** False when a merge into the same name is on its way already. */
export async function insertMerge(db: Db, row: Insertable<MergesTable>): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db.insertInto("merges").values(row)
    .onConflict((conflict) => conflict.doNothing()).executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}

export async function updateMerge(db: Db, id: string, patch: Updateable<MergesTable>): Promise<void> {
  await db.updateTable("merges").set(patch).where("id", "=", id).execute();
}

/**
 * Locks the row for this transaction. False where the merge has ended or is another gateway's by now: one that was taken
 * for dead may still believe it runs it.
 */
export async function keepMerge(trx: Db, id: string, gatewayId: string): Promise<boolean> {
  const { numUpdatedRows } = await trx.updateTable("merges").set({ gateway_id: gatewayId })
    .where("id", "=", id).where("gateway_id", "=", gatewayId).where("status", "in", UNFINISHED)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Of these, those that are this gateway's no longer, or that have ended. */
export async function takenMerges(
  db: Db,
  ids: readonly string[],
  gatewayId: string,
): Promise<readonly string[]> {
  if (ids.length === 0) return [];
  const rows = await db.selectFrom("merges").select("id").where("id", "in", ids)
    .where((e) =>
      e.or([e("status", "not in", UNFINISHED), e("gateway_id", "is", null), e("gateway_id", "!=", gatewayId)])
    ).execute();
  return rows.map(({ id }) => id);
}

/** Call it inside the transaction that ends the merge. */
export async function insertMergeSources(
  db: Db,
  rows: readonly Insertable<MergeSourcesTable>[],
): Promise<void> {
  await inBatches(rows, (batch) => db.insertInto("merge_sources").values(batch).execute());
}

/** Call it inside the transaction that ends the merge: half a provenance is none. */
export async function insertMergeTensors(
  db: Db,
  rows: readonly Insertable<MergeTensorsTable>[],
): Promise<void> {
  await inBatches(rows, (batch) => db.insertInto("merge_tensors").values(batch).execute());
}

export function findMerge(db: Db, id: string): Promise<MergeRow | undefined> {
  return db.selectFrom("merges").selectAll().where("id", "=", id).executeTakeFirst();
}

/** The newest successful merge whose result has this manifest hash. */
export function findMergeByResult(db: Db, artifactSha256: string): Promise<MergeRow | undefined> {
  return db.selectFrom("merges").selectAll()
    .where("artifact_sha256", "=", artifactSha256).where("status", "=", "SUCCEEDED")
    .orderBy("id", "desc").limit(1).executeTakeFirst();
}

/** Of these merges, each's in the order of its configuration. */
export async function mergeSources(db: Db, mergeIds: readonly string[]): Promise<readonly MergeSourceRow[]> {
  if (mergeIds.length === 0) return [];
  return await db.selectFrom("merge_sources as source").selectAll()
    .select((e) =>
      e.selectFrom("models").innerJoin("artifacts", "artifacts.id", "models.artifact_id")
        .whereRef("artifacts.manifest_sha256", "=", "source.artifact_sha256")
        .where("models.removed_at", "is", null).where("models.path", "!=", "")
        .select((m) => m.fn.min("models.id").as("id")).as("model_id")
    )
    .where("merge_id", "in", mergeIds).orderBy("merge_id").orderBy("ordinal").execute();
}

/** The models that serve the results of these merges; the first registered where several do. */
export async function modelIdsOfMerges(
  db: Db,
  mergeIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (mergeIds.length === 0) return new Map();
  const rows = await db.selectFrom("models").select("merge_id").select((e) => e.fn.min("id").as("id"))
    .where("merge_id", "in", mergeIds).where("removed_at", "is", null).groupBy("merge_id").execute();
  return new Map(rows.map(({ merge_id: mergeId, id }) => [mergeId!, id]));
}

export interface MergeRowFilter {
  readonly status?: string;
  readonly nameContains?: string;
}

/** Newest first. */
export async function listMerges(
  db: Db,
  where: MergeRowFilter,
  page: { readonly first: number; readonly afterId?: string },
): Promise<RowPage<MergeRow>> {
  const filtered = db.selectFrom("merges")
    .$if(where.status !== undefined, (q) => q.where("status", "=", where.status!))
    .$if(
      where.nameContains !== undefined,
      (q) => q.where((e) => contains(e.ref("target_name"), where.nameContains!)),
    );
  const rows = await filtered.selectAll()
    .$if(page.afterId !== undefined, (q) => q.where("id", "<", page.afterId!))
    .orderBy("id", "desc").limit(page.first + 1).execute();
  const total = await filtered.select((e) => e.fn.countAll().as("count")).executeTakeFirstOrThrow();
  return toRowPage(rows, page.first, total.count);
}

/** The merge that waits or runs to become the model of this name. */
export function unfinishedMergeInto(db: Db, targetName: string): Promise<MergeRow | undefined> {
  return db.selectFrom("merges").selectAll()
    .where("target_name", "=", targetName).where("status", "in", UNFINISHED).limit(1).executeTakeFirst();
}

/**
 * The oldest unfinished merge that nobody has, taken for who asks: of several gateways that look at once, each takes
 * another one. Undefined when there is none.
 */
export async function takeOrphanedMerge(trx: Db, taker: OrphanTaker): Promise<MergeRow | undefined> {
  const orphans = trx.selectFrom("merges").selectAll().where("status", "in", UNFINISHED)
    .where(isOrphan(taker)).orderBy("id").limit(1);
  const row = await lockingFree(trx, orphans).executeTakeFirst();
  if (row !== undefined) await updateMerge(trx, row.id, { gateway_id: taker.gatewayId });
  return row;
}

/** Lets go of what waits at this gateway, so that another one or its next start takes it up. */
export async function releaseQueuedMerges(db: Db, gatewayId: string): Promise<void> {
  await db.updateTable("merges").set({ gateway_id: null })
    .where("gateway_id", "=", gatewayId).where("status", "=", "QUEUED").execute();
}

/** Asks the gateway that has it to cancel it. */
export async function requestMergeCancel(db: Db, id: string, at: string): Promise<void> {
  await db.updateTable("merges").set({ cancel_requested_at: at }).where("id", "=", id)
    .where("cancel_requested_at", "is", null).where("status", "in", UNFINISHED).execute();
}

/** Those that this gateway has been asked to cancel. */
export async function mergeCancelRequested(db: Db, gatewayId: string): Promise<readonly string[]> {
  const rows = await db.selectFrom("merges").select("id").where("gateway_id", "=", gatewayId)
    .where("status", "in", UNFINISHED).where("cancel_requested_at", "is not", null).execute();
  return rows.map(({ id }) => id);
}

/** How far the logs of these have come. */
export async function mergeLogStates(
  db: Db,
  ids: readonly string[],
): Promise<readonly { readonly id: string; readonly lastSeq: number; readonly isOpen: boolean }[]> {
  const rows = await db.selectFrom("merges").select(["id", "status"])
    .select((e) =>
      e.selectFrom("merge_events").whereRef("merge_id", "=", "merges.id")
        .select((m) => m.fn.max("seq").as("seq")).as("seq")
    )
    .where("id", "in", ids).execute();
  return rows.map((row) => ({ id: row.id, lastSeq: Number(row.seq ?? 0), isOpen: isUnfinished(row) }));
}

export function isUnfinished({ status }: Pick<MergeRow, "status">): boolean {
  return UNFINISHED.some((one) => one === status);
}
