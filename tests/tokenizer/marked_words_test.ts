import { expect } from "@std/expect";
import fc from "fast-check";
import { markedWords } from "../../src/tokenizer/marked_words.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { parseTokenizerFile } from "../../src/tokenizer/tokenizer_json.ts";

const pieces = (...pieces: string[]) => new Map(pieces.map((piece, id) => [piece, id]));

Deno.test("markedWords() splits before marks, and not where a token may have one inside", () => {
  const words = (merges: unknown) => markedWords({ merges } as never, pieces("▁"))?.("a▁b▁▁c");
  expect(words([["▁", "a"], ["▁", "▁"], ["a", "b"]])).toEqual(["a", "▁b", "▁▁c"]);
  expect(words(["▁ ▁", "▁▁ ▁a"])).toEqual(["a", "▁b", "▁▁c"]);
  expect(words([["a", "▁"]])).toBeUndefined();
  expect(words(["a ▁b"])).toBeUndefined();
  expect(markedWords({ merges: [], ignore_merges: true }, pieces("▁"))).toBeNull();
  expect(markedWords({ merges: [], end_of_word_suffix: "</w>" }, pieces("▁"))).toBeNull();
  expect(markedWords({ merges: [] }, pieces("a"))).toBeNull();
});

Deno.test("encode() gives the ids of a text as a whole, whatever the merges", () => {
  const piece = fc.constantFrom("▁", "a", "b", "▁a", "▁▁", "ab", "▁▁a", "b▁", "▁b");
  const merges = fc.uniqueArray(fc.tuple(piece, piece), { selector: String, maxLength: 12 });
  const text = fc.array(fc.constantFrom("▁", "a", "b", "?"), { maxLength: 12 }).map((parts) =>
    parts.join("")
  );
  fc.assert(fc.property(merges, text, (merges, text) => {
    const tokens = ["?", "▁", "a", "b", ...merges.map((merge) => merge.join(""))];
    const vocab = Object.fromEntries([...new Set(tokens)].map((token, id) => [token, id]));
    // A merge that never applies, for "!" is in no text, has the whole text encoded as one word.
    const whole = [...merges, ["!", "▁"]];
    const [split, unsplit] = [merges, whole].map((merges) => {
      const model = { type: "BPE", unk_token: "?", vocab: { ...vocab, "!": 998, "!▁": 999 }, merges };
      const file = parseTokenizerFile({ model }, "tokenizer.json");
      return new Tokenizer(file, { specialTokens: {}, addBosToken: null, chatTemplates: new Map() });
    });
    expect(split!.encode(text)).toEqual(unsplit!.encode(text));
  }));
});
