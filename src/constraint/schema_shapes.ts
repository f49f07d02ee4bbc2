/**
 * What the values of a schema's keywords must be. Of others the library gives up without a word, or takes a maxLength of -1
 * for none.
 */
import { isJsonObject, type JsonObject } from "../formats/json.ts";
import type { Conflict } from "./schema_keywords.ts";

interface Shape {
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;
}

const TYPES: readonly unknown[] = ["string", "number", "integer", "boolean", "null", "array", "object"];
/** The library's counts have 32 bits. */
const MAX_COUNT = 2 ** 31 - 1;

const isSchema = (value: unknown) => typeof value === "boolean" || isJsonObject(value);
const isList = (value: unknown, of: (item: unknown) => boolean) =>
  Array.isArray(value) && value.length > 0 && value.every(of);

const SCHEMA: Shape = { expected: "a schema", fits: isSchema };
const SCHEMAS: Shape = { expected: "a list of schemas", fits: (value) => isList(value, isSchema) };
const NAMED_SCHEMAS: Shape = {
  expected: "an object of schemas",
  fits: (value) => isJsonObject(value) && Object.values(value).every(isSchema),
};
const TEXT: Shape = { expected: "a text", fits: (value) => typeof value === "string" };
const COUNT: Shape = {
  expected: `a whole number from 0 to ${MAX_COUNT}`,
  fits: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_COUNT,
};
const NUMBER: Shape = { expected: "a number", fits: (value) => typeof value === "number" };

const SHAPES: ReadonlyMap<string, Shape> = new Map([
  ["type", {
    expected: "one of the types of JSON, or several",
    fits: (value) => [value].flat().length > 0 && [value].flat().every((each) => TYPES.includes(each)),
  }],
  ["enum", { expected: "a list of values", fits: (value) => isList(value, () => true) }],
  ["required", {
    expected: "a list of names",
    fits: (value) => Array.isArray(value) && value.every((name) => typeof name === "string"),
  }],
  ...entries(SCHEMAS, ["anyOf", "oneOf", "allOf", "prefixItems"]),
  ...entries(NAMED_SCHEMAS, ["properties", "patternProperties", "$defs", "definitions"]),
  ...entries(SCHEMA, [
    ...["items", "additionalItems", "unevaluatedItems", "additionalProperties", "unevaluatedProperties"],
  ]),
  ...entries(TEXT, ["pattern", "format", "$ref"]),
  ...entries(COUNT, ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"]),
  ...entries(NUMBER, ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]),
]);

/** The first keyword whose value is not what it must be; null where there is none. */
export function misshapenIn(schema: JsonObject): Conflict | null {
  for (const [keyword, value] of Object.entries(schema)) {
    const shape = SHAPES.get(keyword);
    if (shape === undefined || shape.fits(value)) continue;
    const found = JSON.stringify(value) ?? String(value);
    return {
      found: `"${keyword}": ${found.length > 60 ? `${found.slice(0, 60)}…` : found}`,
      allowed: shape.expected,
    };
  }
  return null;
}

function entries(shape: Shape, keywords: readonly string[]): (readonly [string, Shape])[] {
  return keywords.map((keyword) => [keyword, shape] as const);
}
