/**
 * Between column values and TypeScript values, the same for every database: JSON as text (bigints as decimal strings
 * under a reserved key), timestamps as ISO-8601 text, 64-bit counts as bigint. What the store reads back it wrote
 * itself, so a value that does not decode is a broken invariant and throws a plain Error.
 */

/** JSON text. Bigints become `{"$bigint": "…"}`; everything else must be JSON already. */
export function toJson(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, inner) => typeof inner === "bigint" ? { $bigint: String(inner) } : inner,
  );
}

/** The inverse of {@link toJson}; the caller states the type that was written. */
export function fromJson<T>(text: string): T {
  return JSON.parse(text, (_key, inner) => isBigIntBox(inner) ? BigInt(inner.$bigint) : inner) as T;
}

/** {@link fromJson} for a nullable column. */
export function fromJsonOrNull<T>(text: string | null): T | null {
  return text === null ? null : fromJson<T>(text);
}

/** The last one: what is written together, and told to whoever watches, is of one moment. */
let lastMs = NaN;
let lastTime = "";

/** `2026-01-02T03:04:05.678Z`: sorts as text, and means the same in every database. */
export function toTime(date: Date): string {
  const ms = date.getTime();
  if (ms !== lastMs) {
    lastTime = date.toISOString();
    lastMs = ms;
  }
  return lastTime;
}

/** The inverse of {@link toTime}. */
export function fromTime(text: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw new Error(`Stored timestamp "${text}" is no date`);
  return date;
}

/** {@link fromTime} for a nullable column. */
export function fromTimeOrNull(text: string | null): Date | null {
  return text === null ? null : fromTime(text);
}

/** Drivers return 64-bit columns as number or string. */
export function toBigInt(value: number | string | bigint): bigint {
  return BigInt(value);
}

function isBigIntBox(value: unknown): value is { readonly $bigint: string } {
  return typeof value === "object" && value !== null && "$bigint" in value &&
    typeof value.$bigint === "string" && Object.keys(value).length === 1;
}
