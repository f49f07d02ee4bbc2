/**
 * U+0000 in text columns: SQLite stores it, but its driver reads only what is before; PostgreSQL refuses it. Models and
 * clients may send it, so it is written as U+001A "0", and U+001A itself as U+001A "1". Equal texts stay equal.
 */

// deno-lint-ignore no-control-regex
const ESCAPED = /[\x00\x1a]/;

export function escapeNul(text: string): string {
  return ESCAPED.test(text) ? text.replaceAll("\x1a", "\x1a1").replaceAll("\0", "\x1a0") : text;
}

export function unescapeNul(text: string): string {
  return text.includes("\x1a") ? text.replaceAll("\x1a0", "\0").replaceAll("\x1a1", "\x1a") : text;
}

/** In place: the texts of a row as they were given. */
export function unescapeRow<R extends object>(row: R): R {
  const columns = row as Record<string, unknown>;
  for (const name in columns) {
    const value = columns[name];
    if (typeof value === "string") columns[name] = unescapeNul(value);
  }
  return row;
}
