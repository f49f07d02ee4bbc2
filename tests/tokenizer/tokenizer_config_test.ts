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

Deno.test("readTokenizerConfig() takes tokens as text or object, and from the map where the configuration is silent", () =>
  withFolder({
    "tokenizer_config.json": { bos_token: { content: "<s>", lstrip: false }, add_bos_token: false },
    "special_tokens_map.json": { bos_token: "<other>", eos_token: "</s>" },
  }, async (dir) => {
    const config = await read(dir);
    expect(config.specialTokens).toEqual({ bos_token: "<s>", eos_token: "</s>" });
    expect(config.addBosToken).toBe(false);
  }));

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
