/**
 * Where texts are split, and which added tokens are found in them, by what the Rust `tokenizers` 0.23.2 give for the same
 * file and text (`pre_tokenizer.pre_tokenize_str`, `encode`, `decode`).
 */
import { expect } from "@std/expect";
import type { JsonObject } from "../../src/formats/json.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { parseTokenizerFile } from "../../src/tokenizer/tokenizer_json.ts";

function open(vocab: readonly string[], rest: JsonObject, template = ""): Tokenizer {
  const ids = Object.fromEntries(vocab.map((piece, id) => [piece, id]));
  const model = { type: "BPE", vocab: ids, merges: [], ignore_merges: true };
  const chatTemplates = new Map([["default", template]]);
  return new Tokenizer(parseTokenizerFile({ model, ...rest }, "tokenizer.json"), {
    ...{ specialTokens: {}, addBosToken: null, chatTemplates },
  });
}

function partsOf(text: string): readonly string[] {
  const starts = Array.from({ length: text.length }, (_, i) => i);
  return starts.flatMap((start) => starts.map((end) => text.slice(start, end + 1))).filter((part) =>
    part !== ""
  );
}
const split = (pattern: JsonObject, behavior: string, invert = false) => ({
  ...{ type: "Split", pattern, behavior, invert },
});

// pre-tokenizer, text, words
const WORDS: readonly (readonly [JsonObject, string, readonly string[]])[] = [
  [{ type: "ByteLevel" }, "a\ufeff b\u0085 c  d", ["a", "ï»¿", "Ġb", "Âħ", "Ġc", "Ġ", "Ġd"]],
  [{ type: "ByteLevel" }, "x\ufeff\ufeff!", ["x", "ï»¿ï»¿!"]],
  [{ type: "ByteLevel" }, "a\u00b2 b\u200dc", ["a", "Â²", "Ġb", "âĢį", "c"]],
  [{ type: "ByteLevel", add_prefix_space: true }, "x\ufeff\ufeff!", ["Ġx", "ï»¿ï»¿!"]],
  [{ type: "ByteLevel", add_prefix_space: true }, " \ufeffa", ["Ġï»¿", "a"]],
  [{ type: "ByteLevel", add_prefix_space: true }, "🙂a🙂", ["ĠðŁĻĤ", "a", "ðŁĻĤ"]],
  [{ type: "ByteLevel", add_prefix_space: true, use_regex: false }, "a b", ["ĠaĠb"]],
  [{ type: "Metaspace", replacement: "▁" }, "ab  cd ", ["▁ab", "▁", "▁cd", "▁"]],
  [{ type: "Metaspace", replacement: "▁", split: false }, "ab  cd ", ["▁ab▁▁cd▁"]],
  [{ type: "Digits", individual_digits: true }, "١³ 12½a", ["١", "³", " ", "1", "2", "½", "a"]],
  [{ type: "Digits", individual_digits: false }, "١³ 12½a", ["١³", " ", "12½", "a"]],
  [{ type: "Punctuation" }, "a¿?!é_b $+", ["a", "¿", "?", "!", "é", "_", "b ", "$", "+"]],
  [{ type: "Punctuation", behavior: "Contiguous" }, "a¿?!é_b $+", ["a", "¿?!", "é", "_", "b ", "$+"]],
  [{ type: "Punctuation", behavior: "Removed" }, "a¿?!é_b $+", ["a", "é", "b "]],
  [{ type: "Whitespace" }, "a\ufeff b\u0085 é_c¿$", ["a", "\ufeff", "b", "é_c", "¿$"]],
  [{ type: "Whitespace" }, "a\u00b2 b\u200dc", ["a", "\u00b2", "b\u200dc"]],
  [{ type: "WhitespaceSplit" }, "a\ufeff b\u0085c  d", ["a\ufeff", "b", "c", "d"]],
  [split({ Regex: "b+" }, "Isolated", true), "abbac", ["a", "bb", "ac"]],
  [split({ Regex: "b+" }, "Removed", true), "abbacb", ["bb", "b"]],
  [split({ Regex: "b+" }, "Removed"), "abbac", ["a", "ac"]],
  [split({ Regex: String.raw`(?:b|(?<!x)\(|[(])+` }, "Removed"), "ab(bac", ["a", "ac"]],
  [split({ String: "b." }, "Removed"), "ab.ab.b", ["a", "a", "b"]],
  [split({ String: "b." }, "Removed", true), "ab.ab.b", ["b.", "b."]],
  [{ type: "FixedLength", length: 2 }, "a🙂bc\nd", ["a🙂", "bc", "\nd"]],
  [split({ Regex: String.raw`\s++$|\s*[\r\n]|\s+(?!\S)|\s` }, "Isolated"), "a \n b  ", [
    "a",
    " \n",
    " ",
    "b",
    "  ",
  ]],
  [split({ String: "b" }, "MergedWithPrevious"), "abbacb", ["ab", "b", "acb"]],
  [split({ String: "b" }, "MergedWithNext"), "abbacb", ["a", "b", "bac", "b"]],
  [split({ String: "b" }, "Contiguous"), "abbacb", ["a", "bb", "ac", "b"]],
  [{ type: "BertPreTokenizer" }, "a\ufeff b\u0085¿?é_$", ["a\ufeff", "b", "¿", "?", "é", "_", "$"]],
];
for (const [step, text, words] of WORDS) {
  Deno.test(`encode() splits ${JSON.stringify(text)} by ${JSON.stringify(step)} as the reference does`, () => {
    const vocab = [...new Set([words.join(""), text].flatMap(partsOf))]; // whatever the words, each is a piece
    const ids = open(vocab, { pre_tokenizer: step }).encode(text);
    expect(ids.map((id) => vocab[id])).toEqual(words);
  });
}

// left, right, text, what is left
const STRIPPED: readonly (readonly [boolean, boolean, string, string])[] = [
  [true, true, "\ufeff a \ufeff", "\ufeff a \ufeff"],
  [true, true, "\u0085 a b \u0085", "a b"],
  [true, false, "\u0085 a b \u0085", "a b \u0085"],
  [false, true, "\u0085 a b \u0085", "\u0085 a b"],
  [false, false, " a ", " a "],
];
for (const [strip_left, strip_right, text, left] of STRIPPED) {
  Deno.test(`encode() strips ${JSON.stringify(text)} to ${JSON.stringify(left)}`, () => {
    const normalizer = { type: "Strip", strip_left, strip_right };
    expect(open([left], { normalizer }).encode(text)).toEqual([0]);
  });
}

Deno.test("encode() puts a replacement as it is written", () => {
  const normalizer = { type: "Replace", pattern: { String: "b" }, content: "$&$$" };
  expect(open(["a$&$$"], { normalizer }).encode("ab")).toEqual([0]);
});

// normalizer, text, what it becomes
const NORMALIZED: readonly (readonly [JsonObject, string, string])[] = [
  [{ type: "Lowercase" }, "ΑΣ ΣΑΣ İ", "ασ σασ i̇"],
  [{ type: "Prepend", prepend: "$&" }, "a$", "$&a$"],
];
for (const [normalizer, text, normalized] of NORMALIZED) {
  Deno.test(`encode() normalizes ${JSON.stringify(text)} to ${JSON.stringify(normalized)}`, () => {
    expect(open([normalized], { normalizer }).encode(text)).toEqual([0]);
  });
}

Deno.test("encode() prepends nothing to a text of which nothing is left", () => {
  const normalizers = [{ type: "Strip", strip_left: true, strip_right: true }, {
    type: "Prepend",
    prepend: "_",
  }];
  const tokenizer = open(["_", "a"], { normalizer: { type: "Sequence", normalizers } });
  expect(tokenizer.encode(" ")).toEqual([]);
});

Deno.test("decode() puts a replacement as it is written", () => {
  const decoder = { type: "Replace", pattern: { String: "b" }, content: "$&$$" };
  expect(open(["ab"], { decoder }).decode([0])).toBe("a$&$$");
});

const ADDED = [
  { id: 13, content: "<x>", special: true, single_word: true },
  { id: 14, content: "<y>", special: true, lstrip: true, rstrip: true },
  { id: 15, content: "<x><y>", normalized: true },
  { id: 16, content: "<x>!", single_word: true },
  { id: 17, content: "é<", normalized: true, single_word: true },
];
// text, ids
const FOUND: readonly (readonly [string, readonly number[]])[] = [
  ["<x>", [13]],
  ["a<x>", [0, 3, 5, 4]],
  ["<x>a", [3, 5, 4, 0]],
  ["a <x> b", [0, 2, 13, 2, 1]],
  ["é<x>", [7, 3, 5, 4]],
  ["_<x>", [11, 3, 5, 4]],
  ["a <y> b", [0, 14, 1]],
  ["<x><y>", [13, 14]],
  ["a<x><y>", [0, 3, 5, 4, 14]],
  ["\ufeff<y>\ufeff", [9, 14, 9]],
  ["\u00a0\u0085<y>\u0085\u00a0a", [14, 0]],
  ["<x>!", [16]],
  ["<x>!a", [3, 5, 4, 12, 0]],
  ["<y><x>a", [14, 3, 5, 4, 0]],
  ["  <y>  <y>  ", [14, 14]],
  ["<x>\u200da", [3, 5, 4, 0]],
  ["aé<a", [0, 7, 3, 0]],
  ["<y>é<", [14, 17]],
  ["<x>é<", [3, 5, 4, 17]],
];
const LETTERS = [..."ab <>xyé\u00a0\ufeff\u0085_!"];
for (const [text, ids] of FOUND) {
  Deno.test(`encodeChat() finds in ${JSON.stringify(text)} the added tokens that the reference does`, () => {
    expect(open(LETTERS, { added_tokens: ADDED }, text).encodeChat([]).ids).toEqual(ids);
  });
}

Deno.test("encodeChat() has a normalized token give way to one that is not, and looks for it in what is normalized", () => {
  const normalizer = { type: "Prepend", prepend: "_" };
  const added_tokens = [{ id: 13, content: "<x", normalized: true }, { id: 14, content: "x>" }];
  const ids = (text: string) => open(LETTERS, { normalizer, added_tokens }, text).encodeChat([]).ids;
  expect(ids("a<xa")).toEqual([11, 0, 3, 5, 0]);
  expect(ids("<xa")).toEqual([13, 0]);
  expect(ids("a_<xa")).toEqual([11, 0, 13, 0]);
  expect(ids("a x>_<x")).toEqual([11, 0, 2, 14, 11, 13]);
  expect(ids("a<x>a")).toEqual([11, 0, 3, 14, 11, 0]);
});

// scheme, ids, text
const DECODED: readonly (readonly [string, readonly number[], string])[] = [
  ["first", [0, 1, 0], "ab a"],
  ["first", [3, 3], "ab a b"],
  ["always", [3, 3], "ab a b"],
  ["always", [4, 4], "  "],
  ["always", [2, 2, 0], "  a"],
  ["never", [3, 3], " a b a b"],
  ["never", [4, 4], "    "],
];
for (const [prepend_scheme, ids, text] of DECODED) {
  Deno.test(`decode() of [${ids}] with the marks of "${prepend_scheme}" is ${JSON.stringify(text)}`, () => {
    const decoder = { type: "Metaspace", replacement: "▁", prepend_scheme, split: false };
    const added_tokens = [{ id: 9, content: "<s>", special: true }];
    const tokenizer = open(["▁a", "b", "▁", "▁a▁b", "▁▁"], { decoder, added_tokens });
    expect(tokenizer.decode(ids)).toBe(text);
    expect(tokenizer.decode([9, ...ids])).toBe(text);
    const after = tokenizer.streamDecoder({ afterPrompt: true });
    expect(after.push(3)).toBe(" a b");
  });
}
