/** What was deleted before deletion was thorough, looked for in the bytes of the file. */
import { expect } from "@std/expect";
import { Kysely, sql } from "kysely";
import { DatabaseSync } from "node:sqlite";
import type { Database } from "../../src/store/database.ts";
import { nodeSqliteDialect } from "../../src/store/node_sqlite.ts";
import { emptyLog, overwriteFreePages } from "../../src/store/scrub.ts";
import { tempDir } from "../support/temp.ts";

const SECRET = "what nobody is to read again";

Deno.test("overwriteFreePages() leaves nothing of rows whose pages were freed before", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/old.db`;
  {
    using old = new DatabaseSync(path);
    old.exec("pragma secure_delete = off; create table notes (text text)");
    const insert = old.prepare("insert into notes values (?)");
    for (let row = 0; row < 100; row++) insert.run(SECRET.repeat(200));
    old.exec("drop table notes; create table kept (text text)");
  }
  const read = async () => new TextDecoder("latin1").decode(await Deno.readFile(path));
  expect(await read()).toContain(SECRET);
  const db = new Kysely<Database>({ dialect: nodeSqliteDialect(path) });
  try {
    await overwriteFreePages(db);
    await overwriteFreePages(db);
  } finally {
    await db.destroy();
  }
  const bytes = await read();
  expect(bytes).not.toContain(SECRET);
  expect(bytes).toContain("CREATE TABLE kept");
});

Deno.test("emptyLog() waits for who is reading, and holds this thread up for nobody", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/read.db`;
  const db = new Kysely<Database>({ dialect: nodeSqliteDialect(path) });
  try {
    await sql`create table notes (text text)`.execute(db);
    using reader = new DatabaseSync(path);
    reader.exec("begin; select * from notes");
    await sql`insert into notes values (${SECRET})`.execute(db);
    const emptied = emptyLog(db);
    await new Promise((resolve) => setTimeout(resolve, 20));
    reader.exec("commit");
    await emptied;
    expect((await Deno.stat(`${path}-wal`)).size).toBe(0);
  } finally {
    await db.destroy();
  }
});
