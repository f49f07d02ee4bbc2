/** Rows of generations: one per request, from the moment it was accepted to its end. */
import { type Insertable, type Selectable, sql, type Updateable } from "kysely";
import type { Db, GenerationsTable } from "./database.ts";
import { locking } from "./dialect.ts";

export type GenerationRow = Selectable<GenerationsTable>;

/** A generation in one of these has not ended. */
const OPEN_STATUSES = ["QUEUED", "LOADING", "PREFILL", "RUNNING"] as const;

export function isOpen({ status }: Pick<GenerationRow, "status">): boolean {
  return isOpenStatus(status);
}

function isOpenStatus(status: string): boolean {
  return OPEN_STATUSES.some((open) => open === status);
}

/** False when the principal has one with this idempotency key already, which another transaction may just have written. */
export async function insertGeneration(db: Db, row: Insertable<GenerationsTable>): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db.insertInto("generations").values(row)
    .onConflict((conflict) => conflict.columns(["principal_id", "idempotency_key"]).doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}

/**
 * Takes an open generation from the gateway that ran it, in a transaction that ends it: of several that try, one may.
 */
export async function takeOpenGeneration(
  trx: Db,
  id: string,
  { from, to }: { readonly from: string | null; readonly to: string },
): Promise<boolean> {
  const { numUpdatedRows } = await trx.updateTable("generations").set({ gateway_id: to })
    .where("id", "=", id).where("status", "in", OPEN_STATUSES)
    .where("gateway_id", from === null ? "is" : "=", from).executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Asks the gateway that runs it to cancel it. */
export async function requestCancel(db: Db, id: string, at: string): Promise<void> {
  await db.updateTable("generations").set({ cancel_requested_at: at }).where("id", "=", id)
    .where("cancel_requested_at", "is", null).where("status", "in", OPEN_STATUSES).execute();
}

/** Those that this gateway has been asked to cancel. */
export async function cancelRequested(db: Db, gatewayId: string): Promise<readonly string[]> {
  const rows = await db.selectFrom("generations").select("id").where("gateway_id", "=", gatewayId)
    .where("status", "in", OPEN_STATUSES).where("cancel_requested_at", "is not", null).execute();
  return rows.map(({ id }) => id);
}

/** How far the logs of these have come. */
export async function generationLogStates(
  db: Db,
  ids: readonly string[],
): Promise<readonly { readonly id: string; readonly lastSeq: number; readonly isOpen: boolean }[]> {
  const rows = await db.selectFrom("generations").select(["id", "status"])
    .select((e) =>
      e.selectFrom("generation_events").whereRef("generation_id", "=", "generations.id")
        .select((m) => m.fn.max("seq").as("seq")).as("seq")
    )
    .where("id", "in", ids).execute();
  return rows.map(({ id, status, seq }) => ({ id, lastSeq: Number(seq ?? 0), isOpen: isOpenStatus(status) }));
}

export async function updateGeneration(
  db: Db,
  id: string,
  patch: Updateable<GenerationsTable>,
): Promise<void> {
  await db.updateTable("generations").set(patch).where("id", "=", id).execute();
}

/** False for one that has ended, which stays as it is: a gateway that was taken for dead may still believe it runs it. */
export async function updateOpenGeneration(
  db: Db,
  id: string,
  patch: Updateable<GenerationsTable>,
): Promise<boolean> {
  const { numUpdatedRows } = await db.updateTable("generations").set(patch)
    .where("id", "=", id).where("status", "in", OPEN_STATUSES).executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** None that was deleted. */
export function findGeneration(db: Db, id: string): Promise<GenerationRow | undefined> {
  return db.selectFrom("generations").selectAll().where("id", "=", id).where("deleted_at", "is", null)
    .executeTakeFirst();
}

/** Those of {@link findGeneration}, in no order. */
export async function findGenerations(db: Db, ids: readonly string[]): Promise<readonly GenerationRow[]> {
  return ids.length === 0 ? [] : await db.selectFrom("generations").selectAll()
    .where("id", "in", ids).where("deleted_at", "is", null).execute();
}

/** {@link findGeneration}, which stays as it is until the transaction ends. */
export function lockGeneration(trx: Db, id: string): Promise<GenerationRow | undefined> {
  const query = trx.selectFrom("generations").selectAll().where("id", "=", id).where(
    "deleted_at",
    "is",
    null,
  );
  return locking(trx, query).executeTakeFirst();
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

/** The same of several sessions. */
export async function openGenerationsOfSessions(
  db: Db,
  sessionIds: readonly string[],
): Promise<readonly GenerationRow[]> {
  return sessionIds.length === 0 ? [] : await db.selectFrom("generations").selectAll()
    .where("session_id", "in", sessionIds).where("status", "in", OPEN_STATUSES).execute();
}

/** Whose a generation is, and who runs it. */
export type OpenGeneration = Pick<GenerationRow, "id" | "principal_id" | "model_id" | "gateway_id">;

/** Every generation that has not ended, at all gateways; without the texts, for this is asked all the time. */
export async function openGenerations(db: Db): Promise<readonly OpenGeneration[]> {
  return await db.selectFrom("generations").select(["id", "principal_id", "model_id", "gateway_id"])
    .where("status", "in", OPEN_STATUSES).orderBy("id").execute();
}

/** Of these, those that another gateway has taken from this one, or that have ended; unknown ones are left out. */
export async function takenGenerations(
  db: Db,
  ids: readonly string[],
  gatewayId: string,
): Promise<readonly string[]> {
  if (ids.length === 0) return [];
  const rows = await db.selectFrom("generations").select("id").where("id", "in", ids)
    .where((e) =>
      e.or([
        e("status", "not in", OPEN_STATUSES),
        e("gateway_id", "is", null),
        e("gateway_id", "!=", gatewayId),
      ])
    ).execute();
  return rows.map(({ id }) => id);
}

/** What a deletion has to know. */
export type GenerationState = Pick<GenerationRow, "id" | "status">;

/** In the order in which they were started. */
export async function generationsOfSession(db: Db, sessionId: string): Promise<readonly GenerationRow[]> {
  return await db.selectFrom("generations").selectAll().where("session_id", "=", sessionId)
    .orderBy("id").execute();
}

/** In the order in which they were started. */
export async function statesOfSession(db: Db, sessionId: string): Promise<readonly GenerationState[]> {
  return await db.selectFrom("generations").select(["id", "status"]).where("session_id", "=", sessionId)
    .orderBy("id").execute();
}

/** The weights behind a session's answers, each once. */
export async function artifactsOfSession(db: Db, sessionId: string): Promise<readonly string[]> {
  const rows = await db.selectFrom("generations").select("artifact_sha256").distinct()
    .where("session_id", "=", sessionId).where("artifact_sha256", "is not", null)
    .orderBy("artifact_sha256").execute();
  return rows.flatMap(({ artifact_sha256: hash }) => hash === null ? [] : [hash]);
}

/** Bytes of what a session's generations were asked and said, by kind. */
export async function generationBytes(
  db: Db,
  sessionId: string,
): Promise<{ readonly texts: number; readonly packedIds: number }> {
  const sums = await db.selectFrom("generations").where("session_id", "=", sessionId)
    .select([
      sql<number | string | null>`sum(octet_length(prompt) + octet_length(text)
        + octet_length(requested_sampling) + octet_length(effective_sampling))`.as("texts"),
      sql<number | string | null>`sum(octet_length(prompt_token_ids))`.as("ids"),
    ]).executeTakeFirstOrThrow();
  return { texts: Number(sums.texts ?? 0), packedIds: Number(sums.ids ?? 0) };
}

/** Those that run one of these again. */
export async function reproductionsOf(db: Db, ids: readonly string[]): Promise<readonly GenerationState[]> {
  return ids.length === 0 ? [] : await db.selectFrom("generations").select(["id", "status"])
    .where("reproduction_of", "in", ids).where("deleted_at", "is", null).orderBy("id").execute();
}

/** Keeps others from running these again until the transaction ends. */
export async function lockGenerations(trx: Db, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await locking(trx, trx.selectFrom("generations").select("id").where("id", "in", ids).orderBy("id"))
    .execute();
}

/**
 * Takes from a generation that has ended every text that came from outside or from the model, and its log. What is left
 * are counts, hashes and times, which nobody finds by its id any more.
 */
export async function eraseGeneration(db: Db, id: string, at: string): Promise<void> {
  await db.deleteFrom("generation_events").where("generation_id", "=", id).execute();
  await updateGeneration(db, id, {
    session_id: null,
    parent_message_id: null,
    prompt: "{}",
    prompt_token_ids: null,
    text: "",
    // Stop strings, schemas and choices are texts as well.
    requested_sampling: "{}",
    effective_sampling: "{}",
    error: null,
    idempotency_key: null,
    reproduction: null,
    deleted_at: at,
  });
}
