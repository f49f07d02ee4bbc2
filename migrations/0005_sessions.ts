/**
 * Sessions become trees: a message names the one before it, and a session the leaf of its current branch. Generations
 * keep what it takes to run them again. Sessions of before are one branch, in the order of their messages. Frozen once
 * landed: change tables in a new file.
 */
import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** Adds branches, context policies, and the conditions of a generation. */
export const sessionTrees: Migration = {
  // deno-lint-ignore no-explicit-any -- migrations outlive the Database type, so they may not depend on it
  async up(db: Kysely<any>): Promise<void> {
    // No foreign keys within a tree: SQLite follows cascades a thousand levels deep, and conversations are longer.
    await db.schema.alterTable("messages").addColumn("parent_id", "text").execute();
    await db.schema.alterTable("messages").addColumn("is_answer", "integer", (c) => c.notNull().defaultTo(0))
      .execute();
    await db.schema.createIndex("messages_parent").on("messages").columns(["session_id", "parent_id"])
      .execute();
    await db.schema.createIndex("messages_generation").on("messages").column("generation_id").execute();
    await db.schema.alterTable("sessions").addColumn("active_message_id", "text").execute();
    await db.schema.alterTable("sessions")
      .addColumn("context_policy", "text", (c) => c.notNull().defaultTo("REFUSE")).execute();

    for (
      const column of [
        "prompt_token_ids",
        "sampling_origins",
        "parent_message_id",
        "trimmed",
        "conditions",
        "reproduction_of",
        "reproduction",
        "deleted_at",
      ]
    ) {
      await db.schema.alterTable("generations").addColumn(column, "text").execute();
    }
    await db.schema.alterTable("generations")
      .addColumn("context_policy", "text", (c) => c.notNull().defaultTo("REFUSE")).execute();
    await db.schema.alterTable("generations")
      .addColumn("priority", "integer", (c) => c.notNull().defaultTo(0)).execute();
    await db.schema.alterTable("generations").addColumn("deadline_ms", "integer").execute();
    await db.schema.createIndex("generations_reproduction").on("generations").column("reproduction_of")
      .execute();

    await sql`update messages set parent_id = (
      select m.id from messages as m
      where m.session_id = messages.session_id and m.ordinal = messages.ordinal - 1
    )`.execute(db);
    // A generation that said something wrote its answer behind its prompt.
    await sql`update messages set is_answer = 1
      where ordinal = (
        select max(m.ordinal) from messages as m where m.generation_id = messages.generation_id
      ) and generation_id in (
        select id from generations
        where status = 'SUCCEEDED' or (status = 'CANCELLED' and text <> '')
      )`.execute(db);
    await sql`update sessions set active_message_id = (
      select m.id from messages as m where m.session_id = sessions.id order by m.ordinal desc limit 1
    )`.execute(db);
  },
};
