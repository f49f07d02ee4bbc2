/** Sessions from before there were branches, and token ids as a column holds them. */
import { expect } from "@std/expect";
import * as fc from "fast-check";
import { join } from "node:path";
import { Kysely } from "kysely";
import { MIGRATIONS } from "../../migrations/index.ts";
import type { Database } from "../../src/store/database.ts";
import { migrate } from "../../src/store/migrate.ts";
import { nodeSqliteDialect } from "../../src/store/node_sqlite.ts";
import { DATABASE_FILE, openStore } from "../../src/store/open.ts";
import { packTokenIds, unpackTokenIds } from "../../src/store/token_ids.ts";
import { tempDir } from "../support/temp.ts";

Deno.test("0005_sessions makes one branch of a session, with the answers told from the prompts", async () => {
  await using dir = await tempDir();
  // deno-lint-ignore no-explicit-any -- tables as they were
  const old = new Kysely<any>({ dialect: nodeSqliteDialect(join(dir.path, DATABASE_FILE)) });
  const before = Object.fromEntries(Object.entries(MIGRATIONS).filter(([name]) => name < "0005"));
  await migrate(old as Kysely<Database>, before);
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
  await old.destroy();

  const db = await openStore(dir.path);
  const rows = await db.selectFrom("messages").selectAll().orderBy("ordinal").execute();
  expect(rows.map((row) => row.parent_id)).toEqual([null, "m1", "m2", "m3", "m4", "m5", "m6", "m7"]);
  expect(rows.filter((row) => row.is_answer === 1).map((row) => row.id)).toEqual(["m4", "m7"]);
  const sessions = await db.selectFrom("sessions").selectAll().orderBy("id").execute();
  expect(sessions.map((row) => [row.id, row.active_message_id, row.context_policy])).toEqual([
    ["empty", null, "REFUSE"],
    ["s", "m8", "REFUSE"],
  ]);
  await db.destroy();
});

Deno.test("packTokenIds() and unpackTokenIds() keep any list of ids", () => {
  const id = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  fc.assert(fc.property(fc.array(id), (ids) => expect(unpackTokenIds(packTokenIds(ids))).toEqual(ids)));
  expect(packTokenIds(new Array(8192).fill(15_000)).length).toBeLessThan(8192 * 2.7);
  expect(() => unpackTokenIds("gA==")).toThrow("in the middle");
});
