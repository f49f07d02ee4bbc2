/** Lengths of strings that are counted beside the grammar, with tokens that go across everything. */
import Ajv2020 from "ajv/dist/2020.js";
import { expect } from "@std/expect";
import fc from "fast-check";
import { toAlphabet } from "../../src/constraint/alphabet.ts";
import { parseConstraint } from "../../src/constraint/constraint.ts";
import { lengthsMayBeFree } from "../../src/constraint/free_lengths.ts";
import { ConstraintService } from "../../src/constraint/service.ts";
import type { TokenTable } from "../../src/constraint/token_table.ts";
import { failure } from "../support/failure.ts";
import { runs } from "../support/properties.ts";

/** Beginnings and ends of strings, characters and escapes, and what lies across several of them. */
const TEXTS = [
  ...[
    '"a',
    '"abc',
    'a"',
    'abc"',
    '"abc"',
    '""',
    '","',
    '", "',
    '"a","b',
    '":"',
    '": "a',
    '"}',
    '"]',
    '",',
    '{"',
    '["',
  ],
  ...[
    "ab",
    "abcdef",
    "aé",
    "é",
    "éa",
    'é"',
    "日本",
    "\\",
    "\\n",
    "\\\\",
    '\\"',
    '"\\',
    "a\\",
    "\\na",
    'n"',
    '\\""',
    "na",
  ],
  ...[
    "\\u00e9",
    '"\\u0041',
    "\\u",
    "u0041",
    '{"a',
    '"a":',
    '"a":"',
    '"b":"x',
    "null}",
    '1,"',
    "  ",
    "null",
    "ul",
    '"a":["',
  ],
];
const BYTES = [
  ...Array.from({ length: 256 }, (_, byte) => [byte]),
  ...TEXTS.map((text) => [...new TextEncoder().encode(text)]),
  ...[[0xc3], [0xa9, 0x61], [0xa9, 0x22], [0x22, 0xc3], [0x61, 0xe6, 0x97], [0xa5, 0xe6], [0xa5, 0x22], [
    0xf0,
    0x9f,
  ]],
];
const EOS = BYTES.length;
const TABLE: TokenTable = {
  tokens: [...BYTES.map(toAlphabet), ""],
  vocabSize: EOS + 1,
  stopTokenIds: [EOS],
};

const short = (maxLength: number, others: object = {}) => ({ type: "string", maxLength, ...others });
const object = (properties: object, others: object = {}) => ({
  ...{ type: "object", properties, required: Object.keys(properties), additionalProperties: false },
  ...others,
});
const FREE: readonly unknown[] = [
  short(5, { minLength: 2 }),
  short(0),
  { type: "string", minLength: 4 },
  short(300, { minLength: 299 }),
  object({ a: short(3), b: { type: "string", minLength: 2 }, c: { type: ["string", "null"], maxLength: 2 } }),
  object({ a: short(1), b: short(2) }, { required: [] }),
  object({ a: { type: "string" }, b: short(2), c: { type: "integer" } }),
  { type: "array", items: short(1), maxItems: 4 },
  { anyOf: [short(2), { type: "null" }, { type: "array", items: short(3) }, { enum: [1, true] }] },
  object({ a: { anyOf: [{ $ref: "#/$defs/s" }, { type: "null" }] } }, { $defs: { s: short(2) } }),
  {
    $ref: "#/$defs/node",
    $defs: { node: object({ a: short(2), b: { anyOf: [{ type: "null" }, { $ref: "#/$defs/node" }] } }) },
  },
  { type: "object", additionalProperties: short(2), maxProperties: 3 },
  { type: "object", patternProperties: { "^a": short(2) }, additionalProperties: false, maxProperties: 3 },
  { type: "string", allOf: [{ minLength: 1 }, { maxLength: 3 }] },
  object({ a: short(3), b: { type: "string", pattern: "^[a-c]+$", maxLength: 4 } }),
  {
    anyOf: [object({ a: { type: "integer" } }), object({ b: { type: "boolean" } }), { type: "string" }],
    $defs: { s: short(2) },
  },
];
const TOLD_BY_THEIR_FIRST: readonly unknown[] = [
  {
    oneOf: [
      object({ k: { const: "a" }, v: short(2) }),
      object({ k: { enum: ["b", "ab"] }, v: short(4) }),
      { $ref: "#/$defs/c" },
      object({ a: short(1) }),
      { type: "null" },
    ],
    $defs: { c: object({ k: { const: 1 }, v: { type: "string", minLength: 3 } }) },
  },
];
const IN_THE_GRAMMAR: readonly unknown[] = [
  { anyOf: [short(2), { type: "string", minLength: 5, maxLength: 6 }] },
  { anyOf: [object({ a: short(2), b: { type: "integer" } }), object({ a: short(4), c: { type: "null" } })] },
  { oneOf: [short(2), { enum: ["abcd", 1] }] },
  { anyOf: [object({ k: { const: "a" }, v: short(2) }), object({ k: { type: "string" }, v: short(4) })] },
  {
    anyOf: [
      object({ k: { const: 1 }, v: short(2) }),
      object({ k: { const: 2 }, v: short(4) }, { required: ["v"] }),
    ],
  },
  { anyOf: [object({ v: short(2), 1: { const: 1 } }), object({ v: short(4), 1: { const: 2 } })] },
  { anyOf: [short(2), { type: "string", pattern: "^[a-c]{4}$" }] },
  { anyOf: [{ $ref: "#/$defs/s" }, { type: ["string", "null"] }], $defs: { s: short(2) } },
];

Deno.test("lengthsMayBeFree() knows where a string that is too long decides between schemas", () => {
  const free = (schemas: readonly unknown[]) => schemas.filter(lengthsMayBeFree);
  expect(free(FREE)).toEqual(FREE);
  expect(free(TOLD_BY_THEIR_FIRST)).toEqual(TOLD_BY_THEIR_FIRST);
  expect(free(IN_THE_GRAMMAR)).toEqual([]);
  expect(free([true, { type: "string" }, object({ a: { type: "integer" } }), { const: short(2) }])).toEqual(
    [],
  );
});

for (const [index, schema] of [...FREE, ...TOLD_BY_THEIR_FIRST, ...IN_THE_GRAMMAR].entries()) {
  Deno.test(`strings keep their lengths, whatever tokens they are made of: ${JSON.stringify(schema).slice(0, 90)}`, async () => {
    using service = new ConstraintService(TABLE);
    const validate = new Ajv2020.default({ strict: false }).compile(schema as object);
    const constraint = parseConstraint("c", { jsonSchema: JSON.stringify(schema) });
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat({ max: 9999 })), async (choices) => {
        const text = await written(service, constraint, choices);
        expect({ text, valid: validate(JSON.parse(text)) }).toEqual({ text, valid: true });
      }),
      { numRuns: runs(index === 3 ? 4 : 30) },
    );
  });
}

/** What comes of some of the tokens that may come next. */
async function written(
  service: ConstraintService,
  constraint: ReturnType<typeof parseConstraint>,
  choices: Iterator<number>,
): Promise<string> {
  using matcher = await service.open(constraint);
  const bytes: number[] = [];
  const choose = (count: number) => choices.next().value! % count;
  for (let { mask } = matcher, count = 0; mask !== null; count++) {
    const words = mask;
    const ways = BYTES.map((_, id) => id).filter((id) => (words[id >>> 5]! >>> (id & 31) & 1) === 1);
    const mayEnd = (words[EOS >>> 5]! >>> (EOS & 31) & 1) === 1;
    if (mayEnd && (ways.length === 0 || choose(3) === 0)) return decoded(bytes);
    if (count > 1200) throw new Error(`No end: ${decoded(bytes)}`);
    const long = ways.filter((id) => id > 255);
    const closing = count < 40
      ? []
      : ways.filter((id) => ['"', "}", "]", '"}', '"]'].includes(decoded(BYTES[id]!)));
    const some = [closing, choose(4) > 0 ? long : [], ways].find(({ length }) => length > 0)!;
    const id = some[choose(some.length)]!;
    bytes.push(...BYTES[id]!);
    mask = await matcher.accept(id);
  }
  return decoded(bytes);
}

function decoded(bytes: readonly number[]): string {
  return new TextDecoder("utf-8", { fatal: bytes.length > 3 }).decode(Uint8Array.from(bytes));
}

Deno.test("a string of a thousand characters is counted to the last, and costs no state for each", async () => {
  using service = new ConstraintService(TABLE, { compileMs: 1000 });
  const constraint = parseConstraint("c", { jsonSchema: JSON.stringify(short(1000, { minLength: 1000 })) });
  using matcher = await service.open(constraint);
  let mask = await matcher.accept(0x22);
  const ends = () => (mask![1]! >>> (0x22 & 31) & 1) === 1;
  for (let count = 0; count < 1000; count++) {
    expect([count, ends()]).toEqual([count, false]);
    mask = await matcher.accept(0x61);
  }
  const allowed = BYTES.filter((_, id) => (mask![id >>> 5]! >>> (id & 31) & 1) === 1);
  expect(allowed).toEqual([[0x22]]);
});

Deno.test("an output that is taken up again within a character goes on there", async () => {
  using service = new ConstraintService(TABLE);
  using matcher = await service.open(parseConstraint("c", { jsonSchema: JSON.stringify(short(1)) }));
  for (const byte of [0x22, 0xe6]) await matcher.accept(byte);
  // Costs the thread, and every matcher of it begins again.
  using bad = await service.open({ choice: ["x"] });
  await failure(bad.accept(5n as unknown as number));
  const mask = await matcher.accept(0x97);
  const allowed = BYTES.filter((_, id) => (mask![id >>> 5]! >>> (id & 31) & 1) === 1);
  expect(allowed).toContainEqual([0xa5]);
  expect(allowed.filter((bytes) => bytes.length > 1)).toEqual([]);
});

Deno.test("a token with the rest of another string's character begins none that would be too long", async () => {
  const rest = (text: string) => toAlphabet([0xa9, ...new TextEncoder().encode(text)]);
  const tokens = [...TABLE.tokens.slice(0, 256), rest('","b":"xy'), rest('","b":"x'), ""];
  using service = new ConstraintService({ tokens, vocabSize: 259, stopTokenIds: [258] });
  const schema = object({ a: { type: "string" }, b: short(1) });
  using matcher = await service.open(parseConstraint("c", { jsonSchema: JSON.stringify(schema) }));
  let mask = matcher.mask;
  for (const byte of [...new TextEncoder().encode('{"a":"'), 0xc3]) mask = await matcher.accept(byte);
  const isAllowed = (id: number) => (mask![id >>> 5]! >>> (id & 31) & 1) === 1;
  expect([256, 257, 0xa9].map(isAllowed)).toEqual([false, true, true]);
});

Deno.test("a string of which many characters are asked, and no end, takes no more for each than for the one before", async () => {
  using service = new ConstraintService(TABLE);
  const constraint = parseConstraint("c", {
    jsonSchema: JSON.stringify({ type: "string", minLength: 9000 }),
  });
  using matcher = await service.open(constraint);
  await matcher.accept(0x22);
  // The thread's memory had an end at some 4,100.
  for (let count = 0; count < 4500; count++) await matcher.accept(0x61);
  expect(matcher.mask).not.toBe(null);
});

for (
  const [minLength, maxLength] of [[0, 63], [0, 64], [1, 65], [63, 127], [64, 128], [65, 193], [3, 200], [
    130,
    130,
  ], [
    70,
    undefined,
  ]]
) {
  Deno.test(`a string of ${minLength} to ${maxLength ?? "any number of"} characters may end there and nowhere else`, async () => {
    using service = new ConstraintService(TABLE);
    const jsonSchema = JSON.stringify({ type: "string", minLength, maxLength });
    using matcher = await service.open(parseConstraint("c", { jsonSchema }));
    let mask = await matcher.accept(0x22);
    const may = (id: number) => (mask![id >>> 5]! >>> (id & 31) & 1) === 1;
    for (let count = 0; count <= (maxLength ?? 150); count++) {
      expect([count, may(0x22), may(0x61)]).toEqual([count, count >= minLength!, count !== maxLength]);
      if (may(0x61)) mask = await matcher.accept(0x61);
    }
  });
}
