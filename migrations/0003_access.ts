/**
 * What lets several gateways share a database, and what tells who did what: expiring keys, the audit log's chain,
 * gateways with their leases, concurrency units and their queue as rows, usage by day. Frozen once landed: change
 * tables in a new file.
 */
import { type Kysely, sql, type SqlBool } from "kysely";
import type { Migration } from "kysely/migration";

/** What the first entry of the audit log names as its predecessor. */
const GENESIS = "0".repeat(64);

/** Adds expiry and use of keys, the audit log, gateways, claims, and usage. */
export const access: Migration = {
  // deno-lint-ignore no-explicit-any -- migrations outlive the Database type, so they may not depend on it
  async up(db: Kysely<any>): Promise<void> {
    await db.schema.alterTable("api_keys").addColumn("expires_at", "text").execute();
    await db.schema.alterTable("api_keys").addColumn("last_used_at", "text").execute();

    await db.schema.createTable("audit_entries")
      .addColumn("seq", "integer", (c) => c.primaryKey())
      .addColumn("at", "text", (c) => c.notNull())
      .addColumn("actor_id", "text", (c) => c.notNull())
      .addColumn("actor_label", "text")
      .addColumn("action", "text", (c) => c.notNull())
      .addColumn("target", "text")
      .addColumn("details", "text", (c) => c.notNull())
      .addColumn("previous_hash", "text", (c) => c.notNull().unique())
      .addColumn("hash", "text", (c) => c.notNull().unique())
      .execute();
    // One row: whoever appends to the chain holds its lock, and a chain that was cut short does not end here.
    await db.schema.createTable("audit_head")
      .addColumn("id", "integer", (c) => c.primaryKey())
      .addColumn("seq", "integer", (c) => c.notNull())
      .addColumn("hash", "text", (c) => c.notNull())
      .execute();
    await db.insertInto("audit_head").values({ id: 1, seq: 0, hash: GENESIS }).execute();

    await db.schema.createTable("gateways")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("started_at", "text", (c) => c.notNull())
      .addColumn("lease_until", "text", (c) => c.notNull())
      .execute();
    for (const table of ["generations", "merges"]) {
      await db.schema.alterTable(table).addColumn("gateway_id", "text").execute();
      await db.schema.alterTable(table).addColumn("cancel_requested_at", "text").execute();
    }
    await db.schema.createIndex("merges_target").unique().on("merges").column("target_name")
      .where(sql<SqlBool>`status in ('QUEUED', 'RUNNING')`).execute();

    await db.schema.createTable("unit_claims")
      .addColumn(
        "generation_id",
        "text",
        (c) => c.primaryKey().references("generations.id").onDelete("cascade"),
      )
      .addColumn("principal_id", "text", (c) => c.notNull())
      .addColumn("gateway_id", "text", (c) => c.notNull())
      .addColumn("units", "integer", (c) => c.notNull())
      .addColumn("priority", "integer", (c) => c.notNull())
      // 0 while it waits, 1 once it holds its units.
      .addColumn("is_held", "integer", (c) => c.notNull())
      .execute();
    await db.schema.createIndex("unit_claims_gateway").on("unit_claims").column("gateway_id").execute();
    await db.schema.createTable("unit_turns")
      .addColumn("principal_id", "text", (c) => c.primaryKey())
      .addColumn("turn", "bigint", (c) => c.notNull())
      .execute();
    // One row: whoever gives units away holds its lock, and takes the next turn.
    await db.schema.createTable("unit_turn")
      .addColumn("id", "integer", (c) => c.primaryKey())
      .addColumn("turn", "bigint", (c) => c.notNull())
      .execute();
    await db.insertInto("unit_turn").values({ id: 1, turn: 0 }).execute();

    await db.schema.createTable("usage_days")
      .addColumn("day", "text", (c) => c.notNull())
      .addColumn("principal_id", "text", (c) => c.notNull())
      .addColumn("model_id", "text", (c) => c.notNull())
      .addColumn("generation_count", "bigint", (c) => c.notNull())
      .addColumn("prompt_tokens", "bigint", (c) => c.notNull())
      .addColumn("cached_tokens", "bigint", (c) => c.notNull())
      .addColumn("completion_tokens", "bigint", (c) => c.notNull())
      .addColumn("engine_ms", "bigint", (c) => c.notNull())
      .addPrimaryKeyConstraint("usage_days_pk", ["day", "principal_id", "model_id"])
      .execute();
  },
};
