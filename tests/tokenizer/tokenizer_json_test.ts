/** tokenizer.json from strangers: every refusal is a FormatError that names the field. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { FormatError } from "../../src/errors.ts";
import type { JsonObject } from "../../src/formats/json.ts";
import { parseTokenizerFile } from "../../src/tokenizer/tokenizer_json.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";

const CONFIG = { specialTokens: {}, addBosToken: null, chatTemplates: new Map<string, string>() };

const special = (id: number, content: string) => ({ id, content, special: true });
const valid = {
  added_tokens: [special(0, "<unk>"), special(1, "<s>"), special(6, "[INST]")],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  model: {
    type: "BPE",
    unk_token: "<unk>",
    vocab: { "<unk>": 0, "<s>": 1, a: 2, b: 3, ab: 4, "[": 5 },
    merges: ["a b"],
  },
};

function open(json: JsonObject): Tokenizer {
  return new Tokenizer(parseTokenizerFile(json, "tokenizer.json"), CONFIG);
}

Deno.test("parseTokenizerFile() takes a minimal file", () => {
  const tokenizer = open(valid);
  expect(tokenizer.encode("abba")).toEqual([4, 3, 2]);
  expect(tokenizer.encode("a?")).toEqual([2, 0]);
  expect(tokenizer.decode([4, 2])).toBe("ab a");
  expect(tokenizer.vocabSize).toBe(7);
});

Deno.test("parseTokenizerFile() takes files without a type and with merges as pairs", () => {
  const { type: _, ...model } = valid.model;
  expect(open({ ...valid, model: { ...model, merges: [["a", "b"]] } }).encode("ab")).toEqual([4]);
});

Deno.test("encode() makes no control token even where a merge would", () => {
  const vocab = { ...valid.model.vocab, "<": 7, "s": 8, ">": 9, "<s": 10 };
  const merges = ["< s", "<s >"];
  const ids = open({ ...valid, model: { ...valid.model, vocab, merges } }).encode("<s>");
  expect(ids).not.toContain(1);
});

const refusals: readonly (readonly [string, JsonObject, string])[] = [
  ["no model", { ...valid, model: undefined }, `"model" is nothing`],
  ["a model of another type", withModel({ type: "Unigram" }), `"model.type" is "Unigram", expected "BPE"`],
  ["random encoding", withModel({ dropout: 0.1 }), `"model.dropout" is 0.1`],
  ["a vocabulary that is a list", withModel({ vocab: [] }), `"model.vocab"`],
  ["an empty vocabulary", withModel({ vocab: {} }), `"model.vocab"`],
  ["an id that is no number", withModel({ vocab: { a: "1" } }), `model.vocab["a"]`],
  ["a negative id", withModel({ vocab: { a: -1 } }), `model.vocab["a"]`],
  ["an absurd id", withModel({ vocab: { a: 2 ** 40 } }), "expected an id from 0 to"],
  ["one id twice", withModel({ vocab: { a: 1, b: 1 } }), "an id that no other piece has"],
  ["no merges", withModel({ merges: undefined }), `"model.merges" is nothing`],
  ["a merge that is no pair", withModel({ merges: ["a b", "ab"] }), `model.merges[1]`],
  ["merges of both kinds", withModel({ merges: ["a b", ["a", "b"]] }), `model.merges[1]`],
  ["an unknown token that is nowhere", withModel({ unk_token: "<none>" }), `"model.unk_token"`],
  ["an added token without content", { ...valid, added_tokens: [{ id: 9 }] }, "added_tokens[0].content"],
  ["an added token twice", {
    ...valid,
    added_tokens: [special(1, "<s>"), special(6, "<s>")],
  }, "added_tokens[1].content"],
  ["an added token on another's id", { ...valid, added_tokens: [special(2, "<x>")] }, "added_tokens[0].id"],
  ["a decoder of another kind", { ...valid, decoder: { type: "CTC" } }, "decoder step"],
  ["continuing pieces that are marked", withModel({ continuing_subword_prefix: "##" }), "subword_prefix"],
  ["a decoder of endless growth", decoders(20, "aa"), "expected at most 64 times"],
  ["endless decoder steps", decoders(65, "a"), "65 decoder steps, expected at most 64"],
  ["a removal by an expression that captures", split({ Regex: "(b)+" }, "Removed"), "no capturing group"],
  [
    "nothing to be prepended",
    { ...valid, normalizer: { type: "Prepend" } },
    `"normalizer.prepend" is nothing`,
  ],
  ["much to be prepended", {
    ...valid,
    normalizer: { type: "Prepend", prepend: "a".repeat(65) },
  }, "at most 64 characters"],
  ["a decoder that is no object", { ...valid, decoder: "ByteLevel" }, `"decoder"`],
  ["stripping that cannot be streamed", {
    ...valid,
    decoder: { type: "Strip", content: " ", start: 0, stop: 1 },
  }, "decoder step"],
  ["a normalizer that the library does not know", { ...valid, normalizer: { type: "Mystery" } }, "Mystery"],
  ["a pre-tokenizer for a normalizer", { ...valid, normalizer: { type: "ByteLevel" } }, "ByteLevel"],
  ["a normalizer for a pre-tokenizer", { ...valid, pre_tokenizer: { type: "Strip" } }, "Strip"],
  [
    "normalizers for pre-tokenizers",
    { ...valid, pre_tokenizer: { type: "Sequence", normalizers: [] } },
    `"pre_tokenizer.pretokenizers" is nothing`,
  ],
  ["a pattern that is no regular expression", {
    ...valid,
    pre_tokenizer: { type: "Split", pattern: { Regex: "(" }, behavior: "Isolated", invert: false },
  }, "Cannot use"],
  ["a split without a pattern", split({}), `"pre_tokenizer.pattern" is {}, expected an object with Regex`],
  ["a replacement by nothing", {
    ...valid,
    normalizer: { type: "Sequence", normalizers: [{ type: "Replace", pattern: { String: "a" } }] },
  }, `"normalizer.normalizers[0].content" is nothing, expected a string`],
  [
    "a sequence of nothing",
    { ...valid, pre_tokenizer: { type: "Sequence" } },
    `"pre_tokenizer.pretokenizers"`,
  ],
  [
    "a split that the library would take for another",
    split({ String: "ab" }, "MergedWithNext"),
    `"pre_tokenizer.behavior" is "MergedWithNext", expected Removed, Isolated`,
  ],
  [
    "an inverted split that the library would take for another",
    split({ String: "a" }, "MergedWithPrevious", true),
    `"pre_tokenizer.behavior" is "MergedWithPrevious", expected`,
  ],
  [
    "a pattern that takes exponential time",
    split({ Regex: "(a+)+b" }),
    `the pattern "(a+)+b" may take too long`,
  ],
  [
    "pieces of no length",
    { ...valid, pre_tokenizer: { type: "FixedLength", length: 0 } },
    `pre_tokenizer.length`,
  ],
  ["words without a mark", { ...valid, pre_tokenizer: { type: "Metaspace" } }, `"pre_tokenizer.replacement"`],
  [
    "replacements that grow and grow",
    replacements(7),
    `"normalizer.normalizers[6].content" is "aa", expected`,
  ],
  [
    "a punctuation that the library would take for another",
    { ...valid, pre_tokenizer: { type: "Punctuation", behavior: "MergedWithNext" } },
    `"pre_tokenizer.behavior" is "MergedWithNext", expected Isolated, Contiguous or Removed`,
  ],
  ["a mark of two characters", {
    ...valid,
    pre_tokenizer: { type: "Metaspace", replacement: "▁▁" },
  }, `"pre_tokenizer.replacement" is "▁▁", expected a character`],
  ["a mark that cannot be streamed", {
    ...valid,
    decoder: { type: "Sequence", decoders: [{ type: "Fuse" }, { type: "Metaspace", replacement: "▁" }] },
  }, "decoder step"],
  ["bytes of bytes of bytes", {
    ...valid,
    pre_tokenizer: { type: "Sequence", pretokenizers: Array(3).fill({ type: "ByteLevel" }) },
  }, "expected at most 2 steps of this type"],
  ["endless steps", replacements(64, "a"), `expected at most 64 steps`],
  ["such a pattern of a normalizer", {
    ...valid,
    normalizer: { type: "Replace", pattern: { Regex: "(?:a|a)*b" }, content: "" },
  }, `the pattern "(?:a|a)*b" may take too long`],
];
function replacements(count: number, content = "aa"): JsonObject {
  const replace = { type: "Replace", pattern: { String: "a" }, content };
  return { ...valid, normalizer: { type: "Sequence", normalizers: Array(count).fill(replace) } };
}
function decoders(count: number, content: string): JsonObject {
  const { normalizer } = replacements(count, content);
  return { ...valid, decoder: { type: "Sequence", decoders: (normalizer as JsonObject).normalizers } };
}
function split(pattern: JsonObject, behavior = "Isolated", invert = false): JsonObject {
  return { ...valid, pre_tokenizer: { type: "Split", pattern, behavior, invert } };
}
function withModel(changes: Readonly<Record<string, unknown>>): JsonObject {
  return { ...valid, model: { ...valid.model, ...changes } };
}

for (const [what, json, message] of refusals) {
  Deno.test(`parseTokenizerFile() refuses ${what}`, () => {
    expect(() => open(json)).toThrow(FormatError);
    expect(() => open(json)).toThrow(message);
  });
}

Deno.test("encode() splits behind a character that stays with what precedes it", () => {
  const vocab = { ...valid.model.vocab, aa: 7, "aa[": 8, "[a": 9, "[[": 10 };
  const merges = ["a a", "[ a", "[ [", "aa ["];
  const json = { ...split({ String: "[" }, "MergedWithPrevious"), model: { ...valid.model, vocab, merges } };
  expect(open(json).encode("aa[[aa[a")).toEqual([8, 5, 8, 2]); // aa[ · [ · aa[ · a
});

Deno.test("encode() puts no space before a text where an older file says so", () => {
  const vocab = { ...valid.model.vocab, "▁": 7, "▁a": 8 };
  const model = { ...valid.model, vocab, merges: ["▁ a"] };
  const ids = (fields: JsonObject) =>
    open({ ...valid, model, pre_tokenizer: { type: "Metaspace", replacement: "▁", ...fields } }).encode(
      "a a",
    );
  expect(ids({ add_prefix_space: false })).toEqual([2, 8]);
  expect(ids({ add_prefix_space: true, str_rep: "b" })).toEqual([8, 8]);
  expect(ids({ add_prefix_space: false, prepend_scheme: "never" })).toEqual([2, 8]);
  expect(ids({})).toEqual([8, 8]);
});

Deno.test("parseTokenizerFile() throws nothing but FormatError", () => {
  const anything = fc.jsonValue();
  const key = fc.constantFrom("model", "added_tokens", "decoder", "normalizer", "pre_tokenizer");
  const modelKey = fc.constantFrom("type", "vocab", "merges", "unk_token", "byte_fallback", "dropout");
  fc.assert(fc.property(key, modelKey, anything, anything, (key, modelKey, value, modelValue) => {
    try {
      open({ ...valid, model: { ...valid.model, [modelKey]: modelValue }, [key]: value } as JsonObject);
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
    }
  }));
});
