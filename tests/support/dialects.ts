/**
 * The databases that the store's tests run on: SQLite in a file, and PostgreSQL, whose tables are made anew for every
 * test. That is a real server where one is installed, and otherwise PostgreSQL's own code in this process (PGlite).
 */
import { Kysely, PGliteDialect, sql } from "kysely";
import { join } from "node:path";
import { MIGRATIONS } from "../../migrations/index.ts";
import type { Database, Db } from "../../src/store/database.ts";
import { migrate } from "../../src/store/migrate.ts";
import { unescapeRow } from "../../src/store/nul_text.ts";
import { nodeSqliteDialect } from "../../src/store/node_sqlite.ts";
import { DATABASE_FILE } from "../../src/store/open.ts";
import { postgresDialect, toParameters } from "../../src/store/postgres.ts";
import { PostgresServer, whyNoServer } from "./postgres.ts";
import { tempDir } from "./temp.ts";

export type DialectName = "SQLite" | "PostgreSQL";

/** Opened by the first test of a file that needs it, and closed behind the last. */
let postgres: { readonly db: Db; readonly close: () => Promise<void> } | undefined;

Deno.test.afterAll(async () => {
  await postgres?.db.destroy();
  await postgres?.close();
});

/** A test on both databases, each empty, and migrated up to (but not with) `before`. */
export function storeTest(
  name: string,
  body: (db: Db, dialect: DialectName) => Promise<void>,
  { before }: { readonly before?: string } = {},
): void {
  const migrations = Object.fromEntries(
    Object.entries(MIGRATIONS).filter(([migration]) => before === undefined || migration < before),
  );
  Deno.test(`${name} (SQLite)`, async () => {
    await using dir = await tempDir();
    const db = new Kysely<Database>({ dialect: nodeSqliteDialect(join(dir.path, DATABASE_FILE)) });
    try {
      await migrate(db, migrations);
      await body(db, "SQLite");
    } finally {
      await db.destroy();
    }
  });
  // Server and connections outlive a test.
  const options = { sanitizeResources: false, sanitizeOps: false };
  Deno.test(`${name} (PostgreSQL)`, options, async () => {
    postgres ??= whyNoServer === null ? await openServer() : await openPGlite();
    const { db } = postgres;
    await sql.raw("drop schema public cascade").execute(db);
    await sql.raw("create schema public").execute(db);
    await migrate(db, migrations);
    await body(db, "PostgreSQL");
  });
}

async function openServer() {
  const server = await PostgresServer.start();
  const db = new Kysely<Database>({ dialect: postgresDialect(server.url("postgres")) });
  return { db, close: () => server[Symbol.asyncDispose]() };
}

/** With the conversions that src/store/postgres.ts gives pg, and its types: 64-bit numbers are strings. */
async function openPGlite() {
  const { PGlite } = await import("@electric-sql/pglite");
  const parsers = { 20: (text: string) => text };
  class LikeOurs extends PGlite {
    override async query<T>(text: string, parameters: unknown[] = [], options = {}) {
      const given = toParameters(parameters).map((value) =>
        typeof value === "bigint" ? String(value) : value
      );
      const result = await super.query<T>(text, given, { ...options, parsers });
      return { ...result, rows: result.rows.map((row) => unescapeRow(row as object) as T) };
    }
  }
  const pglite = new LikeOurs();
  return {
    db: new Kysely<Database>({ dialect: new PGliteDialect({ pglite }) }),
    close: () => Promise.resolve(),
  };
}
