/**
 * Models that the catalogue knows before their weights are here, what an operator decides for each, and the jobs that
 * fetch and check weights, with the event log of every one. Frozen once landed: change tables in a new file.
 */
import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Adds catalogue data, removal and keep-alive of models, declared parents, and the tables of model jobs. */
export const catalogue: Migration = {
  // deno-lint-ignore no-explicit-any -- migrations outlive the Database type, so they may not depend on it
  async up(db: Kysely<any>): Promise<void> {
    for (const column of ["catalogue", "recipe", "origin", "removed_at"]) {
      await db.schema.alterTable("models").addColumn(column, "text").execute();
    }
    await db.schema.alterTable("models").addColumn("keep_alive_seconds", "integer").execute();
    await db.schema.alterTable("models")
      .addColumn("pinned", "integer", (c) => c.notNull().defaultTo(0)).execute();
    await db.schema.createTable("model_parents")
      .addColumn("model_id", "text", (c) => c.notNull().references("models.id").onDelete("cascade"))
      .addColumn("ordinal", "integer", (c) => c.notNull())
      .addColumn("name", "text", (c) => c.notNull())
      .addColumn("is_base", "integer", (c) => c.notNull())
      .addPrimaryKeyConstraint("model_parents_pk", ["model_id", "ordinal"])
      .execute();
    await db.schema.createIndex("model_parents_name").on("model_parents").column("name").execute();

    await db.schema.createTable("model_jobs")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("kind", "text", (c) => c.notNull())
      .addColumn("status", "text", (c) => c.notNull())
      .addColumn("model_name", "text", (c) => c.notNull())
      .addColumn("input", "text", (c) => c.notNull())
      .addColumn("result", "text")
      .addColumn("error", "text")
      .addColumn("principal_id", "text", (c) => c.notNull())
      .addColumn("created_at", "text", (c) => c.notNull())
      .addColumn("finished_at", "text")
      .execute();
    await db.schema.createIndex("model_jobs_status").on("model_jobs").column("status").execute();
    await db.schema.createTable("model_job_events")
      .addColumn("job_id", "text", (c) => c.notNull().references("model_jobs.id").onDelete("cascade"))
      .addColumn("seq", "integer", (c) => c.notNull())
      .addColumn("at", "text", (c) => c.notNull())
      .addColumn("kind", "text", (c) => c.notNull())
      .addColumn("payload", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("model_job_events_pk", ["job_id", "seq"])
      .execute();
  },
};
