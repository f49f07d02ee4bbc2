/**
 * Who watches, at one gateway, what another one runs: a generation with CANCEL goes on while its owner watches it
 * anywhere. Frozen once landed: change tables in a new file.
 */
import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Adds watchers, each a stream, which go with their gateway. */
export const watchers: Migration = {
  // deno-lint-ignore no-explicit-any -- migrations outlive the Database type, so they may not depend on it
  async up(db: Kysely<any>): Promise<void> {
    await db.schema.createTable("generation_watchers")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("generation_id", "text", (c) => c.notNull().references("generations.id").onDelete("cascade"))
      .addColumn("gateway_id", "text", (c) => c.notNull().references("gateways.id").onDelete("cascade"))
      .execute();
    for (const column of ["generation_id", "gateway_id"]) {
      await db.schema.createIndex(`generation_watchers_${column}`).on("generation_watchers").column(column)
        .execute();
    }
  },
};
