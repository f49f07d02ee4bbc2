/** Single cases in which the Rust `tokenizers` 0.23.2 are followed: what they give for the same file and text. */
import { expect } from "@std/expect";
import type { JsonObject } from "../../src/formats/json.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { parseTokenizerFile } from "../../src/tokenizer/tokenizer_json.ts";

function open(vocab: readonly string[], { model, ...rest }: JsonObject, template = ""): Tokenizer {
  const ids = Object.fromEntries(vocab.map((piece, id) => [piece, id]));
  const json = { ...rest, model: { type: "BPE", vocab: ids, merges: [], ...model as JsonObject } };
  const chatTemplates = new Map([["default", template]]);
  return new Tokenizer(parseTokenizerFile(json, "tokenizer.json"), {
    ...{ specialTokens: {}, addBosToken: null, chatTemplates },
  });
}

Deno.test("encode() makes one token of neighbouring unknown characters within a word only", () => {
  const json = { pre_tokenizer: { type: "WhitespaceSplit" }, model: { unk_token: "<unk>", fuse_unk: true } };
  expect(open(["<unk>", "a"], json).encode("a?! !a ?")).toEqual([1, 0, 0, 1, 0]);
});

Deno.test("encode() merges over characters that nothing stands for", () => {
  expect(open(["a", "b", "ab"], { model: { merges: ["a b"] } }).encode("a?b ab")).toEqual([2, 2]);
  const bytes = open(["a", "b", "ab", "<0x3F>"], { model: { merges: ["a b"], byte_fallback: true } });
  expect(bytes.encode("a?b a!b")).toEqual([0, 3, 1, 2]);
});

Deno.test("encode() leaves what would be a control token in its parts", () => {
  const added_tokens = [{ id: 2, content: "\n\n", special: true }];
  const model = { merges: ["\n \n", "a \n"] };
  expect(open(["a", "\n", "\n\n", "a\n"], { added_tokens, model }).encode("\n\na\n\n")).toEqual([1, 1, 3, 1]);
});

// expression, words of a'ſaa'Sax'ſbaKaKs, where the last K is the sign for Kelvin
const FOLDED: readonly (readonly [string, readonly string[]])[] = [
  [String.raw`(?i:'s|'t)|a+`, ["a", "'ſ", "aa", "'S", "a", "x", "'ſ", "b", "a", "K", "a", "\u212as"]],
  [String.raw`(?:a(?i:x'[r-t]|K)|'S)`, ["a'ſaa", "'S", "ax'ſ", "b", "aK", "a\u212a", "s"]],
];
for (const [Regex, words] of FOLDED) {
  Deno.test(`encode() disregards case in ${Regex} for more than ASCII`, () => {
    const pre_tokenizer = { type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false };
    const vocab = [...new Set(words)];
    const ids = open(vocab, { pre_tokenizer, model: { ignore_merges: true } }).encode(words.join(""));
    expect(ids.map((id) => vocab[id])).toEqual(words);
  });
}

const MARKS = {
  type: "Sequence",
  normalizers: [
    { type: "Prepend", prepend: "▁" },
    { type: "Replace", pattern: { String: " " }, content: "▁" },
  ],
};
const SPACES = {
  type: "Sequence",
  decoders: [
    { type: "Replace", pattern: { String: "▁" }, content: " " },
    { type: "Fuse" },
    { type: "Strip", content: " ", start: 1, stop: 0 },
  ],
};
const NORMALIZED = [{ id: 6, content: "<x>", normalized: true }];
// text, ids
const FOUND: readonly (readonly [string, readonly number[]])[] = [
  ["<x>a\n<x>a <x>", [6, 1, 5, 2, 3, 4, 1, 6]],
  ["a<x>", [0, 1, 2, 3, 4]],
  ["a <x> a", [0, 1, 6, 0, 1]],
  ["  <x>", [0, 0, 6]],
];
for (const [text, ids] of FOUND) {
  Deno.test(`encodeChat() finds normalized tokens in ${JSON.stringify(text)} where the mark is`, () => {
    const json = { normalizer: MARKS, added_tokens: NORMALIZED, decoder: SPACES };
    const tokenizer = open(["▁", "a", "<", "x", ">", "\n"], json, text);
    expect(tokenizer.encodeChat([]).ids).toEqual(ids);
    expect(tokenizer.encode(text)).not.toContain(6);
  });
}

Deno.test("decode() writes normalized tokens with the mark that they were found with", () => {
  const json = { normalizer: MARKS, added_tokens: NORMALIZED, decoder: SPACES };
  const tokenizer = open(["▁", "a", "<", "x", ">", "\n"], json);
  expect(tokenizer.decode([1, 6, 1])).toBe("a <x>a");
  expect(tokenizer.decode([6, 1])).toBe("<x>a");
});

Deno.test("encodeChat() takes nothing for a token that becomes one by its spaces", () => {
  const json = {
    normalizer: { type: "Replace", pattern: { String: " " }, content: "▁" },
    added_tokens: [{ id: 3, content: "a b", normalized: true }],
  };
  const tokenizer = open(["a", "b", "▁"], json, "{{ messages[0].content }}a b");
  for (const content of ["a b", "a▁b"]) {
    expect(tokenizer.encodeChat([{ role: "user", content }]).ids).toEqual([0, 2, 1, 3]);
  }
});

Deno.test("encode() finds added tokens of white space that control nothing", () => {
  const added_tokens = [
    { id: 2, content: "  " },
    { id: 3, content: "    ", normalized: true },
    { id: 4, content: "\n\n", special: true },
    { id: 5, content: " b" },
  ];
  expect(open(["a", " "], { added_tokens, model: { unk_token: "a" } }).encode("a   a     a\n\n b")).toEqual(
    [0, 2, 1, 0, 2, 2, 1, 0, 0, 0, 1, 0],
  );
});

Deno.test("encodeChat() lets a template find tokens in contents, of which none becomes one", () => {
  const added_tokens = [{ id: 3, content: "</think>" }, { id: 4, content: "<s>", special: true }, {
    id: 5,
    content: "🙂",
  }];
  const template = "<s>{% for m in messages %}{% if '</think>' in m.content %}" +
    "[{{ m.content.split('</think>')[0].strip('<a') }}|{{ m.content.split('</think>')[-1] }}]" +
    "{% else %}{{ m.content | tojson }}{{ m.content.startswith('<s>') }}{% endif %}{% endfor %}";
  const tokenizer = open(["a"], { added_tokens, model: { unk_token: "a" } }, template);
  const chat = (...contents: string[]) =>
    tokenizer.encodeChat(contents.map((content) => ({ role: "user", content })));
  const { text, ids } = chat("<a</think>b</think><s>", '<s>"🙂');
  expect(text).toBe(`<s>[|<s>]"<s>\\"🙂"True`);
  expect(ids.filter((id) => id !== 0)).toEqual([4]);
});

Deno.test("encodeChat() finds a token of white space once in what it swallows", () => {
  const added_tokens = [{ id: 2, content: "  ", lstrip: true, rstrip: true, special: true }];
  expect(open(["a", " "], { added_tokens }, "a       a  a").encodeChat([]).ids).toEqual([0, 2, 0, 2, 0]);
});

// ids of Ã (C3), © (A9), a, ð (F0), Ł (9F), ĺ (99)
const CUT: readonly (readonly [readonly number[], string])[] = [
  [[0, 2], "\ufffda"],
  [[3, 4, 5, 2], "\ufffda"],
  [[3, 4, 5], "\ufffd"],
  [[1, 2], "\ufffda"],
  [[0, 0, 1], "\ufffdé"],
  [[5, 4, 3], "\ufffd\ufffd\ufffd"],
];
for (const [ids, text] of CUT) {
  Deno.test(`decode() of the bytes [${ids}] replaces a character that is cut off at once`, () => {
    const tokenizer = open(["Ã", "©", "a", "ð", "Ł", "ĺ"], { decoder: { type: "ByteLevel" } });
    expect(tokenizer.decode(ids)).toBe(text);
  });
}
