/**
 * Deleted means gone from the disk, too. SQLite overwrites what is deleted (`secure_delete`), but earlier pages live on in
 * its write-ahead log until that is emptied, and files from before that setting may hold remains. PostgreSQL's vacuum
 * and retention of its own log are its operator's to decide.
 */
import { sql, SqliteAdapter } from "kysely";
import type { Db } from "./database.ts";

/** Of one filler: some megabytes at a time. */
const MAX_FILLER_PAGES = 4096;

/** How often another process is waited for, twice as long each time: two seconds altogether. */
const LOG_ATTEMPTS = 11;

/** Writes the log into the file and empties it; later, by itself, where another process goes on reading. */
export async function emptyLog(db: Db): Promise<void> {
  if (!isSqlite(db)) return;
  for (let attempt = 0; attempt < LOG_ATTEMPTS; attempt++) {
    const { rows: [outcome] } = await sql<{ busy: number }>`pragma wal_checkpoint(truncate)`.execute(db);
    if (outcome?.busy !== 1) return;
    await new Promise((resolve) => setTimeout(resolve, 2 ** attempt));
  }
}

/**
 * Overwrites the free pages of the file: fills them, then deletes what filled them, which `secure_delete` turns into
 * zeros. (`vacuum` would do more, but attaches a second database, which this program is not permitted to.) What was
 * deleted inside of pages that are still in use goes as those pages are written again.
 */
export async function overwriteFreePages(db: Db): Promise<void> {
  if (!isSqlite(db)) return;
  const { rows: [free] } = await sql<{ pages: number; size: number }>`
    select freelist_count as pages, page_size as size from pragma_freelist_count, pragma_page_size`.execute(
    db,
  );
  if (free === undefined || free.pages === 0) return;
  await sql`create table free_pages (zeros blob)`.execute(db);
  try {
    for (let left = free.pages; left > 0; left -= MAX_FILLER_PAGES) {
      const bytes = Math.min(left, MAX_FILLER_PAGES) * free.size;
      await sql`insert into free_pages values (zeroblob(${bytes}))`.execute(db);
    }
  } finally {
    await sql`drop table free_pages`.execute(db);
  }
  await emptyLog(db);
}

function isSqlite(db: Db): boolean {
  return db.getExecutor().adapter instanceof SqliteAdapter;
}
