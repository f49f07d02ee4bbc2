/** `tojson` of chat templates: Python's `json.dumps`, which puts spaces behind commas and leaves what is not ASCII. */
import {
  asEntries,
  asItems,
  asNumber,
  asText,
  isNone,
  joined,
  type Run,
  type Value,
  VISIT,
  writtenFloat,
} from "./template_values.ts";

export interface JsonOptions {
  readonly ensureAscii: boolean;
  /** What a level is indented with; null for everything in one line. */
  readonly indent: string | null;
  /** Between items, and between a key and its value. */
  readonly separators: readonly [string, string];
  readonly sortKeys: boolean;
}

/** Throws for what has no JSON: undefined values and functions. */
export function toJson(value: Value, options: JsonOptions, run: Run, depth = 0): string {
  const own = asText(value);
  run.spend(VISIT + (own?.length ?? 0));
  if (own !== undefined) return jsonText(own, options, run);
  if (isNone(value)) return "null";
  if (typeof value.value === "boolean") return String(value.value);
  if (value.type === "FloatValue") return writtenFloat(value.value as number);
  if (asNumber(value) !== undefined) return String(value.value);
  const [between, behindKey] = options.separators;
  const inner = (value: Value) => toJson(value, options, run, depth + 1);
  const items = asItems(value)?.map(inner);
  if (items !== undefined) return `[${spread(items, between, options, depth, run)}]`;
  const entries = asEntries(value);
  if (entries === undefined) throw new Error(`it asks for the JSON of a value of type ${value.type}`);
  const keys = options.sortKeys ? [...entries.keys()].sort() : [...entries.keys()];
  const pairs = keys.map((key) => jsonText(key, options, run) + behindKey + inner(entries.get(key)!));
  return `{${spread(pairs, between, options, depth, run)}}`;
}

function spread(
  parts: readonly string[],
  between: string,
  { indent }: JsonOptions,
  depth: number,
  run: Run,
): string {
  if (indent === null || parts.length === 0) return joined(parts, between, run);
  run.spend(indent.length * (depth + 1));
  const line = `\n${indent.repeat(depth)}`;
  return `${line}${indent}${joined(parts, `${between}${line}${indent}`, run)}${line}`;
}

function jsonText(own: string, { ensureAscii }: JsonOptions, { plain }: Run): string {
  const json = JSON.stringify(own);
  if (!ensureAscii) return json;
  return json.replace(
    /[\u0080-\uffff]/g,
    (unit) => plain(unit) === unit ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}` : unit,
  );
}
