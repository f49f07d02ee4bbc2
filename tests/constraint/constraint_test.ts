/** What a stranger may ask an output to be held to. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { CONSTRAINT_LIMITS, parseConstraint } from "../../src/constraint/constraint.ts";
import { takeOwnRules } from "../../src/constraint/own_rules.ts";
import { escapeNames } from "../../src/constraint/property_names.ts";
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
    { regex: "[a\\^][^\\^][\\^][^\\]\\^]\\[\\^[[\\^]" },
    { regex: '^(?:^x|\\"\\-[\\-"]y{2,3}?$)$' },
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

Deno.test("parseConstraint() says which keyword to leave out", () => {
  expect(refusal(schema({ type: "array", uniqueItems: true }))?.message).toBe(
    'Invalid sampling parameter "constraint.jsonSchema": "uniqueItems" cannot be enforced; leave it out',
  );
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
  ["an unclosed group", { regex: "(" }, "constraint.regex"],
  ["looking ahead at what never comes", { regex: "(?=a)b" }, "constraint.regex"],
  ["looking ahead again and again", { regex: "((?=a)a)*" }, "constraint.regex"],
  ["an anchor behind what is looked at", { regex: "(?=a)a^b" }, "constraint.regex"],
  ["a lookbehind", { regex: "a(?<!b)" }, "constraint.regex"],
  ["a reference back", { regex: "(a)\\1" }, "constraint.regex"],
  ["a boundary of words", { regex: "a\\b" }, "constraint.regex"],
  ["an anchor in the middle", { regex: "a^b" }, "constraint.regex"],
  ["an anchor that comes again", { regex: "(^a)+" }, "constraint.regex"],
  ["an escape of another language", { regex: "\\Aab\\Z" }, "constraint.regex"],
  ["a flag", { regex: "(?i:a)" }, "constraint.regex"],
  ["a class of no character", { regex: "a[]" }, "constraint.regex"],
  ["a range the wrong way round", { regex: "[z-a]" }, "constraint.regex"],
  ["half a pair", { regex: "\\ud83d" }, "constraint.regex"],
  ["a property of Unicode", { regex: "\\p{L}" }, "constraint.regex"],
  ["repeats of repeats", { regex: "((a{100}){100}){100}" }, "constraint.regex"],
  ["such a pattern", schema({ type: "string", pattern: "(?=a)" }), "constraint.jsonSchema"],
  [
    "patterns that nothing fits",
    schema({ type: "string", allOf: [{ pattern: "^a$" }, { pattern: "^b" }] }),
    "constraint.jsonSchema",
  ],
  [
    "a part of a string that is none",
    schema({ type: "string", allOf: [{ pattern: 1 }] }),
    "constraint.jsonSchema",
  ],
  [
    "a pattern with an anchor that may come later",
    schema({ type: "string", pattern: "a?^b" }),
    "constraint.jsonSchema",
  ],
  [
    "lengths with nothing between them",
    schema({ type: "string", minLength: 3, maxLength: 2 }),
    "constraint.jsonSchema",
  ],
  [
    "a pattern and a length of many states",
    schema({ type: "string", pattern: "^[ab]+$", minLength: 501 }),
    "constraint.jsonSchema",
  ],
  [
    "a pattern and a length of ever more states",
    schema({ type: "string", pattern: "^.*a.{30}$", maxLength: 99 }),
    "constraint.jsonSchema",
  ],
  [
    "numbers with nothing between them",
    schema({ type: "number", exclusiveMinimum: 1, maximum: 1 }),
    "constraint.jsonSchema",
  ],
  ["a bound beyond all numbers", schema({ type: "number", minimum: 1e300 }), "constraint.jsonSchema"],
  [
    "a pattern of names that is none",
    schema({ type: "object", patternProperties: { "(": true } }),
    "constraint.jsonSchema",
  ],
  [
    "bounds with nothing between them",
    schema({ type: "integer", minimum: 3, maximum: 2 }),
    "constraint.jsonSchema",
  ],
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
  ["bounds on names", schema({ propertyNames: { type: "string", maxLength: 1 } }), "constraint.jsonSchema"],
  ["several schemas at once", schema({ allOf: [{}, {}] }), "constraint.jsonSchema"],
  ["another document", schema({ $ref: "https://example.com/x.json" }), "constraint.jsonSchema"],
  ["a reference to nothing", schema({ $ref: "#/$defs/a", $defs: { b: true } }), "constraint.jsonSchema"],
  [
    "a reference into data, where keywords are none",
    schema({ $ref: "#/$defs/a/const", $defs: { a: { const: { not: {} } } } }),
    "constraint.jsonSchema",
  ],
  ["a reference to names", schema({ $ref: "#/$defs", $defs: { not: true } }), "constraint.jsonSchema"],
  [
    "a reference that is read in two ways",
    schema({ $ref: "#/$defs/a~1b", $defs: { "a~1b": true, "a/b": { type: "null" } } }),
    "constraint.jsonSchema",
  ],
  ["bounds of what may be anything", schema({ maximum: 5 }), "constraint.jsonSchema"],
  ["groups too deep", { regex: `${"(".repeat(201)}a${")".repeat(201)}` }, "constraint.regex"],
  ["a count beyond 32 bits", { regex: "a{0,4294967299}" }, "constraint.regex"],
  [
    "a pattern of too many classes",
    schema({ type: "string", pattern: classes(501) }),
    "constraint.jsonSchema",
  ],
  [
    "patterns of too many classes",
    schema({
      prefixItems: Array.from({ length: 10 }, (_, i) => ({ type: "string", pattern: `${i}${classes(300)}` })),
    }),
    "constraint.jsonSchema",
  ],
];

/** An expression of so many, all different. */
function classes(count: number): string {
  return Array.from({ length: count }, (_, index) => `[^${String.fromCodePoint(0x4e00 + index)}]`).join("");
}

for (const [name, value, field] of BAD) {
  Deno.test(`parseConstraint() refuses ${name}`, () => {
    expect(refusal(value)?.details).toMatchObject({ field });
    expect(refusal(value)!.message.length).toBeLessThan(300);
  });
}

const MISSHAPEN: readonly (readonly [schema: unknown, found: string, expected: string])[] = [
  [{ type: "string", maxLength: -1 }, '"maxLength": -1', "a whole number"],
  [{ type: "string", minLength: 1.5 }, '"minLength": 1.5', "a whole number"],
  [{ type: "string", maxLength: 2 ** 31 }, '"maxLength": 2147483648', "a whole number"],
  [{ type: "string", pattern: 5 }, '"pattern": 5', "a text"],
  [{ type: [] }, '"type": []', "one of the types"],
  [{ type: "text" }, '"type": "text"', "one of the types"],
  [{ type: "array", items: [{}] }, '"items": [{}]', "a schema"],
  [{ type: "integer", minimum: "1" }, '"minimum": "1"', "a number"],
  [{ enum: [] }, '"enum": []', "a list of values"],
  [{ anyOf: [] }, '"anyOf": []', "a list of schemas"],
  [{ type: "object", properties: { a: null } }, '"properties": {"a":null}', "an object of schemas"],
  [{ type: "object", properties: {}, required: "a" }, '"required": "a"', "a list of names"],
];
for (const [value, found, expected] of MISSHAPEN) {
  Deno.test(`parseConstraint() refuses ${JSON.stringify(value)}, which is no schema`, () => {
    expect(refusal(schema({ $defs: { x: value } }))?.message).toContain(
      `found ${found}, expected ${expected}`,
    );
  });
}

const OBJECT = { type: "object", properties: { a: { type: "null" } } };
/** Schemas that the grammar would take for others: each of these let documents through that it forbids. */
const CONFLICTS: readonly (readonly [schema: unknown, found: string])[] = [
  [{ $ref: "#/$defs/x", maxLength: 1, $defs: { x: { type: "string" } } }, '"maxLength" beside "$ref"'],
  [{ ...OBJECT, anyOf: [{ required: ["a"] }] }, 'beside "anyOf"'],
  [{ type: "string", allOf: [{ type: "integer", maxLength: 1 }] }, '"type" beside "allOf"'],
  [{ type: "string", allOf: [{ maxLength: 1, enum: ["ab"] }] }, '"type" beside "allOf"'],
  [{ enum: ["abc"], maxLength: 1 }, '"maxLength" beside "enum"'],
  [{ type: "integer", enum: [1, "a"] }, '"type" beside "enum"'],
  [{ type: "string", const: null }, '"type" beside "const"'],
  [{ $ref: "#x", $defs: { a: { $anchor: "x", type: "integer" } } }, "no path"],
  [{ minLength: 3 }, '"minLength" without a type'],
  [{ maxItems: 1 }, '"maxItems" without a type'],
  [{ required: ["a"] }, '"required" without a type'],
  [{ patternProperties: { a: { type: "null" } } }, '"patternProperties" without a type'],
  [{ ...OBJECT, required: ["z"] }, 'required "z"'],
  [{ ...OBJECT, patternProperties: { "[a-z]": { type: "boolean" } } }, "names beside patterns"],
  [{ type: "object", patternProperties: { "a[0-9]": true, "a[1-3]": false } }, "several patternProperties"],
  [{ type: "object", additionalProperties: true, minProperties: 2 }, "may come twice"],
  [{ type: "string", format: "date", maxLength: 2 }, "There is no text that fits"],
  [{ type: "string", format: "date", pattern: "a" }, "There is no text that fits"],
  [
    { type: ["string", "object"], pattern: "a", additionalProperties: true },
    '"additionalProperties" beside "pattern"',
  ],
  [{ type: ["string", "array"], maxLength: 3, maxItems: 7 }, '"maxItems" beside "maxLength"'],
];
for (const [value, found] of CONFLICTS) {
  Deno.test(`parseConstraint() refuses ${JSON.stringify(value)}`, () => {
    expect(refusal(schema({ type: "array", items: value }))?.message).toContain(found);
  });
}

Deno.test("parseConstraint() says where in a schema something stands", () => {
  const nested = (value: unknown) => schema({ properties: { "a/b": { type: "array", items: value } } });
  expect(refusal(nested({ type: "number", multipleOf: 0.5 }))?.message).toBe(
    'Invalid sampling parameter "constraint.jsonSchema": "multipleOf" cannot be enforced; leave it out (at #/properties/a~1b/items)',
  );
  expect(refusal(nested({ minLength: 1 }))?.message).toContain(
    'expected "type": "string" (at #/properties/a~1b/items)',
  );
});

Deno.test("parseConstraint() says how long a string may be beside a pattern", () => {
  expect(refusal(schema({ type: "string", pattern: "^[ab]+-[0-9]+$", maxLength: 254 }))?.message).toContain(
    "more than 500 states: without a length 4, so leave it out, or take 125 at most",
  );
});

Deno.test("parseConstraint() takes what stands together", () => {
  const good = [
    { type: "string", enum: ["a", "b"], title: "x", description: "y", default: "a" },
    { type: ["string", "null"], enum: ["a", null] },
    { type: "integer", const: 3 },
    { type: "object", const: { a: 1 } },
    { properties: { a: true }, required: ["a"] },
    { items: { type: "null" }, maxItems: 1 },
    { ...OBJECT, required: ["a"], additionalProperties: false, minProperties: 1 },
    { type: "object", additionalProperties: { type: "null" }, minProperties: 1, maxProperties: 3 },
    { type: "object", patternProperties: { a: true }, additionalProperties: false },
    { $ref: "#", title: "again" },
    { type: "string", minLength: 1, maxLength: 2 },
    { type: ["string", "integer"], maxLength: 3, maximum: 7 },
    { type: "number", minimum: 0.5 },
    { ...OBJECT, additionalProperties: true },
    { ...OBJECT, additionalProperties: { type: "string", maxLength: 3 } },
    { ...OBJECT, unevaluatedProperties: { type: "boolean" } },
    { type: ["integer", "number"], minimum: 1 },
    { type: "string", allOf: [{ type: "string", maxLength: 1 }] },
    { type: "object", propertyNames: { type: "string" }, additionalProperties: { type: "number" } },
    { uniqueItems: false, items: true },
  ];
  for (const value of good) expect(refusal(schema({ type: "array", items: value }))).toBe(null);
});

Deno.test("parseConstraint() gives a constraint or a ConfigError, whatever it is given", () => {
  fc.assert(fc.property(fc.anything(), (value) => {
    refusal(value);
    refusal({ jsonSchema: value });
    refusal({ choice: value });
  }));
  fc.assert(fc.property(fc.jsonValue(), (value) => void refusal(schema(value))));
});

Deno.test("escapeNames() writes the names of properties as the grammar reads them, and nothing else anew", () => {
  const text = String.raw`{ "type":"object", "properties" : {"a\"b": {"const": {"properties": {"x\"": 1.50}}},
    "c\n": {"enum": ["\"", {"required": ["\""]}], "minimum": 12345678901234567890},
    "required": {"items": [{"required": ["y\""]}]}, "plain\u0041": {"$ref": "#/$defs/z\""}},
    "required": ["a\"b", "plain\u0041"], "$defs": {"z\"": {"properties": {"\\": true}}}}`;
  const expected = text.replace(String.raw`"a\"b": {`, String.raw`"a\\\\\\\"b": {`)
    .replace(String.raw`"c\n"`, String.raw`"c\\\\n"`)
    .replace(String.raw`["y\""]`, String.raw`["y\\\\\\\""]`)
    .replaceAll(String.raw`"plain\u0041"`, '"plainA"')
    .replace(String.raw`["a\"b"`, String.raw`["a\\\\\\\"b"`)
    .replace(String.raw`"\\": true`, String.raw`"\\\\\\\\": true`);
  expect(escapeNames(text)).toBe(expected);
  expect(escapeNames("true")).toBe("true");
  fc.assert(fc.property(fc.json(), (json) => {
    const schema = JSON.stringify({ const: JSON.parse(json), items: [true, { default: JSON.parse(json) }] });
    expect(escapeNames(schema)).toBe(schema);
    JSON.parse(escapeNames(JSON.stringify({ properties: JSON.parse(json), required: JSON.parse(json) })));
  }));
});

Deno.test("takeOwnRules() gives its rules short names that nothing in the schema has", () => {
  for (const taken of [`own${"_".repeat(20_000)}`, "own own0_0 own1", "\\u006fwn0"]) {
    const title = `"title":"${taken}"`;
    const { schema, restore } = takeOwnRules(
      `{${title},"anyOf":[{"type":"string","pattern":"[é-ü]"}]}`,
      "free",
    );
    const [, name] = /"const":"(\w+)"/.exec(schema)!;
    expect(name!.length).toBeLessThan(10);
    expect(JSON.parse(schema).title).not.toContain(name);
    expect(restore!(`root ::= (("\\"${name}\\""))`)).toContain(`\n${name} ::= `);
  }
});
