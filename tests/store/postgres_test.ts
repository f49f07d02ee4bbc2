/** A real PostgreSQL server: its errors in one line without secrets, and what two connections do to one row. */
import { expect } from "@std/expect";
import { sql } from "kysely";
import { createAudit, recordAct } from "../../src/app/audit.ts";
import { migrate } from "../../src/store/migrate.ts";
import { openStore } from "../../src/store/open.ts";
import { parsePostgresUrl } from "../../src/store/postgres.ts";
import { geodesic } from "../cli/support.ts";
import { failure } from "../support/failure.ts";
import { ADMIN } from "../support/gateway.ts";
import { PostgresServer, whyNoServer } from "../support/postgres.ts";
import { tempDir } from "../support/temp.ts";

Deno.test("parsePostgresUrl() names the place and hides the rest", () => {
  expect(parsePostgresUrl("postgres://me:secret@db.example:5433/things")).toEqual({
    host: "db.example",
    port: "5433",
    database: "things",
  });
  expect(parsePostgresUrl("postgresql:///things?host=/run/postgresql&user=me")).toEqual({
    host: "/run/postgresql",
    port: "5432",
    database: "things",
  });
  for (const url of ["", "things", "mysql://me:secret@host/db", "postgres//me:secret@host"]) {
    try {
      parsePostgresUrl(url);
      throw new Error(`"${url}" was taken`);
    } catch (error) {
      expect(error).toMatchObject({ code: "CONFIG", details: { field: "DATABASE_URL" } });
      expect(String(error)).not.toContain("secret");
    }
  }
});

Deno.test("openStore() says in one line that nobody listens at the address", async () => {
  await using dir = await tempDir();
  const databaseUrl = "postgres://me:secret-word@127.0.0.1:1/things";
  const error = await failure(openStore(dir.path, { databaseUrl }));
  expect([error.code, error.details["host"], error.details["port"]]).toEqual(["CONFIG", "127.0.0.1", "1"]);
  expect(error.message).toMatch(
    /^Cannot connect to the database 127\.0\.0\.1:1\/things: [^\n]+: is the server running, and DATABASE_URL right\?$/,
  );
  expect(JSON.stringify([error.message, error.details])).not.toContain("secret-word");
});

Deno.test({
  name: "openStore() on a PostgreSQL server",
  ignore: whyNoServer !== null,
  async fn(t) {
    await using server = await PostgresServer.start();
    await using dir = await tempDir();

    await t.step("says that there is no such database, or no such user", async () => {
      for (const url of [server.url("nothing"), server.url("postgres", "nobody")]) {
        const error = await failure(openStore(dir.path, { databaseUrl: url }));
        expect([error.code, error.details["port"]]).toEqual(["CONFIG", String(server.port)]);
        expect(error.message).toMatch(/does not exist/);
        expect(error.message).not.toContain("secret-word");
      }
    });

    const databaseUrl = server.url("postgres");
    await t.step("two at once migrate it once", async () => {
      const runs = [0, 0];
      const stores = await Promise.all(
        runs.map((_, index) =>
          openStore(dir.path, { databaseUrl, onMigrated: (names) => runs[index] = names.length })
        ),
      );
      expect(runs.toSorted()[0]).toBe(0);
      expect(runs.toSorted()[1]).toBeGreaterThan(0);
      expect(await migrate(stores[0]!)).toEqual([]);
      for (const store of stores) await store.destroy();
    });

    await t.step("the command line takes DATABASE_URL, with the permissions of its task", async () => {
      const env = { DATABASE_URL: databaseUrl };
      const where = { env, cwd: dir.path };
      const made = await geodesic(["keys", "create", "--data", dir.path], where);
      expect([made.stderr, made.code]).toEqual([expect.stringMatching(/^GENERATOR, never expires, ID /), 0]);
      expect((await geodesic(["keys", "list", "--data", dir.path], where)).stdout).toContain("generator key");
      const migrated = await geodesic(["migrate", "--data", dir.path], where);
      expect(migrated.stdout).toBe(`Database in 127.0.0.1:${server.port}/postgres: up to date\n`);
      const wrong = { env: { DATABASE_URL: server.url("nothing") } };
      expect(await geodesic(["keys", "list", "--data", dir.path], wrong)).toEqual({
        code: 1,
        stdout: "",
        stderr: expect.stringMatching(
          /^error: Cannot connect .*"nothing" does not exist: make it with "createdb nothing" \[CONFIG\]\n$/,
        ),
      });
    });

    await t.step("acts recorded at once through two pools are one chain", async () => {
      const stores = [await openStore(dir.path, { databaseUrl }), await openStore(dir.path, { databaseUrl })];
      await Promise.all(
        Array.from(
          { length: 40 },
          (_, index) =>
            stores[index % 2]!.transaction().execute((trx) =>
              recordAct(trx, { actor: ADMIN, at: new Date(), action: "test.act", target: String(index) })
            ),
        ),
      );
      const audit = createAudit({ db: stores[0]! });
      expect(await audit.verify(ADMIN)).toMatchObject({ isIntact: true, entries: 41 });
      for (const store of stores) await store.destroy();
    });

    await t.step(
      "a connection that the server cuts is an error with a retry, and the next one works",
      async () => {
        const db = await openStore(dir.path, { databaseUrl });
        const other = await openStore(dir.path, { databaseUrl });
        const cut = failure(
          db.transaction().execute(async (trx) => {
            const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
            await sql`select pg_terminate_backend(${rows[0]!.pid})`.execute(other);
            await trx.selectFrom("models").selectAll().execute();
          }),
        );
        expect(await cut).toMatchObject({ code: "CAPACITY", details: { retryAfterMs: 1000 } });
        expect(await db.selectFrom("models").selectAll().execute()).toEqual([]);
        await db.destroy();
        await other.destroy();
      },
    );
  },
});
