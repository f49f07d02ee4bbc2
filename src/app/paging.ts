/**
 * Forward paging: parses what a caller asked for and wraps rows into edges. A cursor is the sort key of its row, told
 * apart from other lists' cursors by a tag, in base64url so that nobody is tempted to build one.
 */
import { ConfigError } from "../errors.ts";
import type { RowPage } from "../store/page.ts";
import type { Page, PageArgs } from "./types.ts";

/** Sort keys: one value, or several for orders that need a tiebreak. */
type Key = string | number | readonly (string | number | null)[];

/** Rows of a page when the caller does not say. */
export const DEFAULT_PAGE_SIZE = 20;
/** Most rows of a page. */
export const MAX_PAGE_SIZE = 100;

/** Names a list and the type of its sort key; cursors of one list are refused by another. */
export interface Keyset<K extends Key> {
  readonly list: string;
  readonly isKey: (value: unknown) => value is K;
}

/** A list sorted by text. */
export function textKeyset(list: string): Keyset<string> {
  return { list, isKey: (value): value is string => typeof value === "string" };
}

/** A list sorted by whole numbers. */
export function numberKeyset(list: string): Keyset<number> {
  return { list, isKey: (value): value is number => Number.isSafeInteger(value) };
}

/** Throws ConfigError for a size outside 1 … 100 and for a cursor that is not of this list. */
export function parsePage<K extends Key>(
  keyset: Keyset<K>,
  args: PageArgs,
): { readonly first: number; readonly after?: K } {
  const first = args.first ?? DEFAULT_PAGE_SIZE;
  if (!Number.isInteger(first) || first < 1 || first > MAX_PAGE_SIZE) {
    throw new ConfigError(`Cannot read a page: first is ${first}, expected 1 … ${MAX_PAGE_SIZE}`, {
      field: "first",
      found: String(first),
      allowed: `1 … ${MAX_PAGE_SIZE}`,
    });
  }
  return args.after === undefined ? { first } : { first, after: decodeCursor(keyset, args.after) };
}

/** Wraps rows as nodes; `keyOf` gives the sort key that `parsePage` hands back later. */
export function toPage<K extends Key, R, T>(
  keyset: Keyset<K>,
  rows: RowPage<R>,
  keyOf: (row: R) => K,
  toNode: (row: R) => T,
): Page<T> {
  return {
    edges: rows.rows.map((row) => ({ cursor: encodeCursor(keyset, keyOf(row)), node: toNode(row) })),
    hasNextPage: rows.hasNextPage,
    totalCount: rows.totalCount,
  };
}

function encodeCursor<K extends Key>(keyset: Keyset<K>, key: K): string {
  const bytes = new TextEncoder().encode(JSON.stringify([keyset.list, key]));
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

function decodeCursor<K extends Key>(keyset: Keyset<K>, cursor: string): K {
  try {
    const bytes = Uint8Array.fromBase64(cursor, { alphabet: "base64url" });
    const parsed: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (Array.isArray(parsed) && parsed.length === 2 && parsed[0] === keyset.list) {
      const key: unknown = parsed[1];
      if (keyset.isKey(key)) return key;
    }
  } catch {
    // Falls through: whatever is wrong with it, the caller did not get this cursor from us.
  }
  throw new ConfigError(`Cannot read a page: after is no cursor of ${keyset.list}`, { field: "after" });
}
