import { expect } from "@std/expect";
import fc from "fast-check";
import { ConfigError, FormatError, NotFoundError } from "../../src/errors.ts";
import { openTokenizer } from "../../src/tokenizer/tokenizer.ts";
import { DEMO_DIR, tokenizerOf } from "./support.ts";

interface Reference {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly prompt_ids: readonly number[];
  readonly output_ids: readonly number[];
  readonly text: string;
}
const references: readonly Reference[] =
  (await Deno.readTextFile(new URL("../../demo/eval/reference.jsonl", import.meta.url)))
    .trim().split("\n").map((line) => JSON.parse(line));

/** Text as hostile users write it: Unicode of all planes, lone surrogates, control tokens in one piece and in two. */
const hostileText = fc.array(
  fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "<s>",
      "</s>",
      "<unk>",
      "<",
      "s>",
      "/s>",
      "</",
      ">",
      "s",
      " ",
      "\n",
      "\ud800",
      "<0x0A>",
      "▁",
    ),
  ),
).map((parts) => parts.join(""));

Deno.test("encode() gives ids that decode to the text, whatever the text", async () => {
  const tokenizer = await tokenizerOf(DEMO_DIR);
  fc.assert(fc.property(hostileText, (text) => {
    const ids = tokenizer.encode(text);
    // U+2581 is how the tokenizer writes a space, so it cannot be told from one.
    expect(tokenizer.decode(ids)).toBe(text.toWellFormed().replaceAll("▁", " "));
    expect(ids.filter((id) => id <= 2)).toEqual([]);
  }));
});

Deno.test("encodeChat() gives the control tokens of the template and no others, whatever the contents", async () => {
  const tokenizer = await tokenizerOf(DEMO_DIR);
  fc.assert(fc.property(fc.array(hostileText, { minLength: 1, maxLength: 5 }), (contents) => {
    const messages = contents.map((content, index) => ({ role: index % 2 ? "assistant" : "user", content }));
    const { text, ids } = tokenizer.encodeChat(messages);
    const answers = Math.floor(contents.length / 2);
    expect(ids.filter((id) => id <= 2)).toEqual([1, ...new Array(answers).fill(2)]);
    const rendered = contents.map((content, index) =>
      index % 2 ? ` ${content.toWellFormed()}</s>` : `[INST] ${content.toWellFormed()} [/INST]`
    );
    expect(text).toBe(`<s>${rendered.join("")}`);
  }));
});

Deno.test("encodeChat() and decode() reproduce the demo's reference prompts and answers", async () => {
  const tokenizer = await tokenizerOf(DEMO_DIR);
  expect(references.length).toBeGreaterThan(50);
  for (const reference of references) {
    expect(tokenizer.encodeChat(reference.messages).ids).toEqual(reference.prompt_ids);
    expect(tokenizer.decode(reference.output_ids)).toBe(reference.text);
  }
});

Deno.test("streamDecoder() sends, in total and well-formed, what decode() gives", async () => {
  const tokenizer = await tokenizerOf(DEMO_DIR);
  const ids = fc.array(fc.oneof(fc.nat(tokenizer.vocabSize - 1), fc.integer({ min: 3, max: 258 })));
  fc.assert(fc.property(ids, (ids) => {
    const stream = tokenizer.streamDecoder({ afterPrompt: false });
    const deltas = [...ids.map((id) => stream.push(id)), stream.flush()];
    expect(deltas.every((delta) => delta.isWellFormed())).toBe(true);
    expect(deltas.join("")).toBe(tokenizer.decode(ids));
    const after = tokenizer.streamDecoder({ afterPrompt: true });
    const kept = [...ids.map((id) => after.push(id)), after.flush()].join("");
    expect(kept.startsWith(" ") ? kept.slice(1) : kept).toBe(deltas.join(""));
  }));
});

Deno.test("streamDecoder() keeps a leading space after a prompt", async () => {
  const tokenizer = await tokenizerOf(DEMO_DIR);
  const [first] = tokenizer.encode("There");
  expect(tokenizer.streamDecoder({ afterPrompt: true }).push(first!)).toMatch(/^ /);
  expect(tokenizer.streamDecoder({ afterPrompt: false }).push(first!)).toMatch(/^[^ ]/);
});

Deno.test("decode() gives nothing for nothing and refuses ids that are no token", async () => {
  const tokenizer = await tokenizerOf(DEMO_DIR);
  expect(tokenizer.decode([])).toBe("");
  expect(tokenizer.decode([1, 2, 0])).toBe("");
  for (const id of [-1, 0.5, NaN, 2048, 2 ** 31]) {
    expect(() => tokenizer.decode([5, id])).toThrow(ConfigError);
    expect(() => tokenizer.decode([5, id])).toThrow(`Cannot decode token id ${id}`);
  }
});

Deno.test("specialTokenId() finds the tokens that the configuration names", async () => {
  const tokenizer = await tokenizerOf(DEMO_DIR);
  expect(tokenizer.specialTokenId("bos_token")).toBe(1);
  expect(tokenizer.specialTokenId("eos_token")).toBe(2);
  expect(tokenizer.specialTokenId("unk_token")).toBe(0);
  expect(tokenizer.specialTokenId("pad_token")).toBeUndefined();
  expect(tokenizer.addsBos).toBe(true);
});

Deno.test("openTokenizer() names what is missing", async () => {
  const model = new URL("../fixtures/merge/models/", import.meta.url);
  const [first] = [...Deno.readDirSync(model)];
  await expect(openTokenizer(`${model.pathname}${first!.name}`)).rejects.toThrow(FormatError);
  await expect(openTokenizer("/nonexistent/model")).rejects.toThrow(NotFoundError);
});

Deno.test("a template that refuses a system message is not quoted alone, for it speaks of roles", async () => {
  const tokenizer = await tokenizerOf(DEMO_DIR);
  const messageOf = (...roles: string[]) => {
    try {
      tokenizer.encodeChat(roles.map((role) => ({ role, content: "Hi" })));
      return null;
    } catch (error) {
      return (error as ConfigError).message;
    }
  };
  expect(messageOf("system", "user")).toMatch(
    /alternate.*; this model's template may take no system message$/,
  );
  expect(messageOf("user", "user")).toMatch(/alternate[^;]*$/);
});
