/**
 * Whether the lengths of a schema's strings may be counted beside its grammar instead of in it (string_lengths.ts). Not where
 * one of several schemas for the same value may turn out to be out of the question because a string within was too long:
 * the grammar without lengths would still take it for possible.
 */
import { isJsonObject, type JsonObject } from "../formats/json.ts";
import { DATA_INSIDE, NAMES_INSIDE } from "./schema_keywords.ts";
import { limitsOf } from "./string_limits.ts";

/** References in references; those that go in circles say nothing of a type. */
const MAX_HOPS = 32;

/** `schema` has been checked (constraint.ts): its references lead to schemas. */
export function lengthsMayBeFree(schema: unknown): boolean {
  const all = subschemasOf(schema);
  const counted = all.filter((each) => hasLength(each));
  if (counted.length === 0) return false;
  return all.every((each) =>
    [each.anyOf, each.oneOf].every((branches) =>
      !Array.isArray(branches) || !branches.some((branch) => leadsTo(schema, branch, counted)) ||
      areApart(branches.map((branch) => typesOf(schema, branch)))
    )
  );
}

/** A string of which nothing but its length is asked. */
function hasLength(schema: JsonObject): boolean {
  const isString = [schema.type].flat().includes("string") && schema.enum === undefined &&
    schema.const === undefined;
  const limits = isString ? limitsOf((keyword) => schema[keyword]) : null;
  return limits !== null && limits.regexes.length + limits.patterns.length === 0;
}

/** The schemas in a value that is one, itself included. */
function subschemasOf(value: unknown): readonly JsonObject[] {
  if (Array.isArray(value)) return value.flatMap(subschemasOf);
  if (!isJsonObject(value)) return [];
  return [
    value,
    ...Object.entries(value).flatMap(([key, inner]) => {
      if (DATA_INSIDE.has(key)) return [];
      return NAMES_INSIDE.has(key) && isJsonObject(inner)
        ? Object.values(inner).flatMap(subschemasOf)
        : subschemasOf(inner);
    }),
  ];
}

/** Whether one of these is within a schema, or within what it refers to. */
function leadsTo(document: unknown, schema: unknown, goals: readonly JsonObject[]): boolean {
  const seen = new Set<JsonObject>();
  const waiting = [schema];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const each of subschemasOf(next)) {
      if (seen.has(each)) continue;
      seen.add(each);
      if (goals.includes(each)) return true;
      if (typeof each.$ref === "string") waiting.push(targetOf(document, each.$ref));
    }
  }
  return false;
}

/** Types that a value of it may have; null where that is not said. */
function typesOf(document: unknown, schema: unknown): readonly string[] | null {
  let found = schema;
  for (let hop = 0; hop < MAX_HOPS && isJsonObject(found); hop++) {
    if (typeof found.$ref === "string") found = targetOf(document, found.$ref);
    else if (Array.isArray(found.allOf) && found.type === undefined) found = found.allOf[0];
    else break;
  }
  if (!isJsonObject(found)) return null;
  const values = found.const !== undefined ? [found.const] : found.enum;
  if (Array.isArray(values)) return values.map(typeOf);
  const types = [found.type].flat();
  return types.every((type) => typeof type === "string")
    ? types.map((type) => type === "integer" ? "number" : type)
    : null;
}

function typeOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}

/** No type may be one of two. */
function areApart(branches: readonly (readonly string[] | null)[]): boolean {
  const all = branches.flatMap((types) => types === null ? [null] : [...new Set(types)]);
  return !all.includes(null) && new Set(all).size === all.length;
}

function targetOf(document: unknown, ref: string): unknown {
  return ref.split("/").slice(1).reduce(
    (value, name) => Array.isArray(value) || isJsonObject(value) ? (value as JsonObject)[name] : undefined,
    document,
  );
}
