/**
 * JSON of untrusted files: bounded in size, strict UTF-8, an object at the top, and no key twice in one object.
 * (`JSON.parse` alone would silently keep the last of two tensors that claim one name.) Refusals are FormatErrors
 * that name the file.
 */
import { FormatError } from "../errors.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** Small metadata files (config.json, an index) have no business being larger. */
export const MAX_METADATA_BYTES = 64 * 1024 * 1024;

/** What is written again must not overflow the stack; no file of a model nests deeper than some ten levels. */
const MAX_DEPTH = 256;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Parses one JSON object; `file` is how messages call it. */
export function parseJsonObject(bytes: Uint8Array, file: string): JsonObject {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FormatError(`Cannot parse "${file}": its JSON is not valid UTF-8`, { file }, { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) { // a SyntaxError, or a RangeError where arrays nest too deep
    throw new FormatError(`Cannot parse "${file}": not valid JSON`, { file }, { cause });
  }
  if (!isJsonObject(value)) {
    throw new FormatError(`Cannot parse "${file}": found ${jsonType(value)}, expected a JSON object`, {
      file,
    });
  }
  checkStructure(text, file);
  return value;
}

/** What the language has and its type library lacks yet. */
interface JsonWithSource {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
}

/**
 * A valid JSON object's text, to be changed and written again: its numbers are objects that stringify as they were
 * written. `10000.0` would otherwise become `10000`, which is an integer to a reader in Python, and large ones inexact.
 */
export function parseKeepingNumbers(text: string): JsonObject {
  const json = JSON as unknown as JsonWithSource;
  return json.parse(
    text,
    (_key, value, { source }) =>
      typeof value === "number" && source !== undefined ? json.rawJSON(source) : value,
  ) as JsonObject;
}

/** "an array", "null", "a string": the type of a parsed value in words; "missing" where there is none. */
export function jsonType(value: unknown): string {
  if (value === undefined) return MISSING;
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** How messages call what is not there. */
const MISSING = "missing";

/** A value out of a file, quoted and cut short for a message; "missing" where there is none. */
export function quote(value: unknown): string {
  if (value === undefined) return MISSING;
  const text = JSON.stringify(value, shownNumber) ?? String(value);
  return text.length <= 120 ? text : `${text.slice(0, 117)}…`;
}

/** JSON has no NaN and no infinity and would show null; 1e999 in a file is read as infinity. */
function shownNumber(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

/** Refuses valid JSON in which an object holds a key twice (escapes resolved), or that nests too deep. */
function checkStructure(text: string, file: string): void {
  const open: (Set<string> | null)[] = []; // one entry per open object (its keys) or array (null)
  const push = (entry: Set<string> | null) => {
    if (open.push(entry) <= MAX_DEPTH) return;
    throw new FormatError(`Cannot parse "${file}": it nests deeper than ${MAX_DEPTH} levels`, { file });
  };
  let expectKey = false;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x7b: // {
        push(new Set());
        expectKey = true;
        break;
      case 0x5b: // [
        push(null);
        expectKey = false;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        expectKey = false;
        break;
      case 0x2c: // ,
        expectKey = open.at(-1) !== null;
        break;
      case 0x22: { // "
        const start = i;
        for (i++; text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++;
        const keys = open.at(-1);
        if (!expectKey || !keys) break;
        const literal = text.slice(start, i + 1);
        const key = literal.includes("\\") ? JSON.parse(literal) as string : literal.slice(1, -1);
        if (keys.has(key)) {
          throw new FormatError(`Cannot parse "${file}": key ${quote(key)} occurs twice`, { file, key });
        }
        keys.add(key);
        expectKey = false;
        break;
      }
    }
  }
}
