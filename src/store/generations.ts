/** Rows of generations: one per request, from the moment it was accepted to its end. */
import type { Insertable, Selectable, Updateable } from "kysely";
import type { Db, GenerationsTable } from "./database.ts";

export type GenerationRow = Selectable<GenerationsTable>;

/** A generation in one of these has not ended. */
const OPEN_STATUSES = ["QUEUED", "LOADING", "PREFILL", "RUNNING"] as const;

export function isOpen({ status }: GenerationRow): boolean {
  return OPEN_STATUSES.some((open) => open === status);
}

export async function insertGeneration(db: Db, row: Insertable<GenerationsTable>): Promise<void> {
  await db.insertInto("generations").values(row).execute();
}

export async function updateGeneration(
  db: Db,
  id: string,
  patch: Updateable<GenerationsTable>,
): Promise<void> {
  await db.updateTable("generations").set(patch).where("id", "=", id).execute();
}

export function findGeneration(db: Db, id: string): Promise<GenerationRow | undefined> {
  return db.selectFrom("generations").selectAll().where("id", "=", id).executeTakeFirst();
}

export function findGenerationByKey(
  db: Db,
  principalId: string,
  idempotencyKey: string,
): Promise<GenerationRow | undefined> {
  return db.selectFrom("generations").selectAll()
    .where("principal_id", "=", principalId).where("idempotency_key", "=", idempotencyKey)
    .executeTakeFirst();
}

/** The generation that a session is waiting for; undefined when it is free. */
export function openGenerationOfSession(db: Db, sessionId: string): Promise<GenerationRow | undefined> {
  return db.selectFrom("generations").selectAll()
    .where("session_id", "=", sessionId).where("status", "in", OPEN_STATUSES)
    .limit(1).executeTakeFirst();
}

/** Every generation that has not ended: after a start, those that a dead process left behind. */
export async function openGenerations(db: Db): Promise<readonly GenerationRow[]> {
  return await db.selectFrom("generations").selectAll().where("status", "in", OPEN_STATUSES)
    .orderBy("id").execute();
}
