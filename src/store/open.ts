/**
 * Opens the database of a data folder, or the one of a server in its place, migrated and ready. The folder is made when
 * it is missing. Two processes may have it open at once (a gateway and, say, `keys create`); that only one of them serves
 * is src/store/ownership.ts.
 */
import { type Dialect, Kysely } from "kysely";
import { join } from "node:path";
import type { Database, Db } from "./database.ts";
import { makeDataDir } from "./make_data_dir.ts";
import { isBehind, migrate } from "./migrate.ts";
import { nodeSqliteDialect } from "./node_sqlite.ts";
import { lockDataDir } from "./ownership.ts";
import { overwriteFreePages } from "./scrub.ts";

/** File name of the SQLite database inside a data folder. */
export const DATABASE_FILE = "geodesic.db";

export interface OpenStoreOptions {
  /** `postgres://…`: the database is there and not in the folder, which then holds models and caches alone. */
  readonly databaseUrl?: string | undefined;
  /** Called with the migrations that this call has run, oldest first; empty when there was nothing to do. */
  readonly onMigrated?: (names: readonly string[]) => void;
}

/** The caller owns the result and ends it with `destroy()`. Errors name the folder or the file. */
export async function openStore(dataDir: string, options: OpenStoreOptions = {}): Promise<Db> {
  await makeDataDir(dataDir);
  const db = new Kysely<Database>({ dialect: await dialectOf(dataDir, options.databaseUrl) });
  try {
    const names = options.databaseUrl === undefined
      ? await migrateAlone(db, dataDir)
      : await migratePatiently(options.databaseUrl);
    // Files that are older than secure deletion may hold what was deleted in them.
    if (names.includes("0005_sessions") && !names.includes("0001_initial")) await overwriteFreePages(db);
    options.onMigrated?.(names);
    return db;
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

/** Connections of {@link openWorkStore}. */
const WORK_CONNECTIONS = 4;

/**
 * The same database, which {@link openStore} has opened, over connections of its own: who waits for one of those does not
 * wait behind everything that is asked. A file has one connection, which is lent for so short a time that nobody needs
 * another: then it is `db` itself, and its end too.
 */
export async function openWorkStore(db: Db, databaseUrl: string | undefined): Promise<Db> {
  if (databaseUrl === undefined) return db;
  const { postgresDialect } = await import("./postgres.ts");
  const dialect = postgresDialect(databaseUrl, { connections: WORK_CONNECTIONS });
  return new Kysely<Database>({ dialect });
}

/** ConfigError where a gateway serves the folder, which is of an earlier version then: its tables are not changed under it. */
async function migrateAlone(db: Db, dataDir: string): Promise<readonly string[]> {
  if (!await isBehind(db)) return await migrate(db);
  using _lock = await lockDataDir(dataDir);
  return await migrate(db);
}

/** Over connections of their own: migrations may take longer than anything that a gateway does. */
async function migratePatiently(databaseUrl: string): Promise<readonly string[]> {
  const { postgresDialect } = await import("./postgres.ts");
  const db = new Kysely<Database>({ dialect: postgresDialect(databaseUrl, { isOpening: true }) });
  try {
    return await migrate(db);
  } finally {
    await db.destroy();
  }
}

/** The file of a data folder, or `host:port/database`: where its rows are, without secrets. */
export async function describeStore(dataDir: string, databaseUrl: string | undefined): Promise<string> {
  if (databaseUrl === undefined) return dataDir;
  const { describeAddress, parsePostgresUrl } = await import("./postgres.ts");
  return describeAddress(parsePostgresUrl(databaseUrl));
}

/** The driver of the one is not loaded for the other: most commands only look something up in a file. */
async function dialectOf(dataDir: string, databaseUrl: string | undefined): Promise<Dialect> {
  if (databaseUrl === undefined) return nodeSqliteDialect(join(dataDir, DATABASE_FILE));
  return (await import("./postgres.ts")).postgresDialect(databaseUrl);
}
