/**
 * The append-only log of a generation. `(generation_id, seq)` is the primary key, so two writers can never both
 * believe they wrote the same number; nothing here updates or deletes.
 */
import type { CompiledQuery, Selectable } from "kysely";
import type { Db, GenerationEventsTable } from "./database.ts";

export type GenerationEventRow = Selectable<GenerationEventsTable>;

/** Beyond it a statement is compiled each time. */
const MAX_KNOWN_ROWS = 64;

/** Statements by number of rows, of each database: this is written for every step of every engine. */
const inserts = new WeakMap<object, Map<number, CompiledQuery>>();

export async function appendEvents(db: Db, rows: readonly GenerationEventRow[]): Promise<void> {
  if (rows.length === 0) return;
  const { adapter } = db.getExecutor();
  const known = inserts.get(adapter) ?? new Map<number, CompiledQuery>();
  inserts.set(adapter, known);
  const parameters = rows.flatMap((
    { generation_id, seq, at, kind, payload },
  ) => [generation_id, seq, at, kind, payload]);
  let insert = known.get(rows.length);
  if (insert === undefined) {
    const ordered = rows.map(({ generation_id, seq, at, kind, payload }) => ({
      generation_id,
      seq,
      at,
      kind,
      payload,
    }));
    insert = db.insertInto("generation_events").values(ordered).compile();
    if (rows.length <= MAX_KNOWN_ROWS) known.set(rows.length, insert);
  }
  await db.executeQuery({ ...insert, parameters });
}

/** Whether this very row is there. */
export async function isEventWritten(db: Db, row: GenerationEventRow): Promise<boolean> {
  const { generation_id, seq, at, kind, payload } = row;
  const found = await db.selectFrom("generation_events").select("seq")
    .where("generation_id", "=", generation_id).where("seq", "=", seq)
    .where("at", "=", at).where("kind", "=", kind).where("payload", "=", payload).executeTakeFirst();
  return found !== undefined;
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
