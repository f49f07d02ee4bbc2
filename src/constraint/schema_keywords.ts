/**
 * Which keywords of one schema can stand together. The library reads a schema by the first of a few keywords and leaves
 * out in silence what stands beside it, guesses a type from some keywords only, and lets a property that has a name of
 * its own come once more among those that have none. Each is found here, for an output must not pass for valid.
 */
import { isJsonObject, type JsonObject } from "../formats/json.ts";
import { BOUNDS } from "./integer_ranges.ts";

export interface Conflict {
  readonly found: string;
  readonly allowed: string;
}

/** Their keys are names that somebody chose, not keywords. */
export const NAMES_INSIDE: ReadonlySet<string> = new Set([
  "properties",
  "patternProperties",
  "$defs",
  "definitions",
]);
/** Their values are data, not schemas. */
export const DATA_INSIDE: ReadonlySet<string> = new Set(["const", "enum", "default", "examples", "example"]);

/** In the order in which the library looks for them: the first stands for the whole schema. */
const WHOLE = ["$ref", "const", "enum", "anyOf", "oneOf", "allOf"] as const;

export const STRING_KEYWORDS = ["minLength", "maxLength", "pattern", "format"] as const;

/** Keywords that hold for one type, and those of them from which the library knows it. */
const OF_TYPE = {
  string: { all: STRING_KEYWORDS, telling: [] },
  object: {
    all: [
      ...["properties", "required", "additionalProperties", "patternProperties", "unevaluatedProperties"],
      ...["minProperties", "maxProperties"],
    ],
    telling: ["properties", "additionalProperties", "unevaluatedProperties"],
  },
  array: {
    all: ["items", "prefixItems", "minItems", "maxItems", "unevaluatedItems", "additionalItems"],
    telling: ["items", "prefixItems", "unevaluatedItems"],
  },
} as const;

const ASSERTIONS: readonly string[] = [
  ...["type", ...WHOLE, ...BOUNDS],
  ...Object.values(OF_TYPE).flatMap(({ all }) => all),
];

/** The first that is found; null where the grammar means what the schema says. */
export function conflictOf(schema: JsonObject): Conflict | null {
  const { $ref } = schema;
  if ($ref !== undefined && (typeof $ref !== "string" || !/^#(\/|$)/.test($ref))) {
    return {
      found: "a $ref that is no path in this document",
      allowed: "references such as #/$defs/x",
    };
  }
  const has = (key: string) => schema[key] !== undefined;
  const whole = WHOLE.find(has);
  if (whole === "allOf" && holdsPartsOfString(schema)) return null;
  if (whole !== undefined) return besideWhole(schema, whole, ASSERTIONS.filter(has));
  return (has("type") ? amongTypes(schema, has) : withoutType(has)) ?? amongProperties(schema);
}

function besideWhole(schema: JsonObject, whole: typeof WHOLE[number], present: string[]): Conflict | null {
  const values = whole === "const" ? [schema.const] : whole === "enum" ? schema.enum : null;
  const other = present.find((key) =>
    key !== whole && !(key === "type" && Array.isArray(values) && values.every((v) => isOf(v, schema.type)))
  );
  return other === undefined ? null : { found: `"${other}" beside "${whole}"`, allowed: "one of them" };
}

/** `{"type": "string", "allOf": [{"pattern": "^a"}, {"pattern": "b$"}]}`, as libraries write several of a kind. */
export function holdsPartsOfString({ type, allOf, ...others }: JsonObject): boolean {
  const isOfString = (key: string) =>
    STRING_KEYWORDS.some((known) => known === key) || !ASSERTIONS.includes(key);
  const isPart = (part: unknown) =>
    isJsonObject(part) &&
    Object.entries(part).every(([key, value]) => isOfString(key) || (key === "type" && value === "string"));
  return type === "string" && Array.isArray(allOf) && [others, ...allOf].every(isPart);
}

function withoutType(has: (key: string) => boolean): Conflict | null {
  for (const [type, { all, telling }] of Object.entries(OF_TYPE)) {
    const key = all.find(has);
    if (key === undefined || telling.some(has)) continue;
    return { found: `"${key}" without a type`, allowed: `"type": "${type}"` };
  }
  return null;
}

/** Types with a grammar of their own (own_rules.ts) stand beside others as alternatives, which have no keywords. */
function amongTypes({ type }: JsonObject, has: (key: string) => boolean): Conflict | null {
  if (!Array.isArray(type) || type.length < 2) return null;
  const own = [...STRING_KEYWORDS, ...BOUNDS].find(has);
  const other = [...OF_TYPE.object.all, ...OF_TYPE.array.all].find(has);
  if (own === undefined || other === undefined) return null;
  return { found: `"${other}" beside "${own}" of several types`, allowed: "anyOf, a schema for each type" };
}

function amongProperties(schema: JsonObject): Conflict | null {
  const { required, additionalProperties, unevaluatedProperties, minProperties } = schema;
  const [named, patterns] = [schema.properties, schema.patternProperties].map((part) =>
    typeof part === "object" && part !== null ? Object.keys(part) : []
  ) as [string[], string[]];
  const absent = Array.isArray(required)
    ? required.find((name) => !named.includes(name as string))
    : undefined;
  if (absent !== undefined) {
    return {
      found: `required ${JSON.stringify(absent).slice(0, 60)}`,
      allowed: "names among the properties",
    };
  }
  const others = [additionalProperties, unevaluatedProperties].some((part) =>
    part !== undefined && part !== false
  );
  // Where some have names there are no others (own_rules.ts), which these allow.
  if (named.length > 0) {
    return patterns.length === 0
      ? null
      : { found: "properties with names beside patterns", allowed: "all with names, or none" };
  }
  if (patterns.length > 1) return { found: "several patternProperties", allowed: "one pattern" };
  if ((others || patterns.length > 0) && typeof minProperties === "number" && minProperties > 1) {
    return {
      found: "minProperties where a name may come twice",
      allowed: "0 or 1, or properties with names",
    };
  }
  return null;
}

function isOf(value: unknown, type: unknown): boolean {
  if (Array.isArray(type)) return type.some((each) => isOf(value, each));
  if (type === "integer") return Number.isInteger(value);
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  return typeof value === type && value !== null && !Array.isArray(value);
}
