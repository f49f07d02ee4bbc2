/**
 * Rows of sessions and their messages. A session's messages are numbered from 1 without gaps; a prompt and its
 * answer point to the generation between them, which decides whether they belong to the conversation.
 */
import type { Insertable, Selectable } from "kysely";
import type { Db, MessagesTable, SessionsTable } from "./database.ts";
import { type RowPage, toRowPage } from "./page.ts";

export type SessionRow = Selectable<SessionsTable>;
export type MessageRow = Selectable<MessagesTable>;

export async function insertSession(db: Db, row: Insertable<SessionsTable>): Promise<void> {
  await db.insertInto("sessions").values(row).execute();
}

export function findSession(db: Db, id: string): Promise<SessionRow | undefined> {
  return db.selectFrom("sessions").selectAll().where("id", "=", id).executeTakeFirst();
}

/** Newest first: ids sort by the time they were made. `principalId` null means everybody's. */
export async function listSessions(
  db: Db,
  principalId: string | null,
  page: { readonly first: number; readonly afterId?: string },
): Promise<RowPage<SessionRow>> {
  const mine = db.selectFrom("sessions")
    .$if(principalId !== null, (q) => q.where("principal_id", "=", principalId!));
  const rows = await mine.selectAll()
    .$if(page.afterId !== undefined, (q) => q.where("id", "<", page.afterId!))
    .orderBy("id", "desc").limit(page.first + 1).execute();
  const total = await mine.select((e) => e.fn.countAll().as("count")).executeTakeFirstOrThrow();
  return toRowPage(rows, page.first, total.count);
}

/** Its messages go with it; its generations stay, without a session. */
export async function deleteSession(db: Db, id: string): Promise<void> {
  await db.deleteFrom("sessions").where("id", "=", id).execute();
}

/** Appends after the last message and moves the session's time; call it inside a transaction. */
export async function appendMessages(
  db: Db,
  sessionId: string,
  rows: readonly Omit<Insertable<MessagesTable>, "session_id" | "ordinal">[],
): Promise<void> {
  const last = rows.at(-1);
  if (last === undefined) return;
  const start = await lastOrdinal(db, sessionId) + 1;
  await db.insertInto("messages")
    .values(rows.map((row, index) => ({ ...row, session_id: sessionId, ordinal: start + index }))).execute();
  await db.updateTable("sessions").set({ updated_at: last.created_at }).where("id", "=", sessionId).execute();
}

/** Of the newest message; 0 without any. */
export async function lastOrdinal(db: Db, sessionId: string): Promise<number> {
  const top = await db.selectFrom("messages").select((e) => e.fn.max("ordinal").as("ordinal"))
    .where("session_id", "=", sessionId).executeTakeFirst();
  return Number(top?.ordinal ?? 0);
}

/** Oldest first. */
export async function listMessages(
  db: Db,
  sessionId: string,
  page: { readonly first: number; readonly afterOrdinal?: number },
): Promise<RowPage<MessageRow>> {
  const all = db.selectFrom("messages").where("session_id", "=", sessionId);
  const rows = await all.selectAll()
    .$if(page.afterOrdinal !== undefined, (q) => q.where("ordinal", ">", page.afterOrdinal!))
    .orderBy("ordinal").limit(page.first + 1).execute();
  const total = await all.select((e) => e.fn.countAll().as("count")).executeTakeFirstOrThrow();
  return toRowPage(rows, page.first, total.count);
}

/**
 * What the model is shown, oldest first: messages of the session itself and of generations that gave an answer, which
 * are the finished ones and the cancelled ones that had said something. A prompt that got no answer stays listed but is
 * not part of the conversation, so that turns keep alternating.
 */
export async function conversation(db: Db, sessionId: string): Promise<readonly MessageRow[]> {
  return await db.selectFrom("messages")
    .leftJoin("generations", "generations.id", "messages.generation_id")
    .selectAll("messages")
    .where("messages.session_id", "=", sessionId)
    .where((e) =>
      e.or([
        e("messages.generation_id", "is", null),
        e("generations.status", "=", "SUCCEEDED"),
        e.and([e("generations.status", "=", "CANCELLED"), e("generations.text", "!=", "")]),
      ])
    )
    .orderBy("messages.ordinal").execute();
}
