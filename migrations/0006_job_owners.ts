/**
 * Which gateway runs a model job, so that several on one database run it once and any of them can cancel it. Frozen once
 * landed: change tables in a new file.
 */
import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Adds the owner of a model job, and the request to cancel it. */
export const jobOwners: Migration = {
  // deno-lint-ignore no-explicit-any -- migrations outlive the Database type, so they may not depend on it
  async up(db: Kysely<any>): Promise<void> {
    await db.schema.alterTable("model_jobs").addColumn("gateway_id", "text").execute();
    await db.schema.alterTable("model_jobs").addColumn("cancel_requested_at", "text").execute();
  },
};
