/** The few questions about a database whose answers differ between dialects. */
import { type SelectQueryBuilder, sql, SqliteAdapter } from "kysely";
import type { Database, Db } from "./database.ts";

/** A file in the data folder, which no other gateway can use; false for a server that several may share. */
export function isEmbedded(db: Db): boolean {
  return db.getExecutor().adapter instanceof SqliteAdapter;
}

/** By the server's clock, which is the same for all who share it; null for an embedded database, which has none. */
export async function serverTime(db: Db): Promise<Date | null> {
  if (isEmbedded(db)) return null;
  const { rows } = await sql<{ now: string }>`
    select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as now`.execute(db);
  return new Date(rows[0]!.now);
}

/**
 * Locks the selected rows until the transaction ends, and waits for whoever has locked them: what is read is then true
 * for as long as it is relied upon, which PostgreSQL promises of no other row.
 */
export function locking<TB extends keyof Database, O>(
  trx: Db,
  query: SelectQueryBuilder<Database, TB, O>,
): SelectQueryBuilder<Database, TB, O> {
  return isEmbedded(trx) ? query : query.forUpdate();
}

/**
 * Locks the selected rows for this transaction and passes over those that another one has locked. An embedded database
 * has one writer at a time, so its rows need no locks.
 */
export function lockingFree<TB extends keyof Database, O>(
  trx: Db,
  query: SelectQueryBuilder<Database, TB, O>,
): SelectQueryBuilder<Database, TB, O> {
  return isEmbedded(trx) ? query : query.forUpdate().skipLocked();
}
