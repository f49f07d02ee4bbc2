/**
 * The append-only log of a generation. `(generation_id, seq)` is the primary key, so two writers can never both
 * believe they wrote the same number; nothing here updates or deletes.
 */
import type { Insertable, Selectable } from "kysely";
import type { Db, GenerationEventsTable } from "./database.ts";

export type GenerationEventRow = Selectable<GenerationEventsTable>;

export async function appendEvents(
  db: Db,
  rows: readonly Insertable<GenerationEventsTable>[],
): Promise<void> {
  if (rows.length > 0) await db.insertInto("generation_events").values(rows).execute();
}

/** At most `limit` events after `afterSeq`, in order. */
export async function readEvents(
  db: Db,
  generationId: string,
  afterSeq: number,
  limit: number,
): Promise<readonly GenerationEventRow[]> {
  return await db.selectFrom("generation_events").selectAll()
    .where("generation_id", "=", generationId).where("seq", ">", afterSeq)
    .orderBy("seq").limit(limit).execute();
}

/** 0 for an empty log. */
export async function lastSeq(db: Db, generationId: string): Promise<number> {
  const row = await db.selectFrom("generation_events").select((e) => e.fn.max("seq").as("seq"))
    .where("generation_id", "=", generationId).executeTakeFirst();
  return Number(row?.seq ?? 0);
}
