/**
 * The tables as Kysely sees them, written by hand and held against the migrations by a test. Timestamps are
 * ISO-8601 text with milliseconds and `Z`; JSON columns are text that only src/store/codec.ts reads and writes;
 * 64-bit counts come back as number (SQLite) or string (PostgreSQL) and pass through `toBigInt`.
 */
import type { Generated, Kysely } from "kysely";

/** A 64-bit count: written as a bigint, read as whatever the driver returns. */
type Count64 = number | string | bigint;

export interface ArtifactsTable {
  readonly id: string;
  readonly manifest_sha256: string;
  readonly size_bytes: Count64;
  readonly created_at: string;
}
export interface ArtifactFilesTable {
  readonly artifact_id: string;
  readonly path: string;
  readonly size_bytes: Count64;
  readonly sha256: string;
}
export interface ModelsTable {
  readonly id: string;
  readonly name: string;
  /** Its folder; empty for a model that the catalogue knows and whose weights nobody has brought yet. */
  readonly path: string;
  /** JSON: path → {sizeBytes, mtimeMs} as of the last time the files were hashed. */
  readonly file_stamps: string;
  readonly author: string | null;
  readonly architecture: string;
  readonly parameter_count: Count64 | null;
  readonly license: string | null;
  readonly published_at: string | null;
  readonly description: string | null;
  readonly native_context_length: number;
  readonly served_context_length: number;
  readonly native_dtype: string;
  readonly served_quantization: string;
  readonly concurrency_cost: number;
  /** JSON: what the checkpoint's generation_config.json sets, as SamplingInput. */
  readonly checkpoint_sampling: string;
  /** Without weights, that of no files. */
  readonly artifact_id: string;
  readonly merge_id: string | null;
  readonly created_at: string;
  /** JSON: the catalogue's entry, as CatalogueEntry; its words outlast the weights. */
  readonly catalogue: string | null;
  /** mergekit YAML that makes it. */
  readonly recipe: string | null;
  /** JSON: where its files were pulled from, as ModelOrigin. */
  readonly origin: string | null;
  /** The row outlives its model: generations and sessions point to it. */
  readonly removed_at: string | null;
  /** How long it stays on the device unused; null: the gateway's setting, -1: for ever. */
  readonly keep_alive_seconds: number | null;
  readonly pinned: number;
}
/** Parents as a catalogue entry or a card names them; nothing proves them. */
export interface ModelParentsTable {
  readonly model_id: string;
  readonly ordinal: number;
  readonly name: string;
  readonly is_base: number;
}
export interface ModelJobsTable {
  readonly id: string;
  readonly kind: string;
  readonly status: string;
  readonly model_name: string;
  /** JSON: what was asked for. */
  readonly input: string;
  /** JSON: what came out, once it has succeeded. */
  readonly result: string | null;
  readonly error: string | null;
  readonly principal_id: string;
  readonly created_at: string;
  readonly finished_at: string | null;
  /** The gateway that runs it, or ran it. */
  readonly gateway_id: string | null;
  /** Set by a gateway that does not run it. */
  readonly cancel_requested_at: string | null;
}
export interface ModelJobEventsTable {
  readonly job_id: string;
  readonly seq: number;
  readonly at: string;
  readonly kind: string;
  /** JSON: the event's body without `kind`. */
  readonly payload: string;
}
export interface MergesTable {
  readonly id: string;
  readonly status: string;
  readonly method: string;
  readonly base_model_name: string | null;
  readonly dtype: string;
  readonly config_yaml: string;
  readonly config_sha256: string;
  readonly parameters: string;
  readonly curves: string;
  readonly tool_version: string;
  /** Manifest hash of the result, once there is one. */
  readonly artifact_sha256: string | null;
  readonly error: string | null;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  /** Set for a merge that the queue may take up again after a restart. */
  readonly target_name: string | null;
  readonly target_quantization: string | null;
  /** The gateway that runs it or has it in its queue; null: nobody any more. */
  readonly gateway_id: string | null;
  /** Set by a gateway that does not run it. */
  readonly cancel_requested_at: string | null;
}
export interface MergeEventsTable {
  readonly merge_id: string;
  readonly seq: number;
  readonly at: string;
  readonly kind: string;
  /** JSON: the event's body without `kind`. */
  readonly payload: string;
}
export interface MergeSourcesTable {
  readonly merge_id: string;
  readonly ordinal: number;
  readonly name: string;
  readonly layer_start: number | null;
  readonly layer_end: number | null;
  readonly is_base: number;
  readonly artifact_sha256: string;
}
export interface MergeTensorsTable {
  readonly merge_id: string;
  readonly ordinal: number;
  readonly name: string;
  readonly layer: number | null;
  readonly filter: string | null;
  readonly t: number | null;
  readonly mode: string;
  readonly cosine: number | null;
  readonly output_sha256: string;
}
export interface SessionsTable {
  readonly id: string;
  readonly principal_id: string;
  readonly model_id: string;
  readonly title: string | null;
  readonly created_at: string;
  readonly updated_at: string;
  /** Leaf of the current branch; null while there are no messages. */
  readonly active_message_id: string | null;
  readonly context_policy: Generated<string>;
}
export interface MessagesTable {
  readonly id: string;
  readonly session_id: string;
  readonly ordinal: number;
  readonly role: string;
  readonly content: string;
  readonly generation_id: string | null;
  readonly created_at: string;
  /** The message before it, whose ordinal is lower; null for a first one. */
  readonly parent_id: string | null;
  /** 1 for what a generation said, 0 for what it was asked. */
  readonly is_answer: Generated<number>;
}
export interface GenerationsTable {
  readonly id: string;
  readonly principal_id: string;
  readonly model_id: string;
  readonly artifact_sha256: string | null;
  readonly session_id: string | null;
  readonly status: string;
  readonly finish_reason: string | null;
  readonly prompt: string;
  readonly text: string;
  readonly requested_sampling: string;
  readonly effective_sampling: string;
  readonly sampling_revision_ids: string;
  readonly usage: string | null;
  readonly timings: string | null;
  readonly error: string | null;
  readonly on_disconnect: string;
  readonly idempotency_key: string | null;
  readonly created_at: string;
  readonly finished_at: string | null;
  /** As src/store/token_ids.ts packs them; null for rows that are older than it, and deleted ones. */
  readonly prompt_token_ids: string | null;
  /** JSON: parameter → where its effective value comes from. */
  readonly sampling_origins: string | null;
  /** What the answer follows in its session. */
  readonly parent_message_id: string | null;
  /** JSON: how much of the conversation was left out; null where nothing was. */
  readonly trimmed: string | null;
  /** JSON: what it ran on and how, as far as its tokens depend on it. */
  readonly conditions: string | null;
  /** The generation that it runs again. */
  readonly reproduction_of: string | null;
  /** JSON: how the two compare. */
  readonly reproduction: string | null;
  /** When its texts were deleted; what is left are counts. */
  readonly deleted_at: string | null;
  readonly context_policy: Generated<string>;
  readonly priority: Generated<number>;
  readonly deadline_ms: number | null;
  /** The gateway that runs it, or ran it. */
  readonly gateway_id: string | null;
  /** Set by a gateway that does not run it. */
  readonly cancel_requested_at: string | null;
}
export interface GenerationEventsTable {
  readonly generation_id: string;
  readonly seq: number;
  readonly at: string;
  readonly kind: string;
  /** JSON: the event's body without `kind`. */
  readonly payload: string;
}
export interface SamplingDefaultRevisionsTable {
  readonly id: string;
  readonly scope: string;
  readonly revision: number;
  readonly values: string;
  readonly author: string;
  readonly reason: string;
  readonly created_at: string;
}
export interface ApiKeysTable {
  readonly id: string;
  readonly prefix: string;
  readonly secret_sha256: string;
  readonly role: string;
  readonly label: string;
  readonly created_at: string;
  readonly revoked_at: string | null;
  readonly expires_at: string | null;
  /** Right to about a minute. */
  readonly last_used_at: string | null;
}
export interface AuditEntriesTable {
  readonly seq: number;
  readonly at: string;
  readonly actor_id: string;
  readonly actor_label: string | null;
  readonly action: string;
  readonly target: string | null;
  /** Canonical JSON. */
  readonly details: string;
  readonly previous_hash: string;
  readonly hash: string;
}
/** One row: the end of the chain. */
export interface AuditHeadTable {
  readonly id: number;
  readonly seq: number;
  readonly hash: string;
}
export interface GatewaysTable {
  readonly id: string;
  readonly started_at: string;
  /** Moved on by its heartbeat; a gateway whose lease has run out is dead. */
  readonly lease_until: string;
}
/** A stream at one gateway that watches what another one runs. */
export interface GenerationWatchersTable {
  readonly id: string;
  readonly generation_id: string;
  /** Where the stream is. */
  readonly gateway_id: string;
}
export interface UnitClaimsTable {
  readonly generation_id: string;
  readonly principal_id: string;
  readonly gateway_id: string;
  readonly units: number;
  readonly priority: number;
  readonly is_held: number;
}
export interface UnitTurnsTable {
  readonly principal_id: string;
  /** When it was given units last, counted in turns. */
  readonly turn: Count64;
}
/** One row: the last turn that was taken. */
export interface UnitTurnTable {
  readonly id: number;
  readonly turn: Count64;
}
export interface UsageDaysTable {
  /** `2026-01-31`, in UTC. */
  readonly day: string;
  readonly principal_id: string;
  readonly model_id: string;
  readonly generation_count: Count64;
  readonly prompt_tokens: Count64;
  readonly cached_tokens: Count64;
  readonly completion_tokens: Count64;
  readonly engine_ms: Count64;
}

export interface Database {
  readonly artifacts: ArtifactsTable;
  readonly artifact_files: ArtifactFilesTable;
  readonly models: ModelsTable;
  readonly model_parents: ModelParentsTable;
  readonly model_jobs: ModelJobsTable;
  readonly model_job_events: ModelJobEventsTable;
  readonly merges: MergesTable;
  readonly merge_sources: MergeSourcesTable;
  readonly merge_tensors: MergeTensorsTable;
  readonly merge_events: MergeEventsTable;
  readonly sessions: SessionsTable;
  readonly messages: MessagesTable;
  readonly generations: GenerationsTable;
  readonly generation_events: GenerationEventsTable;
  readonly generation_watchers: GenerationWatchersTable;
  readonly sampling_default_revisions: SamplingDefaultRevisionsTable;
  readonly api_keys: ApiKeysTable;
  readonly audit_entries: AuditEntriesTable;
  readonly audit_head: AuditHeadTable;
  readonly gateways: GatewaysTable;
  readonly unit_claims: UnitClaimsTable;
  readonly unit_turns: UnitTurnsTable;
  readonly unit_turn: UnitTurnTable;
  readonly usage_days: UsageDaysTable;
}

/** A connection or a transaction: the store's functions take either. */
export type Db = Kysely<Database>;
