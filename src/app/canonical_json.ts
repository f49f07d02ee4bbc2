/** JSON in one form only, so that its hash means its content: keys sorted by code unit, no white space. */

/** `undefined` fields are left out; bigints become decimal strings, dates ISO 8601. */
export function canonicalJson(value: unknown): string {
  const json = JSON.stringify(value, (_key, inner) => typeof inner === "bigint" ? String(inner) : inner);
  return write(JSON.parse(json));
}

/** Not by an object with sorted keys: objects put keys that are numbers first, by their value. */
function write(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
  const fields = Object.entries(value).sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
  return `{${fields.map(([key, inner]) => `${JSON.stringify(key)}:${write(inner)}`).join(",")}}`;
}
