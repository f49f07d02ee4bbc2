/** The migrations, on every database alike: the tables they make, what a failure leaves, and what becomes of older rows. */
import { expect } from "@std/expect";
import type { Kysely } from "kysely";
import { MIGRATIONS } from "../../migrations/index.ts";
import { migrate } from "../../src/store/migrate.ts";
import { storeTest } from "../support/dialects.ts";
import { failure } from "../support/failure.ts";

storeTest("migrate() makes every table of the Database type", async (db) => {
  const tables = await db.introspection.getTables();
  const columns = Object.fromEntries(
    tables.map((table) => [table.name, table.columns.map((column) => column.name).sort()]),
  );
  expect(Object.keys(columns).sort()).toEqual([
    "api_keys",
    "artifact_files",
    "artifacts",
    "audit_entries",
    "audit_head",
    "gateways",
    "generation_events",
    "generation_watchers",
    "generations",
    "merge_events",
    "merge_sources",
    "merge_tensors",
    "merges",
    "messages",
    "model_job_events",
    "model_jobs",
    "model_parents",
    "models",
    "sampling_default_revisions",
    "sessions",
    "unit_claims",
    "unit_turn",
    "unit_turns",
    "usage_days",
  ]);
  // The hand-written types are text: hold every table's fields against the columns that the migrations made.
  const source = await Deno.readTextFile(new URL("../../src/store/database.ts", import.meta.url));
  for (const [name, actual] of Object.entries(columns)) {
    const type = new RegExp(`readonly ${name}: (\\w+);`).exec(source)?.[1];
    const body = new RegExp(`interface ${type} \\{(.*?)\n\\}`, "s").exec(source)?.[1] ?? "";
    const fields = [...body.matchAll(/readonly (\w+):/g)].map((match) => match[1]).sort();
    expect({ name, fields }).toEqual({ name, fields: actual });
  }
});

storeTest("migrate() refuses a database that a newer version has written", async (db, dialect) => {
  await migrate(db, { ...MIGRATIONS, "9999_future": { up: () => Promise.resolve() } });
  const error = await failure(migrate(db));
  expect([error.code, error.details["unknownMigrations"]]).toEqual(["CONFIG", ["9999_future"]]);
  expect(error.message).toContain(dialect === "SQLite" ? "another data folder" : "another database");
});

storeTest("migrate() leaves nothing behind when a migration fails half way", async (db) => {
  const half = {
    ...MIGRATIONS,
    "9999_half": {
      // deno-lint-ignore no-explicit-any
      async up(schema: any) {
        await schema.schema.createTable("half").addColumn("id", "text").execute();
        throw new Error("power cut");
      },
    },
  };
  await expect(migrate(db, half)).rejects.toThrow("power cut");
  const tables = await db.introspection.getTables();
  expect(tables.map((table) => table.name)).not.toContain("half");
  expect(await migrate(db)).toEqual([]);
});

const SESSION_TREES = "0005_sessions makes one branch of a session, with the answers told from the prompts";

storeTest(SESSION_TREES, async (db) => {
  // deno-lint-ignore no-explicit-any -- tables as they were
  const old = db as Kysely<any>;
  const at = "2024-01-31T09:30:00.000Z";
  await old.insertInto("artifacts").values({ id: "a", manifest_sha256: "0", size_bytes: 1, created_at: at })
    .execute();
  const text = ["name", "path", "file_stamps", "architecture", "native_dtype", "served_quantization"];
  const count = ["native_context_length", "served_context_length", "concurrency_cost"];
  await old.insertInto("models").values({
    ...Object.fromEntries([...text.map((name) => [name, "x"]), ...count.map((name) => [name, 1])]),
    ...{ id: "m", checkpoint_sampling: "{}", artifact_id: "a", created_at: at },
  }).execute();
  const session = { principal_id: "p", model_id: "m", title: null, created_at: at, updated_at: at };
  await old.insertInto("sessions").values([{ id: "s", ...session }, { id: "empty", ...session }]).execute();
  const statuses = { g1: "SUCCEEDED", g2: "FAILED", g3: "CANCELLED", g4: "CANCELLED" };
  for (const [id, status] of Object.entries(statuses)) {
    await old.insertInto("generations").values({
      ...{ id, status, text: id === "g4" ? "" : "said", principal_id: "p", model_id: "m", session_id: "s" },
      ...{ prompt: "{}", requested_sampling: "{}", effective_sampling: "{}", sampling_revision_ids: "[]" },
      ...{ on_disconnect: "CONTINUE", created_at: at },
    }).execute();
  }
  const messages = [
    ["SYSTEM", null],
    ["ASSISTANT", "g1"], // of a prompt of several messages
    ["USER", "g1"],
    ["ASSISTANT", "g1"],
    ["USER", "g2"],
    ["USER", "g3"],
    ["ASSISTANT", "g3"],
    ["USER", "g4"],
  ] as const;
  await old.insertInto("messages").values(messages.map(([role, generation_id], index) => ({
    ...{ id: `m${index + 1}`, ordinal: index + 1, role, generation_id, session_id: "s" },
    ...{ content: "c", created_at: at },
  }))).execute();

  await migrate(db);
  const rows = await db.selectFrom("messages").selectAll().orderBy("ordinal").execute();
  expect(rows.map((row) => row.parent_id)).toEqual([null, "m1", "m2", "m3", "m4", "m5", "m6", "m7"]);
  expect(rows.filter((row) => row.is_answer === 1).map((row) => row.id)).toEqual(["m4", "m7"]);
  const sessions = await db.selectFrom("sessions").selectAll().orderBy("id").execute();
  expect(sessions.map((row) => [row.id, row.active_message_id, row.context_policy])).toEqual([
    ["empty", null, "REFUSE"],
    ["s", "m8", "REFUSE"],
  ]);
}, { before: "0005" });
