/** Opening a data folder: from nothing, again, and with everything that can be wrong with it. */
import { expect } from "@std/expect";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sql } from "kysely";
import { MIGRATIONS } from "../../migrations/index.ts";
import type { Db } from "../../src/store/database.ts";
import { migrate } from "../../src/store/migrate.ts";
import { DATABASE_FILE, openStore } from "../../src/store/open.ts";
import { lockDataDir } from "../../src/store/ownership.ts";
import { failure } from "../support/failure.ts";
import { tempDir } from "../support/temp.ts";

Deno.test("openStore() makes the folder", async () => {
  await using dir = await tempDir();
  const db = await openStore(join(dir.path, "a", "b"));
  expect(await db.selectFrom("models").selectAll().execute()).toEqual([]);
  await db.destroy();
});

Deno.test("openStore() sets write-ahead logging and foreign keys", async () => {
  await using dir = await tempDir();
  const db = await openStore(dir.path);
  const session = { id: "s", principal_id: "p", model_id: "no such model", title: null };
  await expect(
    db.insertInto("sessions").values({ ...session, created_at: "", updated_at: "" }).execute(),
  ).rejects.toThrow(/FOREIGN KEY/);
  await db.destroy();
  const header = (await Deno.readFile(join(dir.path, DATABASE_FILE))).subarray(18, 20);
  expect([...header]).toEqual([2, 2]); // file format versions: 2 is WAL
});

Deno.test("a database that another process has locked is waited for, and holds this thread up for nobody", async () => {
  await using dir = await tempDir();
  const db = await openStore(dir.path);
  using other = new DatabaseSync(join(dir.path, DATABASE_FILE));
  const insert = (executor: Db, id: string) => {
    const key = { id, prefix: id, secret_sha256: id, label: "", role: "ADMIN", created_at: "" };
    return executor.insertInto("api_keys").values(key).execute();
  };
  const writes = [
    () => insert(db, "alone"),
    () => db.transaction().execute((trx) => insert(trx, "in a transaction")),
  ];
  for (const write of writes) {
    other.exec("begin immediate");
    const written = write();
    await new Promise((resolve) => setTimeout(resolve, 20)); // were this thread held up, nobody could let go
    other.exec("rollback");
    await written;
  }
  const rows = await db.selectFrom("api_keys").select("id").orderBy("id").execute();
  expect(rows.map(({ id }) => id)).toEqual(["alone", "in a transaction"]);
  await db.destroy();
});

Deno.test("who reads does not wait for those who wait for another process, nor do they for each other", async () => {
  await using dir = await tempDir();
  const db = await openStore(dir.path);
  using other = new DatabaseSync(join(dir.path, DATABASE_FILE));
  const key = { id: "1", prefix: "1", secret_sha256: "1", label: "", role: "ADMIN", created_at: "" };
  const settled: string[] = [];
  other.exec("begin immediate");
  const writes = Array.from({ length: 40 }, async (_, index) => {
    const write = index % 2 === 0
      ? db.insertInto("api_keys").values(key).execute()
      : db.transaction().execute((trx) => trx.insertInto("api_keys").values(key).execute());
    const { code } = await failure(write);
    settled.push(code);
  });
  await db.selectFrom("api_keys").select("id").execute();
  expect(settled).toEqual([]);
  // In turn they would take 80 seconds.
  using timer = new DisposableStack();
  const late = new Promise((resolve) => timer.adopt(setTimeout(resolve, 30_000, "late"), clearTimeout));
  expect(await Promise.race([Promise.all(writes), late])).not.toBe("late");
  expect(new Set(settled)).toEqual(new Set(["CAPACITY"]));
  other.exec("rollback");
  await db.transaction().execute((trx) => trx.insertInto("api_keys").values(key).execute());
  expect(await db.selectFrom("api_keys").select("id").execute()).toEqual([{ id: "1" }]);
  await db.destroy();
});

Deno.test("much that is asked at once, or in one transaction, lets others have turns in between", async (t) => {
  await using dir = await tempDir();
  const db = await openStore(dir.path);
  /** Some milliseconds. */
  const slow = (executor: Db) =>
    sql`with recursive n(i) as (select 1 union all select i + 1 from n where i < 40000)
      select count(*) from n`.execute(executor);
  const asked: Record<string, () => Promise<unknown>> = {
    "many transactions": () =>
      Promise.all(Array.from({ length: 40 }, () => db.transaction().execute((trx) => slow(trx)))),
    "one statement after another": async () => {
      for (let count = 0; count < 40; count++) await slow(db);
    },
    "one transaction": () =>
      db.transaction().execute(async (trx) => {
        for (let count = 0; count < 40; count++) await slow(trx);
      }),
  };
  for (const [name, ask] of Object.entries(asked)) {
    await t.step(name, async () => {
      let turns = 0;
      const ticking = setInterval(() => turns++, 1);
      await ask();
      clearInterval(ticking);
      expect(turns).toBeGreaterThan(1);
    });
  }
  await db.destroy();
});

Deno.test("a disk that fills up in a transaction is a typed error, and the connection goes on", async () => {
  await using dir = await tempDir();
  const db = await openStore(dir.path);
  const { rows: [pages] } = await sql<{ page_count: number }>`pragma page_count`.execute(db);
  await sql.raw(`pragma max_page_count = ${pages!.page_count + 4}`).execute(db);
  const insert = (executor: Db, label: string) => {
    const key = { id: "1", prefix: "1", secret_sha256: "1", label, role: "ADMIN", created_at: "" };
    return executor.insertInto("api_keys").values(key).execute();
  };
  const error = await failure(db.transaction().execute((trx) => insert(trx, "x".repeat(100_000))));
  expect([error.code, error.details["reason"]]).toEqual(["CAPACITY", "its disk is full"]);
  await db.transaction().execute((trx) => insert(trx, "small"));
  expect(await db.selectFrom("api_keys").select("label").execute()).toEqual([{ label: "small" }]);
  await db.destroy();
});

Deno.test("a disk that fails is a typed error in words, not SQLite's alone", async () => {
  await using dir = await tempDir();
  const db = await openStore(dir.path);
  await sql`create temp trigger failing before insert on api_keys begin select raise(abort, 'disk I/O error'); end`
    .execute(db);
  const key = { id: "1", prefix: "1", secret_sha256: "1", label: "", role: "ADMIN", created_at: "" };
  const error = await failure(db.insertInto("api_keys").values(key).execute());
  expect([error.code, error.message]).toEqual([
    "CAPACITY",
    "The database cannot do this: its disk is full or fails (disk I/O error)",
  ]);
  await db.destroy();
});

Deno.test("a file that cannot be written to is the caller's no more than a full disk, and not named", async () => {
  await using dir = await tempDir();
  const db = await openStore(dir.path);
  await sql`pragma query_only = on`.execute(db); // as with a file system that is mounted anew, to be read only
  const key = { id: "1", prefix: "1", secret_sha256: "1", label: "", role: "ADMIN", created_at: "" };
  const insert = (executor: Db) => executor.insertInto("api_keys").values(key).execute();
  for (const write of [() => insert(db), () => db.transaction().execute(insert)]) {
    const error = await failure(write());
    expect([error.code, error.details["reason"]]).toEqual(["CAPACITY", "its file cannot be written to"]);
    expect(JSON.stringify([error.message, error.details])).not.toContain(dir.path);
  }
  await db.destroy();
});

Deno.test("migrate() does nothing the second time", async () => {
  await using dir = await tempDir();
  const first = await openStore(dir.path);
  await first.destroy();
  const second = await openStore(dir.path);
  expect(await migrate(second)).toEqual([]);
  await second.destroy();
});

Deno.test("migrate() refuses a database with migrations it does not know", async () => {
  await using dir = await tempDir();
  const db = await openStore(dir.path);
  await migrate(db, { ...MIGRATIONS, "9999_future": { up: () => Promise.resolve() } });
  await db.destroy();
  const error = await failure(openStore(dir.path));
  expect(error.code).toBe("CONFIG");
  expect(error.message).toContain("newer version");
  expect(error.details["unknownMigrations"]).toEqual(["9999_future"]);
});

Deno.test("openStore() migrates nothing under a gateway of an earlier version", async () => {
  await using dir = await tempDir();
  const db = await openStore(dir.path);
  await sql`delete from kysely_migration where name = (select max(name) from kysely_migration)`.execute(db);
  await db.destroy();
  {
    using _gateway = await lockDataDir(dir.path);
    const error = await failure(openStore(dir.path));
    expect(error.code).toBe("CONFIG");
    expect(error.message).toContain(`in use by another gateway (process ${Deno.pid})`);
  }
  // Now it would, were the tables not there already.
  await expect(openStore(dir.path)).rejects.toThrow(/already exists|duplicate column/);
});

Deno.test("openStore() names the file that is no database", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, DATABASE_FILE);
  await Deno.writeTextFile(path, "this is a letter, not a database\n".repeat(200));
  const error = await failure(openStore(dir.path));
  expect(error.code).toBe("FORMAT");
  expect(error.details["path"]).toBe(path);
  expect(error.message).toContain(path);
});

Deno.test("openStore() names a database whose pages are damaged", async () => {
  await using dir = await tempDir();
  const db = await openStore(dir.path);
  await db.destroy();
  const path = join(dir.path, DATABASE_FILE);
  const bytes = await Deno.readFile(path);
  bytes.fill(0xab, 100, bytes.length);
  await Deno.writeFile(path, bytes);
  const error = await failure(openStore(dir.path));
  expect([error.code, error.details["path"]]).toEqual(["FORMAT", path]);
});

Deno.test("openStore() says why a folder cannot be made", async () => {
  await using dir = await tempDir();
  const file = join(dir.path, "file");
  await Deno.writeTextFile(file, "");
  const error = await failure(openStore(join(file, "data")));
  expect([error.code, error.details["path"]]).toEqual(["CONFIG", join(file, "data")]);
});

Deno.test("openStore() says why a database cannot be opened", async () => {
  await using dir = await tempDir();
  const path = join(dir.path, DATABASE_FILE);
  await Deno.mkdir(path); // a folder in the file's place fails for every user, root included
  const error = await failure(openStore(dir.path));
  expect([error.code, error.details["path"]]).toEqual(["CONFIG", path]);
});

Deno.test("lockDataDir() lets one holder in at a time", async () => {
  await using dir = await tempDir();
  {
    using _held = await lockDataDir(dir.path);
    const error = await failure(lockDataDir(dir.path));
    expect([error.code, error.details["process"]]).toEqual(["CONFIG", String(Deno.pid)]);
  }
  using _again = await lockDataDir(dir.path);
});
