/**
 * Branches of a session: the path from a message up to its root. Long ones are never read whole: pages for those who look,
 * and the newest part, with an outline of what is before it, for those who ask.
 */
import { sql } from "kysely";
import type { Db } from "./database.ts";
import { type RowPage, toRowPage } from "./page.ts";
import type { MessageRow } from "./sessions.ts";

/** A branch from its root to `leafId`. */
export async function listPath(
  db: Db,
  leafId: string,
  page: { readonly first: number; readonly afterOrdinal?: number },
): Promise<RowPage<MessageRow>> {
  const path = pathTo(db, leafId).selectFrom("messages")
    .where((e) => e("id", "in", e.selectFrom("path").select("path.id")));
  const rows = await path.selectAll()
    .$if(page.afterOrdinal !== undefined, (q) => q.where("ordinal", ">", page.afterOrdinal!))
    .orderBy("ordinal").limit(page.first + 1).execute();
  const total = await path.select((e) => e.fn.countAll().as("count")).executeTakeFirstOrThrow();
  return toRowPage(rows, page.first, total.count);
}

/** What a message counts besides its text, so that a number of bytes bounds the number of messages, too. */
const BYTES_PER_MESSAGE = 8;

/**
 * The newest messages of a branch, oldest first: as many as it takes to reach so many bytes of text, or all. At least
 * the leaf; it was all where the first has no `parent_id`.
 */
export async function readTail(db: Db, leafId: string, bytes: number): Promise<readonly MessageRow[]> {
  const size = sql<number>`octet_length(messages.content) + ${sql.lit(BYTES_PER_MESSAGE)}`;
  return await db.withRecursive(
    "tail(id, parent_id, bytes)",
    (q) =>
      q.selectFrom("messages").select(["messages.id", "messages.parent_id", size.as("bytes")])
        .where("messages.id", "=", leafId)
        .unionAll(
          q.selectFrom("messages").innerJoin("tail", "tail.parent_id", "messages.id")
            .select(["messages.id", "messages.parent_id", sql<number>`tail.bytes + ${size}`.as("bytes")])
            .where("tail.bytes", "<", bytes),
        ),
  ).selectFrom("messages").selectAll()
    .where((e) => e("id", "in", e.selectFrom("tail").select("tail.id")))
    .orderBy("ordinal").execute();
}

export interface PathOutline {
  /** The system prompt: what of the conversation comes before anything that is none. */
  readonly head: readonly MessageRow[];
  /** Messages of the conversation, these included. */
  readonly shown: number;
}

/**
 * What a branch is without its texts. A message belongs to the conversation if it is an answer, was written without a
 * generation, or is part of a question that got its answer next; the last one also without (`asksAgain`), as in
 * src/app/generate/context.ts.
 */
export async function readOutline(
  db: Db,
  leafId: string,
  { asksAgain }: { readonly asksAgain: boolean },
): Promise<PathOutline> {
  const { rows } = await sql<MessageRow & { readonly shown_count: number | string }>`
    with recursive path(id, parent_id, role, is_answer, generation_id, depth, shown) as (
      select id, parent_id, role, is_answer, generation_id, 0,
        case when is_answer = 1 or generation_id is null then 1 else ${sql.lit(asksAgain ? 1 : 0)} end
      from messages where id = ${leafId}
      union all
      select m.id, m.parent_id, m.role, m.is_answer, m.generation_id, path.depth + 1,
        case
          when m.is_answer = 1 or m.generation_id is null or path.is_answer = 1 then 1
          when m.generation_id = path.generation_id then path.shown
          else 0
        end
      from messages as m inner join path on path.parent_id = m.id
    ),
    conversation as (select id, role, depth from path where shown = 1)
    select messages.*, counted.shown_count
    from (select count(*) as shown_count from conversation) as counted
    left join messages on messages.id in (
      select id from conversation where role = 'SYSTEM'
        and depth > coalesce((select max(depth) from conversation where role <> 'SYSTEM'), -1)
    )
    order by messages.ordinal`.execute(db);
  return {
    head: rows.filter(({ id }) => id !== null).map(({ shown_count: _, ...row }) => row),
    shown: Number(rows[0]?.shown_count ?? 0),
  };
}

/** The leaf that was written last among those below a message, which may be itself. */
export async function newestLeaf(
  db: Db,
  { id, session_id: sessionId }: Pick<MessageRow, "id" | "session_id">,
): Promise<string> {
  const below = await db.withRecursive(
    "below(id, ordinal)",
    (q) =>
      q.selectFrom("messages").select(["messages.id", "messages.ordinal"]).where("messages.id", "=", id)
        .unionAll(
          q.selectFrom("messages").innerJoin("below", "below.id", "messages.parent_id")
            .select(["messages.id", "messages.ordinal"])
            // The index on parents begins with the session: every step would read the whole table without.
            .where("messages.session_id", "=", sessionId),
        ),
  ).selectFrom("below").select("below.id").orderBy("below.ordinal", "desc").limit(1).executeTakeFirst();
  return below?.id ?? id;
}

function pathTo(db: Db, leafId: string) {
  return db.withRecursive(
    "path(id, parent_id)",
    (q) =>
      q.selectFrom("messages").select(["messages.id", "messages.parent_id"]).where("messages.id", "=", leafId)
        .unionAll(
          q.selectFrom("messages").innerJoin("path", "path.parent_id", "messages.id")
            .select(["messages.id", "messages.parent_id"]),
        ),
  );
}
