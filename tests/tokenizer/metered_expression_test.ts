import { expect } from "@std/expect";
import fc from "fast-check";
import { ConfigError } from "../../src/errors.ts";
import type { JsonObject } from "../../src/formats/json.ts";
import { Meter, MeteredExpression } from "../../src/tokenizer/metered_expression.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { parseTokenizerFile } from "../../src/tokenizer/tokenizer_json.ts";

const SOURCES = [
  String.raw`'s|'t| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  ...["a", "a*", "(?<=a)b?", "(?=b)", "(a)|b", String.raw`\p{N}{1,3}`, "🙂", String.raw`\s*$`, "^", "[^]"],
];

Deno.test("MeteredExpression finds in any text what a RegExp finds", () => {
  const text = fc.array(fc.constantFrom("a", "b", " ", "\n", "1", "🙂", "e\u0301", "'s"), { maxLength: 12 })
    .map((parts) => parts.join(""));
  for (const flags of ["u", "gu", "uy"]) {
    fc.assert(fc.property(fc.constantFrom(...SOURCES), text, (source, text) => {
      const expected = new RegExp(source, flags);
      const metered = new MeteredExpression(new RegExp(source, flags), new Meter());
      for (let i = 0; i < 3; i++) {
        expect(metered.exec(text)).toEqual(expected.exec(text));
        expect(metered.lastIndex).toBe(expected.lastIndex);
      }
      expect(text.replace(metered, "<$&>")).toBe(text.replace(expected, "<$&>"));
      expect(text.split(metered)).toEqual(text.split(expected));
      expect(text.match(metered)).toEqual(text.match(expected));
      if (!flags.includes("g")) return;
      expect([...text.matchAll(metered)]).toEqual([...text.matchAll(expected)]);
      expect(text.replaceAll(metered, "-")).toBe(text.replaceAll(expected, "-"));
    }));
  }
});

const USES: Readonly<Record<string, (text: string, expression: RegExp) => unknown>> = {
  exec: (text, expression) => expression.exec(text),
  match: (text, expression) => text.match(expression),
  matchAll: (text, expression) => [...text.matchAll(expression)],
  replaceAll: (text, expression) => text.replaceAll(expression, ""),
  split: (text, expression) => text.split(expression),
};
for (const [name, use] of Object.entries(USES)) {
  Deno.test(`MeteredExpression is given up in ${name}() where a text takes its length squared`, () => {
    const meter = new Meter({ ms: 20, msPerCharacter: 0 });
    const metered = new MeteredExpression(/a*b/gu, meter);
    meter.start(200_000);
    expect(() => use("a".repeat(200_000), metered)).toThrow(ConfigError);
    meter.start(3);
    expect(() => use("aba", metered)).not.toThrow();
  });
}

Deno.test("Meter does not hold it against an expression that the process stood still", () => {
  let now = 0;
  const meter = new Meter(undefined, () => now);
  meter.start(1000);
  for (let place = 0; place < 1000; place++) {
    if (place % 100 === 50) now += 60_000;
    now += 0.001;
    meter.count();
  }
  meter.start(1000);
  expect(() => {
    for (let place = 0; place < 1000; place++) {
      now += 5;
      meter.count();
    }
  }).toThrow(ConfigError);
});

const open = (rest: JsonObject) =>
  new Tokenizer(
    parseTokenizerFile({
      model: { type: "BPE", unk_token: "?", vocab: { a: 0, "?": 1 }, merges: [] },
      ...rest,
    }, "tokenizer.json"),
    {
      specialTokens: {},
      addBosToken: null,
      chatTemplates: new Map([["default", "{{ messages[0].content }}"]]),
    },
  );
const SLOW: readonly JsonObject[] = [
  { pre_tokenizer: { type: "Split", pattern: { Regex: "a*b" }, behavior: "Isolated", invert: false } },
  { normalizer: { type: "Replace", pattern: { Regex: "a*b" }, content: "" } },
];
for (const json of SLOW) {
  Deno.test(`encode() and encodeChat() give up such a text: ${JSON.stringify(json)}`, () => {
    const tokenizer = open(json);
    const content = "a".repeat(100_000);
    expect(() => tokenizer.encode(content)).toThrow("the tokenizer's patterns take too long on it");
    expect(() => tokenizer.encodeChat([{ role: "user", content }])).toThrow(ConfigError);
    expect(tokenizer.encode("aba").length).toBeGreaterThan(0);
  });
}

Deno.test("encode() gives up a text that a normalizer makes far longer", () => {
  const normalizer = { type: "Replace", pattern: { String: "a" }, content: "a".repeat(64) };
  const tokenizer = open({ normalizer });
  expect(tokenizer.encode("aba")).toHaveLength(129);
  expect(() => tokenizer.encode("a".repeat(10_000))).toThrow(ConfigError);
  expect(() => tokenizer.encode("a".repeat(10_000))).toThrow("makes 640000 of them");
});
