/**
 * Keyset paging, text search and long inserts in terms both databases share. A page is read by asking for one row more
 * than wanted: no OFFSET, so rows inserted meanwhile neither repeat nor hide any.
 */
import { type Expression, sql, type SqlBool } from "kysely";
import { ConfigError } from "../errors.ts";

/** Rows of one page, and how many there are without paging. */
export interface RowPage<R> {
  readonly rows: readonly R[];
  readonly hasNextPage: boolean;
  readonly totalCount: number;
}

/** `rows` were read with a limit of `first + 1`; `count` is a driver's count(*). */
export function toRowPage<R>(rows: readonly R[], first: number, count: number | string | bigint): RowPage<R> {
  return { rows: rows.slice(0, first), hasNextPage: rows.length > first, totalCount: Number(count) };
}

/** Rows of one INSERT: below every database's limit of parameters, with up to ten columns. */
const ROWS_PER_INSERT = 500;

/** Any number of rows in as many INSERTs as they take; call it inside a transaction. */
export async function inBatches<R>(
  rows: readonly R[],
  insert: (batch: readonly R[]) => Promise<unknown>,
): Promise<void> {
  for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) {
    await insert(rows.slice(start, start + ROWS_PER_INSERT));
  }
}

/** Far beyond any name; SQLite refuses patterns of 50,000 bytes. */
const MAX_SEARCH_LENGTH = 1000;

/** True where `column` contains `text` literally, ASCII case aside (the two databases' LIKE differ in that). */
export function contains(
  column: Expression<string | null>,
  text: string,
  field = "nameContains",
): Expression<SqlBool> {
  if (text.length > MAX_SEARCH_LENGTH) {
    throw new ConfigError(
      `Cannot search for ${text.length} characters: at most ${MAX_SEARCH_LENGTH} are looked for`,
      { field, found: text.length, allowed: MAX_SEARCH_LENGTH },
    );
  }
  // Not toLowerCase(): SQLite's lower() leaves letters beyond ASCII alone.
  const lower = text.replace(/[A-Z]/g, (c) => c.toLowerCase());
  const pattern = `%${lower.replace(/[\\%_]/g, (c) => `\\${c}`)}%`;
  return sql<SqlBool>`lower(${column}) like ${pattern} escape '\\'`;
}
