/**
 * Rows of sessions and their messages. A session's messages are a tree: each names the one before it, and the path from
 * a root to a leaf is a branch. They are numbered from 1 without gaps in the order in which they were written, so a
 * message's number is above its parent's.
 */
import { type Insertable, type Selectable, sql, type Updateable } from "kysely";
import type { Db, MessagesTable, SessionsTable } from "./database.ts";
import { locking } from "./dialect.ts";
import { contains, type RowPage, toRowPage } from "./page.ts";

export type SessionRow = Selectable<SessionsTable>;
export type MessageRow = Selectable<MessagesTable>;
/** What only the store gives a message: its place. */
export type NewMessage = Omit<Insertable<MessagesTable>, "session_id" | "ordinal" | "parent_id">;

export async function insertSession(db: Db, row: Insertable<SessionsTable>): Promise<void> {
  await db.insertInto("sessions").values(row).execute();
}

export async function updateSession(db: Db, id: string, patch: Updateable<SessionsTable>): Promise<void> {
  await db.updateTable("sessions").set(patch).where("id", "=", id).execute();
}

export function findSession(db: Db, id: string): Promise<SessionRow | undefined> {
  return db.selectFrom("sessions").selectAll().where("id", "=", id).executeTakeFirst();
}

export async function findSessions(db: Db, ids: readonly string[]): Promise<readonly SessionRow[]> {
  return ids.length === 0 ? [] : await db.selectFrom("sessions").selectAll().where("id", "in", ids).execute();
}

export interface SessionFilter {
  /** Null means everybody's. */
  readonly principalId: string | null;
  readonly titleContains?: string;
}

/** Newest first: ids sort by the time they were made. */
export async function listSessions(
  db: Db,
  { principalId, titleContains }: SessionFilter,
  page: { readonly first: number; readonly afterId?: string },
): Promise<RowPage<SessionRow>> {
  const filtered = db.selectFrom("sessions")
    .$if(principalId !== null, (q) => q.where("principal_id", "=", principalId!))
    .$if(
      titleContains !== undefined,
      (q) => q.where((e) => contains(e.ref("title"), titleContains!, "titleContains")),
    );
  const rows = await filtered.selectAll()
    .$if(page.afterId !== undefined, (q) => q.where("id", "<", page.afterId!))
    .orderBy("id", "desc").limit(page.first + 1).execute();
  const total = await filtered.select((e) => e.fn.countAll().as("count")).executeTakeFirstOrThrow();
  return toRowPage(rows, page.first, total.count);
}

/** Keeps others from writing to it until the transaction ends; whether it is there. */
export async function lockSession(trx: Db, id: string): Promise<boolean> {
  const query = trx.selectFrom("sessions").select("id").where("id", "=", id);
  return await locking(trx, query).executeTakeFirst() !== undefined;
}

/** The row alone: see src/app/deletion.ts for what goes before it. */
export async function deleteSession(db: Db, id: string): Promise<void> {
  await db.deleteFrom("messages").where("session_id", "=", id).execute();
  await db.deleteFrom("sessions").where("id", "=", id).execute();
}

/**
 * Appends each after the one before it, the first after `parentId`, and moves the session's time; call it inside a
 * transaction. The last message, or `parentId` without any.
 */
export async function appendMessages(
  db: Db,
  sessionId: string,
  parentId: string | null,
  rows: readonly NewMessage[],
): Promise<string | null> {
  const last = rows.at(-1);
  if (last === undefined) return parentId;
  const start = await lastOrdinal(db, sessionId) + 1;
  const placed = rows.map((row, index) => ({
    ...row,
    session_id: sessionId,
    ordinal: start + index,
    parent_id: rows[index - 1]?.id ?? parentId,
  }));
  await db.insertInto("messages").values(placed).execute();
  await updateSession(db, sessionId, { updated_at: last.created_at });
  return last.id;
}

/** Of the newest message; 0 without any. */
export async function lastOrdinal(db: Db, sessionId: string): Promise<number> {
  const top = await db.selectFrom("messages").select((e) => e.fn.max("ordinal").as("ordinal"))
    .where("session_id", "=", sessionId).executeTakeFirst();
  return Number(top?.ordinal ?? 0);
}

export function findMessage(db: Db, id: string): Promise<MessageRow | undefined> {
  return db.selectFrom("messages").selectAll().where("id", "=", id).executeTakeFirst();
}

export async function findMessages(db: Db, ids: readonly string[]): Promise<readonly MessageRow[]> {
  return ids.length === 0 ? [] : await db.selectFrom("messages").selectAll().where("id", "in", ids).execute();
}

/** Bytes of the texts of all branches. */
export async function messageBytes(db: Db, sessionId: string): Promise<number> {
  const { bytes } = await db.selectFrom("messages").where("session_id", "=", sessionId)
    .select(sql<number | string | null>`sum(octet_length(content))`.as("bytes")).executeTakeFirstOrThrow();
  return Number(bytes ?? 0);
}

/** Every branch, in the order in which the messages were written. */
export async function allMessages(db: Db, sessionId: string): Promise<readonly MessageRow[]> {
  return await db.selectFrom("messages").selectAll().where("session_id", "=", sessionId)
    .orderBy("ordinal").execute();
}

/** Where branches begin: behind a message, or (null) at the beginning of a session. */
export interface Junction {
  readonly sessionId: string;
  readonly messageId: string | null;
}

/** Tells junctions apart. */
export function junctionKey({ sessionId, messageId }: Junction): string {
  return messageId ?? `/${sessionId}`;
}

/** What follows in one branch or another, by {@link junctionKey}, each list oldest first. */
export async function messagesAfter(
  db: Db,
  junctions: readonly Junction[],
): Promise<ReadonlyMap<string, readonly MessageRow[]>> {
  if (junctions.length === 0) return new Map();
  return byJunction(await after(db, junctions).selectAll().execute());
}

/** The ids alone of {@link messagesAfter}. */
export async function idsAfter(
  db: Db,
  junctions: readonly Junction[],
): Promise<ReadonlyMap<string, readonly { readonly id: string }[]>> {
  if (junctions.length === 0) return new Map();
  return byJunction(await after(db, junctions).select(["id", "session_id", "parent_id"]).execute());
}

function after(db: Db, junctions: readonly Junction[]) {
  const parents = [...new Set(junctions.flatMap(({ messageId: id }) => id === null ? [] : [id]))];
  const begun = [...new Set(junctions.flatMap((j) => j.messageId === null ? [j.sessionId] : []))];
  // The index on parents begins with the session.
  return db.selectFrom("messages")
    .where("session_id", "in", [...new Set(junctions.map(({ sessionId }) => sessionId))])
    .where((e) =>
      e.or([
        ...parents.length === 0 ? [] : [e("parent_id", "in", parents)],
        ...begun.length === 0 ? [] : [e.and([e("parent_id", "is", null), e("session_id", "in", begun)])],
      ])
    )
    .orderBy("ordinal");
}

function byJunction<R extends Pick<MessageRow, "session_id" | "parent_id">>(
  rows: readonly R[],
): ReadonlyMap<string, readonly R[]> {
  return Map.groupBy(
    rows,
    ({ session_id: sessionId, parent_id: messageId }) => junctionKey({ sessionId, messageId }),
  );
}

/** The last message of what a generation was asked. */
export function lastOfPrompt(db: Db, generationId: string): Promise<MessageRow | undefined> {
  return db.selectFrom("messages").selectAll().where("generation_id", "=", generationId)
    .where("is_answer", "=", 0).orderBy("ordinal", "desc").limit(1).executeTakeFirst();
}

/** The first thing that a user said; undefined before anything was. */
export function firstUserMessage(db: Db, sessionId: string): Promise<MessageRow | undefined> {
  return db.selectFrom("messages").selectAll().where("session_id", "=", sessionId)
    .where("role", "=", "USER").orderBy("ordinal").limit(1).executeTakeFirst();
}
