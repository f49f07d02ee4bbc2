/**
 * Deleted means gone from the disk, too. SQLite overwrites what is deleted (`secure_delete`), but earlier pages live on in
 * its write-ahead log until that is emptied, and files from before that setting may hold remains. PostgreSQL's vacuum
 * and retention of its own log are its operator's to decide.
 */
import { sql, SqliteAdapter } from "kysely";
import type { Db } from "./database.ts";

/** Writes the log into the file and empties it; later, by itself, where another process is reading. */
export async function emptyLog(db: Db): Promise<void> {
  if (isSqlite(db)) await sql`pragma wal_checkpoint(truncate)`.execute(db);
}

/** Rewrites the whole file without remains. Needs its size once more on the disk, and a moment. */
export async function rewriteFile(db: Db): Promise<void> {
  if (!isSqlite(db)) return;
  await sql`vacuum`.execute(db);
  await emptyLog(db);
}

function isSqlite(db: Db): boolean {
  return db.getExecutor().adapter instanceof SqliteAdapter;
}
