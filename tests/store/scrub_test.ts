/** What was deleted before deletion was thorough, looked for in the bytes of the file. */
import { expect } from "@std/expect";
import { Kysely } from "kysely";
import { DatabaseSync } from "node:sqlite";
import type { Database } from "../../src/store/database.ts";
import { nodeSqliteDialect } from "../../src/store/node_sqlite.ts";
import { overwriteFreePages } from "../../src/store/scrub.ts";
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
