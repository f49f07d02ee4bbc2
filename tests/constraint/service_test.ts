/** Matchers over a real tokenizer, and what happens to grammars that explode, hang, or are none. */
import { expect } from "@std/expect";
import Ajv from "ajv";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { type Constraint, parseConstraint } from "../../src/constraint/constraint.ts";
import { ConstraintService, type TokenMatcher } from "../../src/constraint/service.ts";
import { readTokens, type TokenTable } from "../../src/constraint/token_table.ts";
import { failure } from "../support/failure.ts";
import { DEMO_DIR, tokenizerOf } from "../tokenizer/support.ts";

const EOS = 2;
const TABLE: TokenTable = { tokens: await readTokens(DEMO_DIR), vocabSize: 2048, stopTokenIds: [EOS] };
const tokenizer = await tokenizerOf(DEMO_DIR);

const PERSON = {
  type: "object",
  properties: {
    name: { type: "string", maxLength: 12 },
    age: { type: "integer", minimum: 0, maximum: 150 },
    tags: { type: "array", items: { enum: ["a", "bé", 'quo"te'] }, maxItems: 3 },
    friend: { anyOf: [{ type: "null" }, { type: "boolean" }] },
  },
  required: ["name", "age"],
  additionalProperties: false,
};

/** Deterministic, and good enough to choose by. */
function chooser(seed: number): (count: number) => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  return (count) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * count);
  };
}

function allowed(mask: Uint32Array): number[] {
  return Array.from({ length: TABLE.vocabSize }, (_, id) => id)
    .filter((id) => (mask[id >>> 5]! >>> (id & 31) & 1) === 1);
}

/** Any tokens that the masks let through, to the end. */
async function wander(matcher: TokenMatcher, seed: number): Promise<string> {
  const choose = chooser(seed);
  const ids: number[] = [];
  for (let { mask } = matcher; mask !== null;) {
    const ways = allowed(mask);
    if (ways.length === 0) throw new Error(`Nothing may come after ${ids.length} tokens`);
    if (ids.length > 600) throw new Error(`No end after ${ids.length} tokens`);
    // What is long is brought to its end: a string, then what it stands in.
    const closing = ids.length < 80 ? [] : ways.filter((way) => ['"', "}", "]"].includes(TABLE.tokens[way]!));
    const some = closing.length > 0 ? closing : ways;
    const id = ways.includes(EOS) && choose(3) === 0 ? EOS : some[choose(some.length)]!;
    ids.push(id);
    mask = await matcher.accept(id);
  }
  const stream = tokenizer.streamDecoder({ afterPrompt: true });
  return ids.slice(0, -1).map((id) => stream.push(id)).join("") + stream.flush();
}

Deno.test("readTokens() writes every token's bytes in printable characters", () => {
  expect(TABLE.tokens.length).toBe(2048);
  expect(TABLE.tokens[EOS]).toBe("");
  expect(TABLE.tokens.every((token) => !/[\s\p{Cc}]/u.test(token))).toBe(true);
});

Deno.test("a matcher of a JSON schema lets only valid documents through", async () => {
  using service = new ConstraintService(TABLE);
  const validate = new Ajv.default().compile(PERSON);
  for (let seed = 0; seed < 12; seed++) {
    using matcher = await service.open({ jsonSchema: JSON.stringify(PERSON) });
    const text = await wander(matcher, seed);
    expect({ text, valid: validate(JSON.parse(text)) }).toEqual({ text, valid: true });
  }
});

/** What the library is trusted with, one by one. */
const SCHEMAS: readonly unknown[] = [
  { type: "integer", minimum: -20, maximum: 7 },
  { type: "integer", exclusiveMinimum: 3, exclusiveMaximum: 12 },
  { type: "number" },
  { type: "string", minLength: 2, maxLength: 5 },
  { type: "string", pattern: "^[a-z]{2,4}-[0-9]+$" },
  { type: "string", format: "uuid" },
  { type: "string", pattern: "^[a-z]+$", minLength: 2, maxLength: 5 },
  { type: "string", pattern: "^(?!.*aa)(?=.*b)[abc]{3,9}$" },
  { type: "string", pattern: "^ab" },
  { type: "string", allOf: [{ pattern: "^a" }, { pattern: "b$" }], maxLength: 9 },
  { type: "string", format: "date", pattern: "^20[0-9]{2}-0" },
  { type: "number", minimum: -0.25, exclusiveMaximum: 1.5 },
  { type: ["number", "null"], exclusiveMinimum: 0 },
  {
    type: "object",
    patternProperties: { "^x-": { type: "number", minimum: 1, maximum: 2 } },
    additionalProperties: false,
  },
  ...["date", "ipv4", "ipv6", "uri", "uri-reference"].map((format) => ({ type: "string", format })),
  { type: ["string", "null"], maxLength: 3 },
  { enum: ["a", 1, null, { b: [true] }, 'q"\\'] },
  { const: { a: "x", b: [1, 2] } },
  { anyOf: [{ type: "boolean" }, { type: "array", items: { type: "null" }, maxItems: 2 }] },
  { type: "array", items: { enum: [1, 2] }, minItems: 2, maxItems: 4 },
  { type: "array", prefixItems: [{ type: "boolean" }, { const: "x" }], items: false, minItems: 2 },
  { type: "object", additionalProperties: { type: "boolean" }, minProperties: 1, maxProperties: 3 },
  { type: "object", properties: { a: { type: "null" }, b: { type: "null" } }, minProperties: 1 },
  { type: "object", patternProperties: { "^x[0-9]$": { type: "boolean" } }, additionalProperties: false },
  {
    $ref: "#/$defs/node",
    $defs: {
      node: {
        type: "object",
        properties: { v: { enum: [0, 1] }, next: { anyOf: [{ type: "null" }, { $ref: "#/$defs/node" }] } },
        required: ["v", "next"],
        additionalProperties: false,
      },
    },
  },
  named(['q"uote', "back\\slash", "back\\nslash", "line\nend", "\u0001\u007f", "é😀", "$ref", ""]),
  named(['" | "x', '\\" ::= "', "required", "const"]),
];

/** An object that has these properties, all of them. */
function named(names: readonly string[]) {
  const values = names.map((
    name,
    index,
  ) => [name, index === 0 ? { $ref: "#/$defs/x" } : { type: "boolean" }]);
  const properties = Object.fromEntries(values);
  const $defs = { x: { type: "object", properties: { 'a"': { type: "null" } }, required: ['a"'] } };
  return { type: "object", properties, required: names, additionalProperties: false, $defs };
}

Deno.test("a matcher of a schema of any kind lets only valid documents through", async () => {
  using service = new ConstraintService(TABLE);
  for (const schema of SCHEMAS) {
    const validate = addFormats.default(new Ajv2020.default({ strict: false })).compile(schema as object);
    for (let seed = 0; seed < 8; seed++) {
      using matcher = await service.open(parseConstraint("c", { jsonSchema: JSON.stringify(schema) }));
      const text = await wander(matcher, seed);
      expect({ text, valid: validate(JSON.parse(text)) }).toEqual({ text, valid: true });
    }
  }
});

Deno.test("a matcher does not begin what never comes to an end", async () => {
  using service = new ConstraintService(TABLE);
  const schema = {
    type: "object",
    properties: { a: { $ref: "#/$defs/m" }, b: { type: "null" } },
    $defs: { m: { type: "array", items: { $ref: "#/$defs/m" }, minItems: 1 } },
  };
  using matcher = await service.open({ jsonSchema: JSON.stringify(schema) });
  await matcher.accept(TABLE.tokens.indexOf("{"));
  const mask = await matcher.accept(TABLE.tokens.indexOf('"'));
  expect(new Set(allowed(mask!).map((id) => TABLE.tokens[id]![0]))).toEqual(new Set(["b"]));
});

Deno.test("a matcher of a regular expression lets only matches of all of it through", async () => {
  using service = new ConstraintService(TABLE);
  for (const regex of ["[a-f]{3,9}", "(yes|no), sir[.!]?", "\\d{4}-\\d{2}", "é+ß?", "a*"]) {
    for (let seed = 0; seed < 4; seed++) {
      using matcher = await service.open({ regex });
      const text = await wander(matcher, seed);
      expect(text).toMatch(new RegExp(`^(?:${regex})$`, "u"));
    }
  }
});

Deno.test("a matcher of choices lets each of them through, and nothing else", async () => {
  using service = new ConstraintService(TABLE);
  const choice = ["yes", "no", 'he said "no"\n', "back\\slash", "ünïcode ✓ 🍕", "tab\tand\u0001bell"];
  const seen = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    using matcher = await service.open({ choice });
    seen.add(await wander(matcher, seed));
  }
  expect([...seen].filter((text) => !choice.includes(text))).toEqual([]);
  expect(seen.size).toBe(choice.length);
});

Deno.test("a matcher without stop tokens ends with the last token that can come", async () => {
  using service = new ConstraintService({ ...TABLE, stopTokenIds: [] });
  using matcher = await service.open({ choice: ["a"] });
  expect(allowed(matcher.mask!).map((id) => TABLE.tokens[id])).toEqual(["a", "a"]);
  expect(await matcher.accept(allowed(matcher.mask!)[0]!)).toBe(null);
});

const REFUSED: readonly (readonly [name: string, Constraint, field: string, reason: string])[] = [
  ["an unclosed group", { regex: "(" }, "constraint.regex", "Unterminated group at character 2"],
  ["a lookbehind", { regex: "a(?<=a)b" }, "constraint.regex", "(?<=a) at character 2"],
  ["a lookahead that finds nothing", { regex: "a(?=a)b" }, "constraint.regex", "no text that fits"],
  ["a schema without an end", { jsonSchema: '{"$ref": "#"}' }, "constraint.jsonSchema", "an end"],
  [
    "an object that must hold another one of its kind",
    { jsonSchema: '{"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}' },
    "constraint.jsonSchema",
    "an end",
  ],
  ["an unknown type", { jsonSchema: '{"type": "nope"}' }, "constraint.jsonSchema", "nope"],
  ["a dangling reference", { jsonSchema: '{"$ref": "#/$defs/x"}' }, "constraint.jsonSchema", "$defs"],
];

Deno.test("check() names the field and the reason of what does not compile, and goes on", async () => {
  using service = new ConstraintService(TABLE);
  for (const [name, constraint, field, reason] of REFUSED) {
    for (let attempt = 0; attempt < 2; attempt++) {
      const error = await failure(service.check(constraint));
      expect({ name, code: error.code, details: error.details })
        .toEqual({
          name,
          code: "CONFIG",
          details: { field, reason: expect.stringContaining(reason), isLate: false },
        });
    }
  }
  await service.check({ regex: "a" });
});

/** Thousands of states for each of thousands of tokens. */
const EXPLOSION: Constraint = { regex: "((a|b){24}c){1000}" };

Deno.test("check() gives up on a grammar that explodes, while a matcher goes on", async () => {
  using service = new ConstraintService(TABLE, { compileMs: 700 });
  using matcher = await service.open({ regex: "[a-z ]*" });
  const started = performance.now();
  const exploding = failure(service.check(EXPLOSION));
  let steps = 0;
  let mask = matcher.mask;
  const done = exploding.then(() => true);
  while (!await Promise.race([done, new Promise<false>((resolve) => setTimeout(resolve, 1, false))])) {
    if (mask === null || steps >= 150) continue;
    mask = await matcher.accept(allowed(mask).find((id) => id !== EOS)!);
    steps++;
  }
  const error = await exploding;
  expect({ code: error.code, field: error.details.field }).toEqual({
    code: "CONFIG",
    field: "constraint.regex",
  });
  expect(performance.now() - started).toBeLessThan(10_000);
  expect(steps).toBeGreaterThan(10);
  // Remembered, not tried again.
  expect(await failure(service.check(EXPLOSION))).toBe(error);
});

Deno.test("check() blames no constraint for its own thread, which was busy when the answer came", async () => {
  using service = new ConstraintService(TABLE, { compileMs: 400 });
  await service.check({ regex: "a" });
  const checked = service.check({ regex: "b" });
  await new Promise((resolve) => setTimeout(resolve));
  for (const begin = performance.now(); performance.now() - begin < 600;);
  await checked;
});

Deno.test("check() tries again, after a while, what was only late", async () => {
  using service = new ConstraintService(TABLE, { compileMs: 100, lateMs: 0 });
  const error = await failure(service.check(EXPLOSION));
  expect(error.details).toMatchObject({ isLate: true });
  expect(await failure(service.check(EXPLOSION))).not.toBe(error);
});

Deno.test("a matcher that breaks the library fails alone; those beside it begin again where they were", async () => {
  using started = countWorkers();
  using service = new ConstraintService(TABLE);
  using good = await service.open({ choice: ["banana"] });
  using bad = await service.open({ choice: ["cherry"] });
  const [first] = allowed(good.mask!);
  const next = await good.accept(first!);
  const before = started.count;
  const error = await failure(bad.accept(5n as unknown as number));
  expect(error.code).toBe("CAPACITY");
  const text = TABLE.tokens[first!]! + await (async () => {
    let rest = "";
    for (let mask = next; mask !== null;) {
      const id = allowed(mask).at(-1)!;
      rest += TABLE.tokens[id];
      mask = await good.accept(id);
    }
    return rest;
  })();
  expect(text).toBe("banana");
  expect(started.count).toBe(before + 1);
});

Deno.test("a matcher that takes what it must not fails alone, and its thread goes on", async () => {
  using started = countWorkers();
  using service = new ConstraintService(TABLE);
  using good = await service.open({ choice: ["banana"] });
  using bad = await service.open({ choice: ["cherry"] });
  const before = started.count;
  const [first] = allowed(good.mask!);
  const error = await failure(bad.accept(first!));
  expect({ code: error.code, reason: error.details.reason })
    .toEqual({ code: "CAPACITY", reason: expect.stringContaining("does not fit") });
  expect(await good.accept(first!)).not.toBe(null);
  expect(started.count).toBe(before);
});

Deno.test("a matcher that takes too long over its tokens fails, and nobody loses the thread by it", async () => {
  using started = countWorkers();
  using service = new ConstraintService(TABLE, { budgetMs: -75 });
  using slow = await service.open({ regex: "[ab]{9}" });
  const [token] = allowed(slow.mask!);
  const before = started.count;
  const error = await failure(slow.accept(token!));
  expect({ code: error.code, field: error.details.field, reason: error.details.reason })
    .toEqual({ code: "CAPACITY", field: "constraint.regex", reason: expect.stringContaining("ms a token") });
  using next = await service.open({ choice: ["a"] });
  expect({ started: started.count, ways: allowed(next.mask!).length }).toEqual({ started: before, ways: 2 });
});

Deno.test("a matcher's mask has no bit beyond the vocabulary", async () => {
  using service = new ConstraintService({ ...TABLE, vocabSize: 2060 });
  using matcher = await service.open({ regex: "[^a]*" });
  expect(matcher.mask!.at(-1)! >>> 2060 % 32).toBe(0);
});

Deno.test("check() blames no constraint for a tokenizer that the library does not take", async () => {
  using service = new ConstraintService({ ...TABLE, tokens: null as unknown as string[] });
  for (let attempt = 0; attempt < 2; attempt++) {
    const error = await failure(service.check({ regex: "a" }));
    expect({ code: error.code, field: error.details.field }).toEqual({
      code: "CAPACITY",
      field: "constraint",
    });
  }
});

Deno.test("a disposed service ends its threads and fails what waits", async () => {
  const service = new ConstraintService(TABLE);
  const waiting = failure(service.check(EXPLOSION));
  service[Symbol.dispose]();
  expect((await waiting).code).toBe("CAPACITY");
  expect((await failure(service.open({ regex: "a" }))).code).toBe("CAPACITY");
});

Deno.test("TokenMatcher.dispose() while its token waits to be taken costs nobody else the thread", async () => {
  using started = countWorkers();
  using service = new ConstraintService(TABLE);
  using kept = await service.open({ regex: "[ab]{20}" });
  const left = await service.open({ regex: "[ab]{20}" });
  const [token] = allowed(kept.mask!);
  const before = started.count;
  const [first, second] = [kept.accept(token!), left.accept(token!).catch(() => null)];
  left[Symbol.dispose]();
  await Promise.all([first, second]);
  expect(await kept.accept(token!)).not.toBe(null);
  expect(started.count).toBe(before);
});

/** Counts the threads that are started until it is disposed. */
function countWorkers(): Disposable & { readonly count: number } {
  const Original = globalThis.Worker;
  let count = 0;
  globalThis.Worker = class extends Original {
    constructor(...args: ConstructorParameters<typeof Original>) {
      super(...args);
      count++;
    }
  };
  return {
    get count() {
      return count;
    },
    [Symbol.dispose]: () => void (globalThis.Worker = Original),
  };
}
