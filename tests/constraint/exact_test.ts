/** What a constraint lets through and what not, text by text, where the library alone lets too much through. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { type Constraint, parseConstraint } from "../../src/constraint/constraint.ts";
import { toAlphabet } from "../../src/constraint/alphabet.ts";
import { separateAlternatives } from "../../src/constraint/alternatives.ts";
import { ConstraintService } from "../../src/constraint/service.ts";
import { readTokens, type TokenTable } from "../../src/constraint/token_table.ts";
import { DEMO_DIR } from "../tokenizer/support.ts";
import { runs } from "../support/properties.ts";

const EOS = 2;
const TABLE: TokenTable = { tokens: await readTokens(DEMO_DIR), vocabSize: 2048, stopTokenIds: [EOS] };
const IDS = new Map(TABLE.tokens.map((token, id) => [token, id] as const).toReversed());

/** Whether the output may be this text, of which every byte is a token. */
async function fits(service: ConstraintService, constraint: Constraint, text: string): Promise<boolean> {
  using matcher = await service.open(constraint);
  let { mask } = matcher;
  const bytes = [...toAlphabet(new TextEncoder().encode(text))];
  for (const id of [...bytes.map((byte) => IDS.get(byte)!), EOS]) {
    if (mask === null || (mask[id >>> 5]! >>> (id & 31) & 1) === 0) return false;
    if (id !== EOS) mask = await matcher.accept(id);
  }
  return true;
}

const json = (schema: unknown) => parseConstraint("c", { jsonSchema: JSON.stringify(schema) });
const ages = { type: "integer", minimum: 0, maximum: 150 };
const CASES: readonly (readonly [name: string, Constraint, fit: string[], others: string[]])[] = [
  ["strings that begin and end alike", json({ enum: ["20", "2"] }), ['"20"', '"2"'], [
    '"200"',
    '"0"',
    '"22"',
  ]],
  ["constants", json({ anyOf: [{ const: "cats" }, { const: "cat" }] }), ['"cats"', '"cat"'], ['"catss"']],
  ["numbers", json({ enum: [1000, 100] }), ["1000", "100"], ["10000", "10"]],
  ["choices", { choice: ["xabc", "xac"] }, ["xabc", "xac"], ["xabbc", "xa"]],
  [
    "choices with long ends",
    { choice: ["alongerend", "ablongerend", "ablongerendofit", "clongerend"] },
    ["alongerend", "ablongerend", "ablongerendofit", "clongerend"],
    ["alongerendofit", "clongerendofit", "blongerend", "ablonger", "ablongerendend"],
  ],
  [
    "texts one of which begins another, before what goes on like them",
    { regex: "(acc|ac|a)c(acc|ac)" },
    ["acac", "accac", "acccacc", "acacc"],
    ["ac", "aac", "accccac", "aacc"],
  ],
  ["alternatives", { regex: "xabc|xac" }, ["xabc", "xac"], ["xabbc"]],
  ["more of them", { regex: "(accc|acc|bc|acac)d" }, ["accd", "bcd", "acacd"], ["baaacd", "accccd"]],
  ["a loop at the beginning", { regex: "[ab]*[ab]cd" }, ["acd", "babcd"], ["cd"]],
  [
    "a map as libraries write it",
    json({ type: "object", propertyNames: { type: "string" }, additionalProperties: { type: "integer" } }),
    ['{"a":1,"b":2}', "{}"],
    ['{"a":"b"}', "{1:1}"],
  ],
  [
    "a hyphen after a class in a class",
    { regex: "[\\w-.]\\w-[\\d-\\.]" },
    ["-a--", ".a-.", "_a-9"],
    ["/a-9", "-a-a"],
  ],
  [
    "a schema whose names are like those of its rules",
    json({
      own: { anyOf: [{ type: "string", pattern: "^x$" }, { type: "object", properties: { a: ages } }] },
      $defs: { own_0: { type: "null" } },
      anyOf: [{ $ref: "#/own" }, { $ref: "#/$defs/own_0" }],
    }),
    ['"x"', '{"a":150}', "null"],
    ['"y"', '{"a":151}'],
  ],
  [
    "a pattern that is anchored where it begins",
    json({ type: "string", pattern: "^ab" }),
    ['"ab"', '"abab\\n"', '"ab\\"é"'],
    ['"a"', '"bab"', '""'],
  ],
  ["one that is anchored where it ends", json({ type: "string", pattern: "ab$" }), ['"ab"', '"\\nabab"'], [
    '"aba"',
  ]],
  [
    "one that is anchored where it ends, and in a group where it begins",
    json({ type: "string", pattern: "(^a|,)b$" }),
    ['"ab"', '",b"'],
    ['"xab"', '"a"'],
  ],
  ["one that is not anchored", json({ type: "string", pattern: "a|b" }), ['"a"', '"b"'], ['"ab"', '"xa"']],
  [
    "names that begin alike",
    json({ type: "object", patternProperties: { "^x-": { type: "null" } }, additionalProperties: false }),
    ['{"x-a":null,"x-":null}', "{}"],
    ['{"x":null}', '{"ax-":null}'],
  ],
  [
    "names, which others may stand beside",
    json({
      ...{ type: "object", properties: { a: { type: "null" }, b: { type: "integer" } }, required: ["a"] },
      additionalProperties: { type: "string", maxLength: 3, pattern: "^x" },
    }),
    ['{"a":null}', '{"a":null,"b":1}'],
    ['{"a":null,"a":"x"}', '{"a":"x"}', '{"a":null,"c":"x"}'],
  ],
  [
    "a pattern, a format and a length",
    json({ type: "string", pattern: "^2|^19", format: "date", maxLength: 10 }),
    ['"2024-02-29"', '"1999-12-31"'],
    ['"2023-02-29"', '"1899-12-31"', '"2"'],
  ],
  [
    "several patterns",
    json({ type: "string", allOf: [{ pattern: "^a" }, { pattern: "b$" }], maxLength: 3 }),
    ['"ab"', '"aéb"'],
    ['"a"', '"aaab"', '"bab"'],
  ],
  [
    "an expression that looks ahead",
    { regex: "(?=.*\\d)(?!.*(?:ab|$x))[a-c\\d]{2,4}" },
    ["a1", "1b1a", "22"],
    ["aa", "ab1", "1", "a1a1a"],
  ],
  ["looking ahead in a group", { regex: "T(?:(?=\\d)(?:\\dH)?(?:\\dM)?)?" }, ["T", "T1H", "T2M", "T1H2M"], [
    "T2M1H",
    "1H",
  ]],
  [
    "strings with a length",
    json({ type: "string", minLength: 1, maxLength: 3 }),
    ['"a"', '"é\\"\\\\"', '"日本語"', '"\\n"'],
    ['""', '"abcd"', '"\n"'],
  ],
  [
    "a length in parts, where lengths decide",
    json({ anyOf: [{ type: "string", allOf: [{ maxLength: 2 }, { minLength: 1 }] }, { const: "abcd" }] }),
    ['"ab"', '"abcd"'],
    ['""', '"abc"', "[1]", "1"],
  ],
  [
    "a length beside bounds, where lengths decide",
    json({ anyOf: [{ type: ["string", "integer"], maxLength: 2, minimum: 1 }, { const: "abcd" }] }),
    ['"ab"', '"abcd"', "7"],
    ['"abc"', '"abcde"', "0"],
  ],
  [
    "a length as an exponent, where lengths decide",
    {
      jsonSchema: '{"anyOf": [{"type": "string", "maxLength": 1e0}, {"const": "abcd"}]}',
    },
    ['"a"', '"abcd"'],
    ['"ab"'],
  ],
  ["strings in parts that ask for nothing", json({ type: "string", allOf: [{ format: "other" }, {}] }), [
    '"a"',
  ], [
    "[1]",
    "1",
  ]],
  [
    "numbers with bounds",
    json({ type: "number", minimum: -1.5, exclusiveMaximum: 10 }),
    ["-1.5", "-1.4999", "0", "0.0", "9.99", "9", "-0"],
    ["-1.51", "10", "10.0", "9.9999999999999999999", "01", "1e0", ".5"],
  ],
  [
    "numbers with a bound of many digits",
    json({ type: "number", minimum: -Number.MAX_VALUE, maximum: Number.MAX_VALUE }),
    ["0", "-0.5", "9".repeat(40), `-${"9".repeat(40)}.5`],
    ["9".repeat(310), `-${"9".repeat(310)}.5`, "01"],
  ],
  ["a pattern", json({ type: "string", pattern: "^a*acd$" }), ['"acd"', '"aaacd"'], ['"cd"']],
  ["bounds", json(ages), ["0", "9", "10", "99", "100", "149", "150"], [
    "151",
    "159",
    "160",
    "-1",
    "00",
    "1500",
  ]],
  [
    "bounds below zero",
    json({ type: "integer", exclusiveMinimum: -121, maximum: -100 }),
    ["-100", "-109", "-120"],
    ["-121", "-129", "-99", "100"],
  ],
  [
    "bounds of one side",
    json({ type: "integer", minimum: 17 }),
    ["17", "20", "99", "100", "123456"],
    ["16", "7", "1", "017", "-17"],
  ],
  [
    "bounds of 64 bits",
    { jsonSchema: '{"type":"integer","minimum":-9223372036854775808,"maximum":9223372036854775807}' },
    ["0", "9223372036854775807", "-9223372036854775808"],
    ["9223372036854775808", "9999999999999999999", "-9223372036854775809"],
  ],
  [
    "bounds of more",
    {
      jsonSchema:
        '{"type":"integer","minimum":1.84467440737095516160e19,"exclusiveMaximum":18446744073709551625}',
    },
    ["18446744073709551616", "18446744073709551624"],
    ["18446744073709551615", "18446744073709551625", "184467440737095516160"],
  ],
  [
    "bounds that are fractions",
    json({ type: "integer", exclusiveMinimum: -2.5, maximum: 1.05e1 }),
    ["-2", "-1", "0", "10"],
    ["-3", "-0", "11", "105"],
  ],
  [
    "a bound next to a text that looks like its name",
    {
      jsonSchema: String
        .raw`{"anyOf":[{"type":"integer","minimum":1,"maximum":5},{"const":"integer\u005frange_0"}]}`,
    },
    ["3", '"integer_range_0"'],
    ["6"],
  ],
  ["letters before digits", json({ enum: ["cafe", "café", "cafée"] }), ['"café"', '"cafée"'], [
    '"caf\u0e9e"',
  ]],
  ["choices with such letters", { choice: ["èèlongendéandmore", "èaa"] }, ["èèlongendéandmore", "èaa"], [
    "èèlongendບndmore",
    "èa",
  ]],
  [
    "a name with such a letter, beside bounds",
    json({ type: "object", properties: { année: { type: "integer", minimum: 1 } }, required: ["année"] }),
    ['{"année":7}'],
    ['{"ann\u0e9e":7}', '{"année":0}'],
  ],
  ["classes beyond ASCII", { regex: "[é-ü]+|[日-本x]|[^\\x00-\\u07ff]" }, ["é", "ûü", "本", "x", "😀"], [
    "è",
    "ý",
    "\u0000",
    "é日",
    "y",
  ]],
  [
    "more than a class of bytes can be, counted",
    { regex: "(?:[é-ü]|b){2,140}[\\^é]" },
    ["éü^", "bbé", "é".repeat(141)],
    ["é^", "éa^", "bb"],
  ],
  ["what is white space, and what is not", { regex: ".\\s\\S" }, ["a [", "-\u2003]", "\u00a0\n^"], [
    "\n x",
    "a  ",
    "axb",
  ]],
  ["anchors", { regex: "^(?:^a|b$)$" }, ["a", "b"], ["^a", "ab", ""]],
  ["no text at all", { regex: "(|a)(b|)" }, ["a", "b", "ab"], ["ba", "aa"]],
  ["a character of no bits", { regex: "a\\0[\\b]?" }, ["a\0", "a\0\b"], ["a", "a\b"]],
  ["loops of loops", { regex: "(?:(?:a*)*b?|c{0,2})*(?:d*){2,3}" }, ["aabcabd", "d", "cccdd"], ["da", "e"]],
  [
    "a pattern of alternatives with an anchor each",
    json({ type: "string", pattern: "^a|b$" }),
    ['"a"', '"b"', '"ab"', '"ax"'],
    ['"a', 'b"', '"xa"', '"bx"'],
  ],
  [
    "patterns that may match anywhere, for they are not alone",
    json({ type: "string", minLength: 3, maxLength: 5, allOf: [{ pattern: "[A-Z]" }, { pattern: "[0-9]" }] }),
    ['"aA1"', '"1aaA"'],
    ['"A1"', '"aaaA"', '"1234"'],
  ],
  [
    "one with a length, which may match anywhere but for its anchors",
    json({ type: "string", pattern: "(^|,)b", maxLength: 4 }),
    ['"b"', '"bxyz"', '"xy,b"'],
    ['"xb"', '"xyz,b"'],
  ],
  [
    "a pattern of what JSON escapes",
    json({ type: "string", pattern: '^.[^a]\\\\"\\u0007\\t$' }),
    [String.raw`"xb\\\"\u0007\t"`, String.raw`"\\\"\\\"\u0007\t"`, String.raw`"é\n\\\"\u0007\t"`],
    [String.raw`"xa\\\"\u0007\t"`, String.raw`"xb\"\u0007\t"`, String.raw`"\nb\\\"\u0007\t"`],
  ],
  [
    "patterns of names",
    json({ type: "object", patternProperties: { "^x|é[0-9]$": { type: "null" } }, maxProperties: 2 }),
    ['{"x1":null}', '{"aé1":null,"x":null}', "{}"],
    ['{"ax":null}', '{"é":null}', '{"x":1}'],
  ],
  [
    "types of which one has bounds and one a pattern",
    json({ type: ["string", "null", "integer"], pattern: "^[a-c]$", maximum: 3, minimum: 2 }),
    ['"a"', "null", "2", "3"],
    ['"d"', "1", "true", '"2"'],
  ],
  [
    "values as they are given",
    {
      jsonSchema: String
        .raw`{"enum": [0.1, 1e21, 12345678901234567890, "a/b\u007f\u0041\"", {"k" : [ 1.0, "x/" ]}, []]}`,
    },
    [
      "0.1",
      "1e21",
      "12345678901234567890",
      String.raw`"a/b\u007fA\""`.replace(String.raw`\u007f`, "\x7f"),
      '{"k":[1.0,"x/"]}',
      "[]",
    ],
    ["0.10000000000000001", "1.2345678901234567e+19", String.raw`"a\/bA\""`, '{"k":[1,"x/"]}'],
  ],
  ["arrays of anything, with a bound", json({ type: "array", maxItems: 2 }), ["[]", '[1,{"a":[]}]'], [
    "[1,2,3]",
    "1",
  ]],
  ["objects of anything, with a bound", json({ type: "object", maxProperties: 1, minProperties: 1 }), [
    '{"a":[1]}',
  ], [
    "{}",
    '{"a":1,"b":2}',
  ]],
  ["addresses", json({ type: "string", format: "email" }), ['"a.b+c@d-e.fr"'], [
    String.raw`"\"\q\"@d.fr"`,
    '"a@d"',
    '"@d.fr"',
  ]],
  ["numbers of hosts", json({ type: "string", format: "ipv4" }), ['"10.0.255.1"'], [
    '"10.0.256.1"',
    '"10.0.01.1"',
  ]],
  [
    "pointers",
    json({ type: "string", format: "json-pointer" }),
    ['""', '"/a/~0b/é"', String.raw`"/\""`],
    ['"a"', '"/~2"', String.raw`"/\q"`],
  ],
  [
    "relative pointers",
    json({ type: "string", format: "relative-json-pointer" }),
    ['"0#"', '"12/a"', '"3"'],
    ['"0', '"01"', '"1#a"'],
  ],
  [
    "what never comes to an end",
    json({
      type: "object",
      properties: { a: { $ref: "#/$defs/m" }, b: { type: "array", items: { $ref: "#/$defs/m" } } },
      $defs: { m: { type: "object", properties: { m: { $ref: "#/$defs/m" } }, required: ["m"] } },
    }),
    ["{}", '{"b":[]}'],
    ['{"a":null}', '{"b":[null]}'],
  ],
  [
    "bounds inside",
    json({
      type: "object",
      properties: { age: { $ref: "#/$defs/age" }, ages: { type: "array", items: ages, maxItems: 2 } },
      required: ["age"],
      additionalProperties: false,
      $defs: { age: { ...ages, description: 'A "minimum": 3' } },
    }),
    ['{"age":150}', '{"age":7,"ages":[149,150]}'],
    ['{"age":151}', '{"age":7,"ages":[152]}', '{"age":"integer_range_0"}'],
  ],
];

Deno.test("a constraint lets through what fits, and nothing that only looks like it", async () => {
  using service = new ConstraintService(TABLE);
  for (const [name, constraint, fit, others] of CASES) {
    const outcome = async (texts: readonly string[]) => {
      const fitting = [];
      for (const text of texts) if (await fits(service, constraint, text)) fitting.push(text);
      return [name, ...fitting];
    };
    expect(await outcome(fit)).toEqual([name, ...fit]);
    expect(await outcome(others)).toEqual([name]);
  }
});

Deno.test("a choice lets its strings through, and no mixture of them", async () => {
  using service = new ConstraintService(TABLE);
  const word = fc.tuple(
    fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 4 }),
    fc.constantFrom("", "", "", "abcabcaabb"),
  ).map(([letters, end]) => letters.join("") + end);
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(word, { minLength: 2, maxLength: 5 }),
      fc.array(word),
      async (words, others) => {
        const near = words.flatMap((
          one,
        ) => [`${one}${one.at(-1)}`, one.slice(0, -1), one.replace(/.(?=.$)/, "$&$&")]);
        const choice = { choice: words };
        for (const text of new Set([...words, ...others, ...near])) {
          if (text !== "") {
            expect([text, await fits(service, choice, text)]).toEqual([
              text,
              words.includes(text),
            ]);
          }
        }
      },
    ),
    { numRuns: runs(40) },
  );
});

Deno.test("an expression lets through what it matches as ECMAScript has it, and nothing else", async () => {
  using service = new ConstraintService(TABLE);
  const one = fc.constantFrom(
    "a",
    "b",
    "é",
    "日",
    "[ab]",
    "[^a]",
    "[é-ü]",
    "\\w",
    "[^\\w]",
    ".",
    "\\.",
    "[日-語.]",
  );
  const counted = fc.tuple(one, fc.constantFrom("*", "+?", "?", "{2}", "{1,3}", "{0,}")).map((parts) =>
    parts.join("")
  );
  const { expression } = fc.letrec<{ expression: string }>((tie) => ({
    expression: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      one,
      counted,
      fc.tuple(tie("expression"), tie("expression")).map((parts) => parts.join("")),
      fc.tuple(tie("expression"), tie("expression")).map((parts) => `(${parts.join("|")})`),
      tie("expression").map((part) => `(?:${part})?`),
    ),
  }));
  const text = fc.array(fc.constantFrom("a", "b", "é", "ê", "日", "月", ".", "\n"), {
    minLength: 1,
    maxLength: 5,
  })
    .map((letters) => letters.join(""));
  await fc.assert(
    fc.asyncProperty(expression, fc.uniqueArray(text, { minLength: 6 }), async (regex, texts) => {
      const matches = new RegExp(`^(?:${regex})$`, "u");
      for (const one of texts) {
        expect([regex, one, await fits(service, { regex }, one)]).toEqual([regex, one, matches.test(one)]);
      }
    }),
    { numRuns: runs(40) },
  );
});

Deno.test("expressions that look ahead let through what they match as ECMAScript has it, and nothing else", async () => {
  using service = new ConstraintService(TABLE);
  const one = fc.constantFrom(
    "a",
    "b",
    "é",
    "[ab]",
    "[^a]",
    ".",
    "a*",
    "b+?",
    "[ab]{1,2}",
    "(?:ab|b)?",
    "(?:a|é)*",
  );
  const some = fc.array(one, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(""));
  const ahead = fc.tuple(fc.constantFrom("=", "!"), some, fc.constantFrom("", "$", ".*b"))
    .map(([sign, part, end]) => `(?${sign}${part}${end})`);
  const expression = fc.array(
    fc.oneof(
      { arbitrary: some, weight: 2 },
      ahead,
      fc.tuple(ahead, some).map((parts) => `(?:${parts.join("")}|b)?`),
    ),
    { minLength: 1, maxLength: 4 },
  ).map((parts) => parts.join(""));
  const text = fc.array(fc.constantFrom("a", "b", "é", "c"), { minLength: 1, maxLength: 5 }).map((all) =>
    all.join("")
  );
  await fc.assert(
    fc.asyncProperty(expression, fc.uniqueArray(text, { minLength: 6 }), async (regex, texts) => {
      const matches = new RegExp(`^(?:${regex})$`, "u");
      const isRefused = () => {
        try {
          parseConstraint("c", { regex });
          return false;
        } catch (error) {
          return (error as Error).message.includes("no text that fits");
        }
      };
      const refused = isRefused();
      for (const one of texts) {
        const fit = !refused && await fits(service, { regex }, one);
        expect([regex, one, fit]).toEqual([regex, one, matches.test(one)]);
      }
    }),
    { numRuns: runs(60) },
  );
});

Deno.test("a pattern that is not alone lets through what it matches somewhere as ECMAScript has it, and nothing else", async () => {
  using service = new ConstraintService(TABLE);
  const one = fc.constantFrom(
    "a",
    "b",
    "[ab]",
    "[^a]",
    "a*",
    "(?:ab|b)?",
    "(?=b)",
    "(?!a)",
    "(?:a|$)",
    "(?:^|b)",
    "(?:^a|c)",
  );
  const some = fc.array(one, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(""));
  const alternative = fc.tuple(fc.constantFrom("", "^"), some, fc.constantFrom("", "$")).map((parts) =>
    parts.join("")
  );
  const patterns = fc.array(alternative, { minLength: 1, maxLength: 2 }).map((all) => all.join("|"));
  const text = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 5 }).map((all) =>
    all.join("")
  );
  await fc.assert(
    fc.asyncProperty(patterns, fc.uniqueArray(text, { minLength: 6 }), async (pattern, texts) => {
      const schema = { jsonSchema: JSON.stringify({ type: "string", minLength: 1, pattern }) };
      const refusal = (() => {
        try {
          parseConstraint("c", schema);
          return "";
        } catch (error) {
          return (error as Error).message;
        }
      })();
      // An anchor behind what may be nothing is refused by name.
      fc.pre(!refusal.includes("not where the text begins"));
      for (const one of texts) {
        const fit = refusal === "" && await fits(service, schema, `"${one}"`);
        expect([pattern, one, fit]).toEqual([pattern, one, new RegExp(pattern, "u").test(one)]);
      }
    }),
    { numRuns: runs(60) },
  );
});

Deno.test("separateAlternatives() writes once what texts begin or end with", () => {
  const many = "and so on ".repeat(40);
  const rule = (text: (index: number) => string) =>
    `root ::= (${Array.from({ length: 99 }, (_, index) => `("${text(index)}")`).join(" | ")})`;
  const times = (grammar: string) => separateAlternatives(grammar)!.split(many.slice(1, -1)).length - 1;
  expect(times(rule((index) => `${many}${index}`))).toBe(1);
  expect(times(rule((index) => `${many}${index + 100}${many}`))).toBe(2);
  // No two begin alike, but in one rule the library would compare each of their characters with all others.
  expect(times(rule((index) => `${String.fromCodePoint(0x4e00 + index)}${many}`))).toBe(1);
});

Deno.test("a choice of long texts with the same beginning or end compiles in time", async () => {
  using service = new ConstraintService(TABLE);
  const many = "and so on ".repeat(50);
  const choices = (text: (index: number) => string) => Array.from({ length: 256 }, (_, index) => text(index));
  await service.check({ choice: choices((index) => `${many}${index}`) });
  await service.check({ choice: choices((index) => `${index}${many}`) });
  await service.check({ choice: choices((index) => many.slice(0, 2 * index + 1)) });
});

Deno.test("separateAlternatives() leaves alternatives that cannot begin alike as they are", () => {
  const isSeparated = (...rules: string[]) => separateAlternatives(rules.join("\n")) !== null;
  // Of a JSON string: taken apart, each character of a long one would cost more than the one before.
  const string = String.raw`s ::= (("\"") | ([^\0-\x1f\"\\\r\n] s) | ("\\" e s)) (=(t [,}\]:]))`;
  const escape = String.raw`e ::= (([\"\\/bfnrt]) | ("u" [A-Fa-f0-9]))`;
  expect(isSeparated(string, escape)).toBe(false);
  expect(isSeparated('r ::= (([^b] "c") | ("a" "d"))')).toBe(true);
  expect(isSeparated('r ::= (([^b] "c") | ("b" "d"))')).toBe(false);
  const maybeEmpty = ['a ::= ("" | ("a" a))', 'b ::= ("" | ("b" b))', "either ::= ((a) | (b))"];
  expect(isSeparated('r ::= ((either "c" "d") | ("c" "e"))', ...maybeEmpty)).toBe(true);
  expect(isSeparated('r ::= ((either "c" "d") | ("d" "e"))', ...maybeEmpty)).toBe(false);
});
