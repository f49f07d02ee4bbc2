/** Decoders other than SentencePiece's, as newer Mistral-class tokenizers use them. */
import { expect } from "@std/expect";
import type { JsonObject } from "../../src/formats/json.ts";
import { parseTokenizerFile } from "../../src/tokenizer/tokenizer_json.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";

function open(vocab: readonly string[], rest: JsonObject): Tokenizer {
  const model = { type: "BPE", vocab: Object.fromEntries(vocab.map((piece, id) => [piece, id])), merges: [] };
  const file = parseTokenizerFile({ model, ...rest }, "tokenizer.json");
  return new Tokenizer(file, { specialTokens: {}, addBosToken: null, chatTemplates: new Map() });
}

Deno.test("decode() undoes the byte-level alphabet, also across tokens", () => {
  // "Ġ" is a space; "Ã" and "©" are the two bytes of "é"; "Ċ" is a newline.
  const tokenizer = open(["Ġ", "c", "a", "f", "Ã", "©", "Ċ"], { decoder: { type: "ByteLevel" } });
  const stream = tokenizer.streamDecoder({ afterPrompt: true });
  expect([0, 1, 2, 3, 4, 5, 6].map((id) => stream.push(id))).toEqual([" ", "c", "a", "f", "", "é", "\n"]);
  expect(tokenizer.decode([0, 1])).toBe(" c");
});

Deno.test("decode() gives the text of added tokens, and none for those that control", () => {
  const added = [{ id: 1, content: "<tool>" }, { id: 2, content: "<end>", special: true }];
  const tokenizer = open(["a"], { added_tokens: added, decoder: { type: "ByteLevel" } });
  expect(tokenizer.decode([0, 1, 2, 0])).toBe("a<tool>a");
});

Deno.test("encode() of a byte-level tokenizer comes back from decode()", () => {
  const tokenizer = open(["Ġ", "c", "Ã", "©"], {
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: false },
    decoder: { type: "ByteLevel" },
  });
  expect(tokenizer.encode(" cé")).toEqual([0, 1, 2, 3]);
  expect(tokenizer.decode([0, 1, 2, 3])).toBe(" cé");
});

Deno.test("decode() takes the Metaspace decoder's space off the start only", () => {
  const vocab = ["▁a", "b", "▁"];
  const always = open(vocab, { decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: "first" } });
  expect(always.decode([0, 1, 0])).toBe("ab a");
  expect(always.decode([2, 0])).toBe(" a");
  const never = open(vocab, { decoder: { type: "Metaspace", replacement: "▁", prepend_scheme: "never" } });
  expect(never.decode([0])).toBe(" a");
});

Deno.test("encodeChat() puts the Metaspace of a text's start nowhere else", () => {
  const vocab = ["▁", "a", "b"];
  const json = {
    model: { type: "BPE", vocab: Object.fromEntries(vocab.map((piece, id) => [piece, id])), merges: [] },
    added_tokens: [{ id: 9, content: "[INST]", special: true }],
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "first", split: false },
  };
  const templates = new Map([["default", "{{ messages[0].content }}[INST]b{{ messages[1].content }}"]]);
  const config = { specialTokens: {}, addBosToken: null, chatTemplates: templates };
  const tokenizer = new Tokenizer(parseTokenizerFile(json, "tokenizer.json"), config);
  const chat = (...contents: string[]) =>
    tokenizer.encodeChat(contents.map((content) => ({ role: "user", content }))).ids;
  expect(chat("a", "a")).toEqual([0, 1, 9, 2, 1]);
  expect(chat("", " a")).toEqual([9, 2, 0, 1]);
});

Deno.test("encodeChat() honours stripping around tokens that a template writes", () => {
  const json = {
    model: { type: "BPE", vocab: { a: 0, " ": 1, b: 2 }, merges: [] },
    added_tokens: [{ id: 9, content: "<x>", special: true, lstrip: true, rstrip: true }],
  };
  const config = {
    specialTokens: {},
    addBosToken: null,
    chatTemplates: new Map([["default", "a  <x> b"]]),
  };
  const tokenizer = new Tokenizer(parseTokenizerFile(json, "tokenizer.json"), config);
  expect(tokenizer.encodeChat([]).ids).toEqual([0, 9, 2]);
});
