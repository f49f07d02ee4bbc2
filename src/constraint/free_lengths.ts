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
      areApart(branches.map((branch) => openingsOf(schema, branch)))
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

/** What every value of a type begins with: of an object the first property that it must have, and its value, where it has one. */
interface Opening {
  readonly type: string;
  readonly name?: string;
  /** As JSON. */
  readonly value?: string;
}

/** Of a schema's values; null where it does not say. */
function openingsOf(document: unknown, schema: unknown): readonly Opening[] | null {
  const found = followed(document, schema);
  if (!isJsonObject(found)) return null;
  const values = valuesOf(found);
  if (values !== null) return values.map((value) => ({ type: typeOf(value) }));
  const types = [found.type].flat();
  if (!types.every((type) => typeof type === "string")) return null;
  return types.flatMap((type): readonly Opening[] => {
    if (type === "integer") return [{ type: "number" }];
    if (type !== "object" || !isJsonObject(found.properties) || !Array.isArray(found.required)) {
      return [{ type }];
    }
    const names = Object.keys(found.properties);
    const [name] = names;
    // Names like numbers come first here, wherever they stand in the schema.
    const isFirst = name !== undefined && !names.some((each) => /^\d+$/.test(each));
    if (!isFirst || !found.required.includes(name)) return [{ type }];
    const first = valuesOf(followed(document, found.properties[name]));
    return first === null
      ? [{ type, name }]
      : first.map((value) => ({ type, name, value: JSON.stringify(value) }));
  });
}

/** Without references, and `allOf` of one. */
function followed(document: unknown, schema: unknown): unknown {
  let found = schema;
  for (let hop = 0; hop < MAX_HOPS && isJsonObject(found); hop++) {
    if (typeof found.$ref === "string") found = targetOf(document, found.$ref);
    else if (Array.isArray(found.allOf) && found.type === undefined) found = found.allOf[0];
    else return found;
  }
  return null;
}

function valuesOf(schema: unknown): readonly unknown[] | null {
  if (!isJsonObject(schema)) return null;
  if (schema.const !== undefined) return [schema.const];
  return Array.isArray(schema.enum) ? schema.enum : null;
}

function typeOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}

/** By what values of one begin with, which ends before any string with a length in them, it is known that they are none of another. */
function areApart(branches: readonly (readonly Opening[] | null)[]): boolean {
  return branches.every((openings, at) =>
    openings !== null &&
    branches.slice(at + 1).every((others) =>
      others !== null && openings.every((opening) => others.every((other) => isOther(opening, other)))
    )
  );
}

function isOther(one: Opening, another: Opening): boolean {
  if (one.type !== another.type) return true;
  if (one.name === undefined || another.name === undefined) return false;
  if (one.name !== another.name) return true;
  return one.value !== undefined && another.value !== undefined && one.value !== another.value;
}

function targetOf(document: unknown, ref: string): unknown {
  return ref.split("/").slice(1).reduce(
    (value, name) => Array.isArray(value) || isJsonObject(value) ? (value as JsonObject)[name] : undefined,
    document,
  );
}
