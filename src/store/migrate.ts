/**
 * Brings a database up to this program's tables, all pending migrations in one transaction, and refuses a database
 * that a newer program has written. Kysely's Migrator reports failures in its result instead of throwing; here they
 * are thrown.
 */
import { type Migration, Migrator } from "kysely/migration";
import { MIGRATIONS } from "../../migrations/index.ts";
import { ConfigError } from "../errors.ts";
import type { Db } from "./database.ts";
import { isEmbedded } from "./dialect.ts";
import { TextByBytes } from "./text_by_bytes.ts";

/**
 * Runs what is pending and returns the names, oldest first; none when up to date. Throws ConfigError for a database
 * with migrations that `migrations` does not hold.
 */
export async function migrate(
  db: Db,
  migrations: Readonly<Record<string, Migration>> = MIGRATIONS,
): Promise<readonly string[]> {
  const migrator = new Migrator({
    db: isEmbedded(db) ? db : db.withPlugin(new TextByBytes()),
    provider: { getMigrations: () => Promise.resolve({ ...migrations }) },
  });
  const unknown = (await executedMigrations(db)).filter((name) => !Object.hasOwn(migrations, name));
  if (unknown.length > 0) {
    throw new ConfigError(
      `The database was written by a newer version: it has ${unknown.length} unknown migration(s), first "${
        unknown[0]
      }". Use that version, or another ${isEmbedded(db) ? "data folder" : "database"}`,
      { unknownMigrations: unknown, knownMigrations: Object.keys(migrations) },
    );
  }
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
  return results.filter((result) => result.status === "Success").map((result) => result.migrationName);
}

/** Whether an earlier version has made its tables. */
export async function isBehind(db: Db): Promise<boolean> {
  const executed = await executedMigrations(db);
  return executed.length > 0 && Object.keys(MIGRATIONS).some((name) => !executed.includes(name));
}

/** Names in the migration table, without trusting that the table is there. */
async function executedMigrations(db: Db): Promise<readonly string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === "kysely_migration")) return [];
  const rows = await db.withTables<{ kysely_migration: { name: string } }>()
    .selectFrom("kysely_migration").select("name").orderBy("name").execute();
  return rows.map((row) => row.name);
}
