/**
 * What an output may be held to: a JSON schema, a regular expression, or a list of choices. The shape and the bounds of
 * what a stranger sends are checked here, with ConfigErrors that name the field; whether it compiles, the library knows
 * (service.ts). Keywords that the library would leave out in silence are refused: an output must not pass for valid.
 */
import { ConfigError } from "../errors.ts";
import { BOUNDS } from "./integer_ranges.ts";
import { takeOwnRules } from "./own_rules.ts";
import { conflictOf, DATA_INSIDE, holdsPartsOfString, NAMES_INSIDE } from "./schema_keywords.ts";
import { misshapenIn } from "./schema_shapes.ts";
import { regexRules } from "./text_grammar.ts";

/** The output is exactly one value of the schema, a match of the whole expression, or one of the strings. */
export type Constraint =
  | { readonly jsonSchema: string }
  | { readonly regex: string }
  | { readonly choice: readonly string[] };

export type ConstraintKind = "jsonSchema" | "regex" | "choice";

export const CONSTRAINT_LIMITS = {
  /** Characters, levels and values of a schema. Real ones have some thousand characters. */
  jsonSchema: { maxLength: 65_536, maxDepth: 32, maxValues: 4096 },
  regex: { maxLength: 1024 },
  choice: { maxItems: 256, maxLength: 512 },
} as const;

const KINDS: readonly ConstraintKind[] = ["jsonSchema", "regex", "choice"];

/** Of JSON Schema; the grammar would know nothing of them. */
const UNSUPPORTED: ReadonlySet<string> = new Set([
  "not",
  "if",
  "then",
  "else",
  "multipleOf",
  "uniqueItems",
  "contains",
  "propertyNames",
  "minContains",
  "maxContains",
  "dependentRequired",
  "dependentSchemas",
  "dependencies",
  "$dynamicRef",
  "$recursiveRef",
]);
export function kindOf(constraint: Constraint): ConstraintKind {
  return KINDS.find((kind) => kind in constraint)!;
}

/** `field` is how errors call the value. Exactly one kind must be given; null counts as not given. */
export function parseConstraint(field: string, value: unknown): Constraint {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refused(field, "not an object", `one of ${KINDS.join(", ")}`);
  }
  const given = Object.entries(value).filter(([, part]) => part !== null && part !== undefined);
  const [kind, part] = given[0] ?? [];
  if (given.length !== 1 || !KINDS.some((known) => known === kind)) {
    const found = given.map(([key]) => key).join(", ") || "nothing";
    throw refused(field, found, `exactly one of ${KINDS.join(", ")}`);
  }
  const name = `${field}.${kind}`;
  if (kind === "choice") return { choice: parseChoice(name, part) };
  const { maxLength } = CONSTRAINT_LIMITS[kind as "jsonSchema" | "regex"];
  if (typeof part !== "string" || part === "" || part.length > maxLength) {
    throw refused(name, describe(part), `a text of 1 … ${maxLength} characters`);
  }
  if (!part.isWellFormed()) throw refused(name, "half a surrogate pair", "Unicode text");
  if (kind === "regex") {
    readable(name, () => regexRules(part));
    return { regex: part };
  }
  checkSchema(name, part);
  readable(name, () => takeOwnRules(part, "free"));
  return { jsonSchema: part };
}

function parseChoice(field: string, value: unknown): readonly string[] {
  const { maxItems, maxLength } = CONSTRAINT_LIMITS.choice;
  const allowed = `1 … ${maxItems} strings of 1 … ${maxLength} characters`;
  if (!Array.isArray(value) || value.length === 0 || value.length > maxItems) {
    throw refused(field, describe(value), allowed);
  }
  const strings = value.map((item: unknown, index) => {
    const usable = typeof item === "string" && item !== "" && item.length <= maxLength && item.isWellFormed();
    if (!usable || item.includes("\0")) throw refused(`${field}[${index}]`, describe(item), allowed);
    return item;
  });
  return [...new Set(strings)];
}

function checkSchema(field: string, text: string): void {
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch (error) {
    throw refused(field, `text that is not JSON (${(error as Error).message})`, "a JSON schema");
  }
  if (
    typeof schema !== "boolean" && (typeof schema !== "object" || schema === null || Array.isArray(schema))
  ) {
    throw refused(field, describe(schema), "a JSON schema: an object, true or false");
  }
  const { maxDepth, maxValues } = CONSTRAINT_LIMITS.jsonSchema;
  let values = 0;
  const schemas = new Set<unknown>();
  /** `names`: the keys of this object are no keywords. `part`: these are of the string around them. */
  const walk = (
    value: unknown,
    path: readonly string[],
    { names, data, part }: { readonly names: boolean; readonly data: boolean; readonly part: boolean },
  ): void => {
    if (++values > maxValues) throw refused(field, "more values", `at most ${maxValues}`);
    if (typeof value !== "object" || value === null) return;
    if (path.length >= maxDepth) throw refused(field, "deeper nesting", `at most ${maxDepth} levels`);
    if (!Array.isArray(value) && !names && !data) {
      if (!part) schemas.add(value);
      checkKeywords(field, value as Record<string, unknown>, part, path);
    }
    for (const [key, inner] of Object.entries(value)) {
      const plain = !names && !data && !Array.isArray(value);
      const isPart = plain
        ? key === "allOf" && holdsPartsOfString(value as Record<string, unknown>)
        : part && Array.isArray(value);
      walk(inner, [...path, key], {
        names: plain && NAMES_INSIDE.has(key),
        data: data || (plain && DATA_INSIDE.has(key)),
        part: isPart,
      });
    }
  };
  walk(schema, [], { names: false, data: false, part: false });
  for (const found of schemas) {
    const { $ref } = found as Record<string, unknown>;
    if (typeof $ref !== "string") continue;
    const target = follow(schema, $ref);
    if (typeof target !== "boolean" && !schemas.has(target)) {
      throw refused(
        field,
        `"$ref": ${JSON.stringify($ref).slice(0, 60)}`,
        "the path of a schema in this document",
      );
    }
  }
}

/**
 * What a reference leads to, as the library finds it: name by name, none of them escaped; undefined where it finds
 * nothing, or may find another value than the standard says.
 */
function follow(schema: unknown, ref: string): unknown {
  if (/[~%]/.test(ref)) return undefined;
  return ref.split("/").slice(1).reduce(
    (value, name) =>
      typeof value === "object" && value !== null && !Array.isArray(value) && Object.hasOwn(value, name)
        ? (value as Record<string, unknown>)[name]
        : undefined,
    schema,
  );
}

function checkKeywords(
  field: string,
  schema: Record<string, unknown>,
  isPart: boolean,
  path: readonly string[],
): void {
  for (const key of Object.keys(schema)) {
    if (UNSUPPORTED.has(key) && !saysNothing(key, schema[key])) throw unenforceable(field, key, path);
  }
  const conflict = misshapenIn(schema) ?? (isPart ? null : conflictOf(schema));
  if (conflict !== null) throw refused(field, conflict.found, conflict.allowed, path);
  const { allOf } = schema;
  if (Array.isArray(allOf) && allOf.length > 1 && !holdsPartsOfString(schema)) {
    throw refused(field, "allOf of several", "allOf of one schema, or of several of a string", path);
  }
  const types: readonly unknown[] = [schema.type].flat();
  const areNumbers = types.includes("integer") || types.includes("number");
  if (!areNumbers && BOUNDS.some((key) => schema[key] !== undefined)) {
    const found = `bounds of type ${JSON.stringify(schema.type) ?? "any"}`;
    throw refused(field, found, "bounds of numbers", path);
  }
}

/** Such as the `"propertyNames": {"type": "string"}` that libraries write of every map. */
function saysNothing(keyword: string, value: unknown): boolean {
  if (keyword === "uniqueItems") return value === false;
  if (keyword !== "propertyNames") return false;
  return value === true || JSON.stringify(value) === '{"type":"string"}';
}

/** What is not, says so by a RangeError. */
function readable(field: string, read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const found = error.message;
    throw new ConfigError(`Invalid sampling parameter "${field}": ${found}`, {
      field,
      found,
      allowed: "what a grammar can be made of",
    });
  }
}

function unenforceable(field: string, key: string, path: readonly string[]): ConfigError {
  const found = `the keyword "${key}"`;
  return new ConfigError(
    `Invalid sampling parameter "${field}": "${key}" cannot be enforced; leave it out${placeOf(path)}`,
    { field, found, allowed: "keywords that can be enforced" },
  );
}

export function refused(
  field: string,
  found: string,
  allowed: string,
  path: readonly string[] = [],
): ConfigError {
  return new ConfigError(
    `Invalid sampling parameter "${field}": found ${found}, expected ${allowed}${placeOf(path)}`,
    { field, found, allowed },
  );
}

/** In a schema; nothing of the schema itself. */
function placeOf(path: readonly string[]): string {
  if (path.length === 0) return "";
  const place = `#/${path.map((name) => name.replaceAll("~", "~0").replaceAll("/", "~1")).join("/")}`;
  return ` (at ${place.length > 100 ? `${place.slice(0, 100)}…` : place})`;
}

function describe(value: unknown): string {
  if (typeof value === "string") return `a text of ${value.length} characters`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
