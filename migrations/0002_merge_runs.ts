/**
 * Merges that are started over the API: what their result is to be called and how it is to be held, so that a queue
 * survives a restart, and the event log of every run. Frozen once landed: change tables in a new file.
 */
import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Adds the target of a merge and the table of merge events. */
export const mergeRuns: Migration = {
  // deno-lint-ignore no-explicit-any -- migrations outlive the Database type, so they may not depend on it
  async up(db: Kysely<any>): Promise<void> {
    await db.schema.alterTable("merges").addColumn("target_name", "text").execute();
    await db.schema.alterTable("merges").addColumn("target_quantization", "text").execute();
    await db.schema.createIndex("merges_status").on("merges").column("status").execute();
    await db.schema.createTable("merge_events")
      .addColumn("merge_id", "text", (c) => c.notNull().references("merges.id").onDelete("cascade"))
      .addColumn("seq", "integer", (c) => c.notNull())
      .addColumn("at", "text", (c) => c.notNull())
      .addColumn("kind", "text", (c) => c.notNull())
      .addColumn("payload", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("merge_events_pk", ["merge_id", "seq"])
      .execute();
  },
};
