/** The text side of a model: its files are held to what was registered, as its weights are. */
import { expect } from "@std/expect";
import { NotFoundError } from "../../src/errors.ts";
import { ADMIN, ALICE, HELPER_DIR, TestGateway } from "../support/gateway.ts";

const OURS = { name: "test/ours" };
const SAYS = /^The files of model "test\/ours" have changed: "([\w.]+)" in ".*" is not what was registered/;

/** A copy of the demo's helper that a test may change, registered. */
async function ours(test: TestGateway): Promise<string> {
  const path = test.dir.join("ours");
  await Deno.mkdir(path);
  for await (const { name } of Deno.readDir(HELPER_DIR)) {
    await Deno.copyFile(`${HELPER_DIR}/${name}`, `${path}/${name}`);
  }
  await test.gateway.models.register(ADMIN, { path, ...OURS });
  return path;
}

Deno.test("ServedTexts reads nothing but what was registered, and reads it once that is back", async () => {
  await using test = await TestGateway.make();
  const path = await ours(test);
  const { generations } = test.gateway;
  const ask = () => generations.start(ALICE, { model: OURS, prompt: { text: "Hello" } });
  const file = `${path}/tokenizer.json`;
  const registered = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, registered.replace('"▁the"', '"▁teh"'));
  await expect(ask()).rejects.toThrow(SAYS);
  await expect(ask()).rejects.toThrow(NotFoundError);

  await Deno.writeTextFile(file, registered); // its time is another one, and that is all
  await Deno.writeTextFile(`${path}/chat_template.jinja`, "{{ messages[0].content }}");
  await expect(ask()).rejects.toThrow(SAYS);
  await Deno.remove(`${path}/chat_template.jinja`);
  const { id } = await ask();

  await Deno.remove(file); // what has been read is what was registered
  const { id: again } = await ask();
  const prompts = await Promise.all([id, again].map((one) => generations.tokenIds(ALICE, one)));
  expect(prompts[0]!.prompt).toEqual(prompts[1]!.prompt);
});
