import { expect } from "@std/expect";
import { ConfigError, FormatError } from "../../src/errors.ts";
import { ModelFolder } from "../../src/formats/folder.ts";
import { openTokenizer } from "../../src/tokenizer/tokenizer.ts";
import { readTokenizerConfig } from "../../src/tokenizer/tokenizer_config.ts";
import { DEMO_DIR } from "./support.ts";

/** Runs `test` on a folder with these files and the demo's tokenizer.json. */
async function withFolder(
  files: Readonly<Record<string, unknown>>,
  test: (dir: string) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.copyFile(`${DEMO_DIR}/tokenizer.json`, `${dir}/tokenizer.json`);
    for (const [name, content] of Object.entries(files)) {
      await Deno.writeTextFile(
        `${dir}/${name}`,
        typeof content === "string" ? content : JSON.stringify(content),
      );
    }
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
const read = async (dir: string) => await readTokenizerConfig(await ModelFolder.open(dir));
const hello = [{ role: "user", content: "hi" }];

Deno.test("readTokenizerConfig() takes tokens from the map where the configuration lists no added ones", async () => {
  const config = { bos_token: { content: "<s>", lstrip: false }, unk_token: "<unk>", add_bos_token: false };
  const files = { "special_tokens_map.json": { bos_token: "<other>", eos_token: { content: "</s>" } } };
  await withFolder({ ...files, "tokenizer_config.json": config }, async (dir) => {
    const { specialTokens, addBosToken } = await read(dir);
    expect(specialTokens).toEqual({ bos_token: "<other>", eos_token: "</s>", unk_token: "<unk>" });
    expect(addBosToken).toBe(false);
  });
  const listing = { ...config, added_tokens_decoder: {} };
  await withFolder({ ...files, "tokenizer_config.json": listing }, async (dir) => {
    expect((await read(dir)).specialTokens).toEqual({ bos_token: "<s>", unk_token: "<unk>" });
  });
});

Deno.test("encodeChat() gives templates every token that the configuration names", () =>
  withFolder({
    "tokenizer_config.json": {
      ...{ bos_token: "<s>", image_token: "[IMG]", mask_token: { content: "</s>" }, pad_token: null },
      chat_template: "{{ bos_token }}|{{ pad_token }}|{{ image_token }}|{{ mask_token }}",
    },
  }, async (dir) => {
    const { text, ids } = (await openTokenizer(dir)).encodeChat(hello);
    expect(text).toBe("<s>||[IMG]|</s>");
    expect([ids[0], ids.at(-1)]).toEqual([1, 2]);
  }));

const template = (...ids: readonly string[]) => ({
  type: "TemplateProcessing",
  single: [...ids.map((id) => ({ SpecialToken: { id, type_id: 0 } })), { Sequence: { id: "A", type_id: 0 } }],
});
// post-processor, `add_bos_token`, whether it is added by transformers 5.18
const BOS: readonly (readonly [unknown, boolean | undefined, boolean])[] = [
  [template("<s>"), undefined, true],
  [template("<s>"), false, true],
  [template(), true, false],
  [template("</s>"), undefined, false],
  [{ type: "ByteLevel" }, undefined, false],
  [{ type: "Sequence", processors: [{ type: "ByteLevel" }, template("<s>")] }, undefined, true],
  [{ type: "RobertaProcessing", cls: ["<s>", 1], sep: ["</s>", 2] }, undefined, true],
  [null, undefined, false],
  [null, true, true], // which transformers 5 passes over, and 4 does not
];
for (const [post_processor, add_bos_token, addsBos] of BOS) {
  const what = `${JSON.stringify(post_processor)} and add_bos_token ${add_bos_token}`;
  Deno.test(`addsBos is ${addsBos} with ${what}`, () =>
    withFolder({ "tokenizer_config.json": { bos_token: "<s>", add_bos_token } }, async (dir) => {
      const path = `${dir}/tokenizer.json`;
      const json = JSON.parse(await Deno.readTextFile(path));
      await Deno.writeTextFile(path, JSON.stringify({ ...json, post_processor }));
      expect((await openTokenizer(dir)).addsBos).toBe(addsBos);
    }));
}

Deno.test("encodeChat() uses the default of several named templates", () =>
  withFolder({
    "tokenizer_config.json": {
      chat_template: [{ name: "tool_use", template: "tools" }, { name: "default", template: "plain" }],
    },
  }, async (dir) => expect((await openTokenizer(dir)).encodeChat(hello).text).toBe("plain")));

Deno.test("encodeChat() prefers the template that has a file of its own", () =>
  withFolder({
    "tokenizer_config.json": { chat_template: "old", eos_token: "</s>" },
    "chat_template.jinja": "{{ messages[0].content }}{{ eos_token }}",
  }, async (dir) => {
    const tokenizer = await openTokenizer(dir);
    expect(tokenizer.encodeChat(hello).text).toBe("hi</s>");
    expect(tokenizer.encodeChat(hello).ids.at(-1)).toBe(2);
  }));

Deno.test("encodeChat() says that there is no template, or none for conversations", async () => {
  await withFolder({}, async (dir) => {
    const tokenizer = await openTokenizer(dir);
    expect(tokenizer.hasChatTemplate).toBe(false);
    expect(() => tokenizer.encodeChat(hello)).toThrow(ConfigError);
    expect(() => tokenizer.encodeChat(hello)).toThrow("no chat template");
  });
  await withFolder({
    "tokenizer_config.json": { chat_template: [{ name: "rag", template: "" }] },
  }, async (dir) => {
    const tokenizer = await openTokenizer(dir);
    expect(() => tokenizer.encodeChat(hello)).toThrow(`no chat template named "default", only rag`);
  });
});

Deno.test("encode() refuses bos where the tokenizer has no such token", () =>
  withFolder({}, async (dir) => {
    const tokenizer = await openTokenizer(dir);
    expect(tokenizer.addsBos).toBe(false);
    expect(() => tokenizer.encode("a", { bos: true })).toThrow(ConfigError);
  }));

const broken: readonly (readonly [string, Readonly<Record<string, unknown>>, string])[] = [
  [
    "a template that is a number",
    { "tokenizer_config.json": { chat_template: 1 } },
    `"chat_template" is a number`,
  ],
  ["a named template without a name", {
    "tokenizer_config.json": { chat_template: [{ template: "" }] },
  }, "chat_template[0]"],
  ["a token that is a list", { "tokenizer_config.json": { bos_token: ["<s>"] } }, `field "bos_token"`],
  ["a flag that is text", { "tokenizer_config.json": { add_bos_token: "yes" } }, `field "add_bos_token"`],
  ["a configuration that is no JSON", { "tokenizer_config.json": "{" }, "tokenizer_config.json"],
  ["a map that is a list", { "special_tokens_map.json": [] }, "special_tokens_map.json"],
];
for (const [what, files, message] of broken) {
  Deno.test(`readTokenizerConfig() refuses ${what}`, () =>
    withFolder(files, async (dir) => {
      await expect(read(dir)).rejects.toThrow(FormatError);
      await expect(read(dir)).rejects.toThrow(message);
    }));
}
