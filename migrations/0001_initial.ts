/**
 * The first tables: models and their artifacts, merges with every tensor, sessions, generations with their event
 * log, revisions of the sampling defaults, API keys. Plain SQL types that SQLite and PostgreSQL both know: ids and
 * ISO-8601 timestamps as text, JSON as text, booleans as 0 and 1. Frozen once landed: change tables in a new file.
 */
import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Creates every table of the first release. */
export const initial: Migration = {
  // Migrations outlive the Database type, so they may not depend on it.
  // deno-lint-ignore no-explicit-any
  async up(db: Kysely<any>): Promise<void> {
    await db.schema.createTable("artifacts")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("manifest_sha256", "text", (c) => c.notNull().unique())
      .addColumn("size_bytes", "bigint", (c) => c.notNull())
      .addColumn("created_at", "text", (c) => c.notNull())
      .execute();
    await db.schema.createTable("artifact_files")
      .addColumn("artifact_id", "text", (c) => c.notNull().references("artifacts.id").onDelete("cascade"))
      .addColumn("path", "text", (c) => c.notNull())
      .addColumn("size_bytes", "bigint", (c) => c.notNull())
      .addColumn("sha256", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("artifact_files_pk", ["artifact_id", "path"])
      .execute();

    await db.schema.createTable("merges")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("status", "text", (c) => c.notNull())
      .addColumn("method", "text", (c) => c.notNull())
      .addColumn("base_model_name", "text")
      .addColumn("dtype", "text", (c) => c.notNull())
      .addColumn("config_yaml", "text", (c) => c.notNull())
      .addColumn("config_sha256", "text", (c) => c.notNull())
      .addColumn("parameters", "text", (c) => c.notNull())
      .addColumn("curves", "text", (c) => c.notNull())
      .addColumn("tool_version", "text", (c) => c.notNull())
      .addColumn("artifact_sha256", "text")
      .addColumn("error", "text")
      .addColumn("created_at", "text", (c) => c.notNull())
      .addColumn("started_at", "text")
      .addColumn("finished_at", "text")
      .execute();
    await db.schema.createIndex("merges_artifact").on("merges").column("artifact_sha256").execute();
    await db.schema.createTable("merge_sources")
      .addColumn("merge_id", "text", (c) => c.notNull().references("merges.id").onDelete("cascade"))
      .addColumn("ordinal", "integer", (c) => c.notNull())
      .addColumn("name", "text", (c) => c.notNull())
      .addColumn("layer_start", "integer")
      .addColumn("layer_end", "integer")
      .addColumn("is_base", "integer", (c) => c.notNull())
      .addColumn("artifact_sha256", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("merge_sources_pk", ["merge_id", "ordinal"])
      .execute();
    await db.schema.createIndex("merge_sources_artifact").on("merge_sources").column("artifact_sha256")
      .execute();
    await db.schema.createTable("merge_tensors")
      .addColumn("merge_id", "text", (c) => c.notNull().references("merges.id").onDelete("cascade"))
      .addColumn("ordinal", "integer", (c) => c.notNull())
      .addColumn("name", "text", (c) => c.notNull())
      .addColumn("layer", "integer")
      .addColumn("filter", "text")
      .addColumn("t", "double precision")
      .addColumn("mode", "text", (c) => c.notNull())
      .addColumn("cosine", "double precision")
      .addColumn("output_sha256", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("merge_tensors_pk", ["merge_id", "ordinal"])
      .execute();

    await db.schema.createTable("models")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("name", "text", (c) => c.notNull().unique())
      .addColumn("path", "text", (c) => c.notNull())
      .addColumn("file_stamps", "text", (c) => c.notNull())
      .addColumn("author", "text")
      .addColumn("architecture", "text", (c) => c.notNull())
      .addColumn("parameter_count", "bigint")
      .addColumn("license", "text")
      .addColumn("published_at", "text")
      .addColumn("description", "text")
      .addColumn("native_context_length", "integer", (c) => c.notNull())
      .addColumn("served_context_length", "integer", (c) => c.notNull())
      .addColumn("native_dtype", "text", (c) => c.notNull())
      .addColumn("served_quantization", "text", (c) => c.notNull())
      .addColumn("concurrency_cost", "integer", (c) => c.notNull())
      .addColumn("checkpoint_sampling", "text", (c) => c.notNull())
      .addColumn("artifact_id", "text", (c) => c.notNull().references("artifacts.id"))
      .addColumn("merge_id", "text", (c) => c.references("merges.id"))
      .addColumn("created_at", "text", (c) => c.notNull())
      .execute();
    await db.schema.createIndex("models_artifact").on("models").column("artifact_id").execute();
    await db.schema.createIndex("models_merge").on("models").column("merge_id").execute();

    await db.schema.createTable("sessions")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("principal_id", "text", (c) => c.notNull())
      .addColumn("model_id", "text", (c) => c.notNull().references("models.id"))
      .addColumn("title", "text")
      .addColumn("created_at", "text", (c) => c.notNull())
      .addColumn("updated_at", "text", (c) => c.notNull())
      .execute();
    await db.schema.createIndex("sessions_principal").on("sessions").columns(["principal_id", "id"])
      .execute();

    await db.schema.createTable("generations")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("principal_id", "text", (c) => c.notNull())
      .addColumn("model_id", "text", (c) => c.notNull().references("models.id"))
      .addColumn("artifact_sha256", "text")
      .addColumn("session_id", "text", (c) => c.references("sessions.id").onDelete("set null"))
      .addColumn("status", "text", (c) => c.notNull())
      .addColumn("finish_reason", "text")
      .addColumn("prompt", "text", (c) => c.notNull())
      .addColumn("text", "text", (c) => c.notNull())
      .addColumn("requested_sampling", "text", (c) => c.notNull())
      .addColumn("effective_sampling", "text", (c) => c.notNull())
      .addColumn("sampling_revision_ids", "text", (c) => c.notNull())
      .addColumn("usage", "text")
      .addColumn("timings", "text")
      .addColumn("error", "text")
      .addColumn("on_disconnect", "text", (c) => c.notNull())
      .addColumn("idempotency_key", "text")
      .addColumn("created_at", "text", (c) => c.notNull())
      .addColumn("finished_at", "text")
      // NULL keys are distinct in both databases, so generations without a key never collide.
      .addUniqueConstraint("generations_idempotency", ["principal_id", "idempotency_key"])
      .execute();
    await db.schema.createIndex("generations_session").on("generations").column("session_id").execute();
    await db.schema.createIndex("generations_status").on("generations").column("status").execute();
    await db.schema.createTable("generation_events")
      .addColumn("generation_id", "text", (c) => c.notNull().references("generations.id").onDelete("cascade"))
      .addColumn("seq", "integer", (c) => c.notNull())
      .addColumn("at", "text", (c) => c.notNull())
      .addColumn("kind", "text", (c) => c.notNull())
      .addColumn("payload", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("generation_events_pk", ["generation_id", "seq"])
      .execute();

    await db.schema.createTable("messages")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("session_id", "text", (c) => c.notNull().references("sessions.id").onDelete("cascade"))
      .addColumn("ordinal", "integer", (c) => c.notNull())
      .addColumn("role", "text", (c) => c.notNull())
      .addColumn("content", "text", (c) => c.notNull())
      .addColumn("generation_id", "text", (c) => c.references("generations.id"))
      .addColumn("created_at", "text", (c) => c.notNull())
      .addUniqueConstraint("messages_order", ["session_id", "ordinal"])
      .execute();

    await db.schema.createTable("sampling_default_revisions")
      .addColumn("id", "text", (c) => c.primaryKey())
      // "gateway" or a model's id: a NULL would escape the unique constraint.
      .addColumn("scope", "text", (c) => c.notNull())
      .addColumn("revision", "integer", (c) => c.notNull())
      .addColumn("values", "text", (c) => c.notNull())
      .addColumn("author", "text", (c) => c.notNull())
      .addColumn("reason", "text", (c) => c.notNull())
      .addColumn("created_at", "text", (c) => c.notNull())
      .addUniqueConstraint("sampling_default_revisions_order", ["scope", "revision"])
      .execute();

    await db.schema.createTable("api_keys")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("prefix", "text", (c) => c.notNull().unique())
      .addColumn("secret_sha256", "text", (c) => c.notNull())
      .addColumn("role", "text", (c) => c.notNull())
      .addColumn("label", "text", (c) => c.notNull())
      .addColumn("created_at", "text", (c) => c.notNull())
      .addColumn("revoked_at", "text")
      .execute();
  },
};
