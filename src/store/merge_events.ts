/** The append-only log of a merge; `(merge_id, seq)` is the primary key, and nothing here updates or deletes. */
import type { Insertable, Selectable } from "kysely";
import type { Db, MergeEventsTable } from "./database.ts";

export type MergeEventRow = Selectable<MergeEventsTable>;

export async function appendMergeEvents(
  db: Db,
  rows: readonly Insertable<MergeEventsTable>[],
): Promise<void> {
  if (rows.length > 0) await db.insertInto("merge_events").values(rows).execute();
}

/** Whether this very row is there. */
export async function isMergeEventWritten(db: Db, row: MergeEventRow): Promise<boolean> {
  const { merge_id, seq, at, kind, payload } = row;
  const found = await db.selectFrom("merge_events").select("seq")
    .where("merge_id", "=", merge_id).where("seq", "=", seq)
    .where("at", "=", at).where("kind", "=", kind).where("payload", "=", payload).executeTakeFirst();
  return found !== undefined;
}

/** At most `limit` events after `afterSeq`, in order. */
export async function readMergeEvents(
  db: Db,
  mergeId: string,
  { afterSeq, limit }: { readonly afterSeq: number; readonly limit: number },
): Promise<readonly MergeEventRow[]> {
  return await db.selectFrom("merge_events").selectAll()
    .where("merge_id", "=", mergeId).where("seq", ">", afterSeq)
    .orderBy("seq").limit(limit).execute();
}

/** 0 for an empty log. */
export async function lastMergeSeq(db: Db, mergeId: string): Promise<number> {
  const row = await db.selectFrom("merge_events").select((e) => e.fn.max("seq").as("seq"))
    .where("merge_id", "=", mergeId).executeTakeFirst();
  return Number(row?.seq ?? 0);
}
