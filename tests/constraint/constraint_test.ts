/** What a stranger may ask an output to be held to. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { CONSTRAINT_LIMITS, parseConstraint } from "../../src/constraint/constraint.ts";
import { isSafeInString } from "../../src/constraint/string_pattern.ts";
import { ConfigError } from "../../src/errors.ts";

function refusal(value: unknown): ConfigError | null {
  try {
    parseConstraint("constraint", value);
    return null;
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

const schema = (value: unknown) => ({ jsonSchema: JSON.stringify(value) });
const nested = (depth: number): unknown => depth === 0 ? true : { items: nested(depth - 1) };

Deno.test("parseConstraint() takes one kind, and keeps it as it is", () => {
  const good = [
    { regex: "[a-z]+" },
    { regex: "x".repeat(CONSTRAINT_LIMITS.regex.maxLength) },
    schema(true),
    schema({ type: "object", properties: { not: { type: "string" }, if: true }, required: ["not"] }),
    schema({ const: { not: 1, uniqueItems: 2 } }),
    schema({ $ref: "#/$defs/a", $defs: { a: { enum: [1] } } }),
    schema(nested(31)),
  ];
  for (const value of good) expect(parseConstraint("constraint", value)).toEqual(value);
  expect(parseConstraint("c", { regex: null, jsonSchema: undefined, choice: ["a", "b", "a"] }))
    .toEqual({ choice: ["a", "b"] });
});

const BAD: readonly (readonly [string, unknown, string])[] = [
  ["no object", "yes", "constraint"],
  ["a list", [], "constraint"],
  ["no kind", {}, "constraint"],
  ["only nulls", { regex: null }, "constraint"],
  ["two kinds", { regex: "a", choice: ["a"] }, "constraint"],
  ["an unknown kind", { grammar: "root" }, "constraint"],
  ["an empty expression", { regex: "" }, "constraint.regex"],
  ["a long expression", { regex: "x".repeat(1025) }, "constraint.regex"],
  ["half a character", { regex: "\ud800" }, "constraint.regex"],
  ["no choices", { choice: [] }, "constraint.choice"],
  ["too many choices", { choice: Array(257).fill("a") }, "constraint.choice"],
  ["an empty choice", { choice: ["a", ""] }, "constraint.choice[1]"],
  ["a choice that is no text", { choice: [1] }, "constraint.choice[0]"],
  ["a long choice", { choice: ["x".repeat(513)] }, "constraint.choice[0]"],
  ["text that is not JSON", { jsonSchema: "{" }, "constraint.jsonSchema"],
  ["a schema that is a number", schema(5), "constraint.jsonSchema"],
  ["a schema that is a list", schema([]), "constraint.jsonSchema"],
  ["a schema too deep", schema(nested(33)), "constraint.jsonSchema"],
  ["a schema too large", schema({ enum: Array(5000).fill(1) }), "constraint.jsonSchema"],
  ["a schema too long", schema({ description: "x".repeat(70_000) }), "constraint.jsonSchema"],
  ["what cannot be enforced", schema({ items: { not: {} } }), "constraint.jsonSchema"],
  ["several schemas at once", schema({ allOf: [{}, {}] }), "constraint.jsonSchema"],
  ["another document", schema({ $ref: "https://example.com/x.json" }), "constraint.jsonSchema"],
  ["a pattern of anything", schema({ pattern: "a.b" }), "constraint.jsonSchema"],
  ["a pattern of names", schema({ patternProperties: { '"': true } }), "constraint.jsonSchema"],
  ["a pattern with a length", schema({ pattern: "a", maxLength: 2 }), "constraint.jsonSchema"],
];
for (const [name, value, field] of BAD) {
  Deno.test(`parseConstraint() refuses ${name}`, () => {
    expect(refusal(value)?.details).toMatchObject({ field });
    expect(refusal(value)!.message.length).toBeLessThan(300);
  });
}

Deno.test("isSafeInString() knows which patterns can match what a JSON string cannot hold as it is", () => {
  const safe = [
    "",
    "[a-z]{2,8}",
    "a\\.b",
    "\\d+\\w*",
    "^(x|y)?$",
    "[A-Z\\[\\]-]",
    "[é-ü]",
    "[+\\-*/]",
    "[\\d-]",
  ];
  const unsafe = [
    '"',
    ".",
    "[^a]",
    "\\\\",
    "\\s",
    "\\S",
    "\\x22",
    "[ -~]",
    "[A-z]",
    "[!-\\-]",
    "\n",
    "\\",
    "[!-",
  ];
  expect(safe.filter((pattern) => !isSafeInString(pattern))).toEqual([]);
  expect(unsafe.filter(isSafeInString)).toEqual([]);
});

Deno.test("parseConstraint() gives a constraint or a ConfigError, whatever it is given", () => {
  fc.assert(fc.property(fc.anything(), (value) => {
    refusal(value);
    refusal({ jsonSchema: value });
    refusal({ choice: value });
  }));
  fc.assert(fc.property(fc.jsonValue(), (value) => void refusal(schema(value))));
});
