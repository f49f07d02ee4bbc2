// Merges of models whose vocabularies differ, against what mergekit wrote, and what becomes of the tokenizer's files.
import { expect } from "@std/expect";
import { join } from "node:path";
import fc from "fast-check";
import { FormatError, GeodesicError, MergeError } from "../../src/errors.ts";
import { ModelFolder } from "../../src/formats/folder.ts";
import { modelResolver } from "../../src/merge/model_paths.ts";
import { buildTokenizer } from "../../src/merge/output_tokenizer.ts";
import type { MergeRecord } from "../../src/merge/record.ts";
import { runMerge } from "../../src/merge/run.ts";
import type { TokenizerRequest } from "../../src/merge/tokenizer_request.ts";
import { readVocabulary, type Vocabulary } from "../../src/merge/vocabulary.ts";
import { verifyModel } from "../../src/merge/verify/verify.ts";
import { openTokenizer } from "../../src/tokenizer/tokenizer.ts";
import { type GeneratedCheckpoint, writeCheckpoint } from "../support/checkpoint_generator.ts";
import { compareTensors } from "../support/compare.ts";
import { runs } from "../support/properties.ts";
import { floats, type LoadedTensor, loadTensors } from "../support/safetensors.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const FIXTURES = new URL("../fixtures/merge-tokenizer", import.meta.url).pathname;
const CASES = join(FIXTURES, "cases");
const readJson = async (path: string) => JSON.parse(await Deno.readTextFile(path));

/** The rows of a matrix in another order, so that tokens can be compared whatever their ids. */
function rowsInOrder(tensor: LoadedTensor, order: readonly number[]): LoadedTensor {
  const size = tensor.bytes.byteLength / tensor.shape[0]!;
  const bytes = new Uint8Array(order.length * size);
  order.forEach((row, i) => bytes.set(tensor.bytes.subarray(row * size, (row + 1) * size), i * size));
  return { ...tensor, shape: [order.length, ...tensor.shape.slice(1)], bytes };
}

/** Token → id as tokenizer.json says. */
async function tokenIds(dir: string): Promise<Record<string, number>> {
  const { model, added_tokens: added } = await readJson(join(dir, "tokenizer.json"));
  const entries = added.map(({ content, id }: { content: string; id: number }) => [content, id]);
  return { ...model.vocab, ...Object.fromEntries(entries) };
}

for (const name of [...Deno.readDirSync(CASES)].map((entry) => entry.name).sort()) {
  Deno.test(`runMerge() reproduces mergekit on ${name}`, async () => {
    await using dir = await tempDir();
    const out = dir.join("out");
    await runMerge({
      config: await Deno.readTextFile(join(CASES, name, "config.yaml")),
      outDir: out,
      resolve: modelResolver({ cwd: FIXTURES, configDir: null }),
    });
    const golden = await readJson(join(CASES, name, "expected/vocab.json"));
    const expected = await loadTensors(join(CASES, name, "expected/model.safetensors"));
    const found = await loadTensors(join(out, "model.safetensors"));
    expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());

    const ids = await tokenIds(out);
    expect(Object.keys(ids).sort()).toEqual(Object.keys(golden.vocab).sort());
    const { vocab_size: size } = await readJson(join(out, "config.json"));
    expect(size).toBe(golden.vocab_size);
    const tokens = Object.keys(golden.vocab);
    const padding = Array.from({ length: golden.embed_rows - tokens.length }, (_, i) => tokens.length + i);
    const order = (
      vocabulary: Record<string, number>,
    ) => [...tokens.map((token) => vocabulary[token]!), ...padding];
    let [elements, differing] = [0, 0];
    for (const [tensor, is] of found) {
      const byToken = tensor === "model.embed_tokens.weight" || tensor === "lm_head.weight";
      const wanted = expected.get(tensor)!;
      if (byToken) expect(is.shape[0]).toBe(golden.embed_rows);
      const difference = byToken
        ? compareTensors(rowsInOrder(is, order(ids)), rowsInOrder(wanted, order(golden.vocab)))
        : compareTensors(is, wanted);
      if (difference.maxUlp > 2) throw new Error(`${tensor}: ${JSON.stringify(difference)}`);
      elements += difference.elements;
      differing += difference.differing;
    }
    expect(differing / elements).toBeLessThan(1e-3);
    await openTokenizer(out); // our own reader takes it
  });
}

/** A byte-pair tokenizer of single characters, with `added` after them. */
function tokenizerJson(characters: string, added: readonly string[] = []): string {
  const vocab = Object.fromEntries([...characters].map((token, id) => [token, id]));
  const addedTokens = added.map((content, i) => ({ id: characters.length + i, content, special: true }));
  return JSON.stringify({ added_tokens: addedTokens, model: { type: "BPE", vocab, merges: [] } });
}

/** Models by folder name, each with as many rows as its vocabulary size says. */
async function models(all: Readonly<Record<string, GeneratedCheckpoint>>): Promise<TempDir> {
  const dir = await tempDir();
  let seed = 1;
  for (const [name, options] of Object.entries(all)) {
    await writeCheckpoint(dir.join(name), { seed: seed++, ancestorSeed: 99, ...options });
  }
  return dir;
}
const model = (size: number, files: Record<string, string>): GeneratedCheckpoint => ({
  config: { vocab_size: size, hidden_size: 8 },
  files,
});
const CONFIG = `merge_method: slerp
base_model: a
models: [{model: a}, {model: b}]
parameters: {t: 0}
dtype: bfloat16
`;
function merge(dir: TempDir, config: string): Promise<MergeRecord> {
  const resolve = modelResolver({ cwd: dir.path, configDir: null });
  return runMerge({ config, outDir: dir.join("out"), resolve });
}
const embedding = async (dir: string) =>
  (await loadTensors(join(dir, "model.safetensors"))).get("model.embed_tokens.weight")!;
const row = (tensor: LoadedTensor, at: number) => {
  const [, columns] = tensor.shape;
  return [...floats(tensor).subarray(at * columns!, (at + 1) * columns!)];
};

Deno.test("runMerge() writes the tokenizer of a union: ids appended, other forms left out, the rest as it was", async () => {
  const settings = {
    eos_token: "b",
    added_tokens_decoder: { "3": { content: "<x>", special: true } },
    model_max_length: 12,
  };
  await using dir = await models({
    a: model(4, {
      "tokenizer.json": tokenizerJson("abc", ["<x>"]),
      "tokenizer_config.json": JSON.stringify(settings).replace("12}", "1000000000000000019884624838656}"),
      "tokenizer.model": "stale",
      "special_tokens_map.json": "{}",
    }),
    b: model(5, { "tokenizer.json": tokenizerJson("cbd", ["<y>", "<x>"]) }),
  });
  const record = await merge(dir, CONFIG + "tokenizer: {source: union, tokens: {<z>: {source: a}}}\n").catch((
    e,
  ) => e);
  expect(record).toBeInstanceOf(MergeError);
  expect(record.message).toContain('model "a" has no row for token "<z>"');
  const { tokenizer } = await merge(dir, CONFIG + "tokenizer: {source: union, pad_to_multiple_of: 4}\n");
  expect(tokenizer).toMatchObject({
    source: "union",
    model: "a",
    tokens: 6,
    rows: 8,
    appended: 2,
    removed: 0,
    models: [{ model: "a", ownRows: 4, assumed: false }, { model: "b", ownRows: 5, assumed: false }],
  });
  const out = dir.join("out");
  expect(await tokenIds(out)).toEqual({ a: 0, b: 1, c: 2, "<x>": 3, d: 4, "<y>": 5 });
  const written = await readJson(join(out, "tokenizer_config.json"));
  expect(written).toMatchObject({ eos_token: "b" });
  expect(await Deno.readTextFile(join(out, "tokenizer_config.json"))).toContain(
    "1000000000000000019884624838656",
  );
  expect(Object.keys(written.added_tokens_decoder)).toEqual(["3", "4", "5"]);
  const files = [...Deno.readDirSync(out)].map((entry) => entry.name);
  expect(files).toContain("special_tokens_map.json");
  expect(files).not.toContain("tokenizer.model");
  // At t = 0 the base's rows come out: its own, and for what it lacks the other's.
  const [merged, a, b] = [
    await embedding(out),
    await embedding(dir.join("a")),
    await embedding(dir.join("b")),
  ];
  for (let id = 0; id < 4; id++) expect(row(merged, id)).toEqual(row(a, id));
  expect(row(merged, 4)).toEqual(row(b, 2));
  expect(row(merged, 5)).toEqual(row(b, 3));
});

Deno.test("runMerge() takes tokens without a row out of the base's tokenizer, with the merges that make them", async () => {
  const json = JSON.parse(tokenizerJson("abc", ["<x>"]));
  json.model.vocab = { a: 0, b: 1, ab: 2, c: 3, "ba": 4 };
  json.added_tokens = [{ id: 5, content: "<x>" }];
  json.model.merges = ["a b", ["a", "c"], "b a"]; // readers refuse a merge whose result is no token
  await using dir = await models({
    a: model(3, { "tokenizer.json": JSON.stringify(json) }),
    b: model(3, { "tokenizer.json": tokenizerJson("abc") }),
  });
  const record = await merge(dir, CONFIG + "tokenizer_source: base\n");
  expect(record.tokenizer).toMatchObject({ tokens: 3, rows: 3, removed: 3 });
  const written = await readJson(dir.join("out/tokenizer.json"));
  expect(written).toMatchObject({
    added_tokens: [],
    model: { vocab: { a: 0, b: 1, ab: 2 }, merges: ["a b"] },
  });
});

Deno.test("runMerge() takes special token ids from the model whose tokenizer it takes", async () => {
  const b = model(4, {
    "tokenizer.json": tokenizerJson("dcba"),
    "generation_config.json": '{"eos_token_id": 3}',
  });
  await using dir = await models({
    a: model(3, { "tokenizer.json": tokenizerJson("abc"), "generation_config.json": '{"eos_token_id": 2}' }),
    b: { ...b, config: { ...b.config, eos_token_id: 3, bos_token_id: 0 } },
  });
  await merge(dir, CONFIG + "tokenizer_source: b\n");
  const config = await readJson(dir.join("out/config.json"));
  expect(config).toMatchObject({ vocab_size: 4, bos_token_id: 0, eos_token_id: 3 });
  expect(await readJson(dir.join("out/generation_config.json"))).toEqual({ eos_token_id: 3 });
});

Deno.test("verifyModel() merges nothing again without the folder that only gave its tokenizer", async () => {
  const json = (characters: string) => ({ "tokenizer.json": tokenizerJson(characters) });
  await using dir = await models({ a: model(3, json("abc")), b: model(3, json("bca")) });
  await Deno.mkdir(dir.join("words"));
  await Deno.writeTextFile(dir.join("words/tokenizer.json"), tokenizerJson("cab"));
  const record = await merge(dir, CONFIG + "tokenizer_source: words\n");
  expect(record.tokenizer).toMatchObject({ source: "words", model: "words", tokens: 3 });
  const findSource = ({ name }: { readonly name: string }) => Promise.resolve(dir.join(name));
  const { ok, tensors } = await verifyModel({ dir: dir.join("out"), findSource });
  expect({ ok, recomputed: tensors.recomputed }).toEqual({ ok: true, recomputed: 0 });
});

Deno.test("runMerge() takes a model without any tokenizer to have the base's, and says so; one in another form not", async () => {
  const json = { "tokenizer.json": tokenizerJson("abc") };
  const config = CONFIG + "tokenizer_source: base\n";
  {
    await using dir = await models({ a: model(3, json), b: model(3, {}) });
    const { tokenizer } = await merge(dir, config);
    expect(tokenizer!.models.map(({ assumed }) => assumed)).toEqual([false, true]);
  }
  {
    await using dir = await models({ a: model(3, json), b: model(3, { "tokenizer.model": "x" }) });
    await expect(merge(dir, config)).rejects.toThrow(/tokenizer\.model is not read in its place/);
  }
  await using dir = await models({ a: model(3, {}), b: model(3, {}) });
  await expect(merge(dir, config)).rejects.toThrow(/tokenizer_source needs a tokenizer\.json/);
});

for (
  const [what, json] of [
    ["a tokenizer that is a list of nothing", '{"model": {"vocab": 1}}'],
    ["a negative id", '{"model": {"vocab": {"a": -1}}}'],
    ["an id that would need a table of a million million rows", '{"model": {"vocab": {"a": 1e12}}}'],
    ["an added token without text", '{"model": {"vocab": {}}, "added_tokens": [{"id": 1}]}'],
    ["added tokens that are no list", '{"model": {"vocab": {}}, "added_tokens": {}}'],
  ] as const
) {
  Deno.test(`runMerge() refuses ${what}`, async () => {
    const sound = { "tokenizer.json": tokenizerJson("abc") };
    await using dir = await models({ a: model(3, sound), b: model(3, { "tokenizer.json": json }) });
    await expect(merge(dir, CONFIG + "tokenizer_source: union\n")).rejects.toBeInstanceOf(FormatError);
  });
}

Deno.test("runMerge() sets a chat template: a known one, one as written, or what most models have", async () => {
  const files = (template: string | null) => ({
    "tokenizer.json": tokenizerJson("abc"),
    ...(template === null ? {} : { "tokenizer_config.json": JSON.stringify({ chat_template: template }) }),
  });
  const jinja = "{% for m in messages %}{{ m['content'] }}{% endfor %}";
  const cases = [
    ["chatml", [null, null], /<\|im_start\|>/],
    [`"${jinja}"`, ["{{ 'its own template' }}", null], /^{% for m in messages %}/],
    ["auto", ["{{ 'rare' }}", `${jinja}\n`, jinja], /^{% for m in messages %}.*endfor %}$/],
  ] as const;
  for (const [setting, templates, expected] of cases) {
    const [a, b, c = null] = templates;
    await using dir = await models({
      a: model(3, { ...files(a), "chat_template.jinja": "{{ 'wins elsewhere' }}" }),
      b: model(3, files(b)),
      c: model(3, files(c)),
    });
    const slices = "[{sources: [{model: a, layer_range: [0, 1]}, {model: b, layer_range: [0, 1]}]}, " +
      "{sources: [{model: a, layer_range: [1, 2]}, {model: c, layer_range: [1, 2]}]}]";
    const config = `merge_method: slerp\nbase_model: a\nslices: ${slices}\nparameters: {t: 0.5}\n`;
    await merge(dir, `${config}chat_template: ${setting}\n`);
    const { chat_template: template } = await readJson(dir.join("out/tokenizer_config.json"));
    expect(template).toMatch(expected);
    expect([...Deno.readDirSync(dir.join("out"))].map((entry) => entry.name)).not.toContain(
      "chat_template.jinja",
    );
  }
});

Deno.test("runMerge() leaves out tokens of others that have no row, and makes rows for ids that have no token", async () => {
  const vocab = (ids: Record<string, number>, added: readonly unknown[] = []) =>
    JSON.stringify({ added_tokens: added, model: { type: "BPE", vocab: ids, merges: [] } });
  const plain = { content: "<n>", special: false };
  await using dir = await models({
    a: model(4, { "tokenizer.json": vocab({ a: 0, b: 3 }) }),
    b: model(3, {
      "tokenizer.json": vocab({ a: 0, c: 1, d: 3 }, [
        { ...plain, id: 2, special: true },
        { content: "<y>", id: 4 },
      ]),
    }),
    c: model(3, { "tokenizer.json": vocab({ a: 0, b: 1 }, [{ ...plain, id: 2 }]) }),
  });
  const slice = (other: string, at: number) =>
    `{sources: [{model: a, layer_range: [${at}, ${at + 1}]}, {model: ${other}, layer_range: [${at}, ${
      at + 1
    }]}]}`;
  const config = CONFIG.replace(
    "models: [{model: a}, {model: b}]",
    `slices: [${slice("b", 0)}, ${slice("c", 1)}]`,
  );
  const record = await merge(
    dir,
    config + "tokenizer: {source: union, tokens: {e: {source: {kind: zero}}}}\n",
  );
  expect(record.tokenizer).toMatchObject({ tokens: 5, rows: 7, appended: 3 });
  expect(await tokenIds(dir.join("out"))).toEqual({ a: 0, b: 3, c: 4, "<n>": 5, e: 6 });
  const { added_tokens: added } = await readJson(dir.join("out/tokenizer.json"));
  expect(added).toContainEqual({ content: "<n>", id: 5, special: true }); // as the first model has it
  const [merged, a, b] = [
    await embedding(dir.join("out")),
    await embedding(dir.join("a")),
    await embedding(dir.join("b")),
  ];
  expect(row(merged, 3)).toEqual(row(a, 3));
  expect([row(merged, 4), row(merged, 5)]).toEqual([row(b, 1), row(b, 2)]);
  expect(row(merged, 6)).toEqual(Array(8).fill(0));
  const tokens = [0, 3, 4, 5, 6].map((id) => row(merged, id));
  row(merged, 1).forEach((value, i) => {
    const mean = tokens.reduce((sum, token) => sum + token[i]!, 0) / 5;
    expect(Math.abs(value - mean)).toBeLessThanOrEqual(2 ** -8 * Math.abs(mean));
  });
  expect(row(merged, 2)).toEqual(row(merged, 1));
});

Deno.test("buildTokenizer() of a union makes special what is special in any model, under the id it has", async () => {
  const text = (vocab: Record<string, number>, added: readonly Record<string, unknown>[]) =>
    JSON.stringify({ added_tokens: added, model: { type: "BPE", vocab, merges: [] } });
  const names = ["lead", "second", "third"];
  const texts = [
    text({ a: 0, b: 1, c: 2 }, [{ id: 0, content: "a", special: true }]),
    text({ a: 0, x: 1, y: 2 }, [{ id: 0, content: "a", special: false }]),
    text({ b: 0, x: 1, z: 2 }, [{ id: 0, content: "b", special: true }, {
      id: 1,
      content: "x",
      lstrip: true,
    }]),
  ];
  const models = await Promise.all(texts.map(async (each, i) => ({
    model: names[i]!,
    vocabulary: await vocabularyOf(each),
    size: 3,
  })));
  const tokens = [{ token: "c", origin: { kind: "zero" } as const, force: false, path: [] }];
  const request: TokenizerRequest = { source: "union", tokens, multipleOf: 1, path: [] };
  const { ids, json, appended } = buildTokenizer(request, models[0]!, models, null);
  expect(appended.toSorted()).toEqual(["x", "y", "z"]);
  const added = (json!.added_tokens as { content: string; id: number }[]).toSorted((a, b) => a.id - b.id);
  expect(added.slice(0, 2)).toEqual([
    { id: 0, content: "a", special: true },
    { id: 1, content: "b", special: true },
  ]);
  expect(added.find(({ content }) => content === "x")).toEqual({
    id: ids.get("x"),
    content: "x",
    lstrip: true,
  });
  expect(added.map(({ content }) => content)).not.toContain("c"); // there already, and nowhere special
});

Deno.test("buildTokenizer() answers any exchange of values in a tokenizer.json with a tokenizer or a typed error", async () => {
  const lead = await vocabularyOf(tokenizerJson("abc", ["<x>"]));
  const request: TokenizerRequest = { source: "union", tokens: [], multipleOf: 1, path: [] };
  const atoms = ["null", "[]", "{}", "1", "-1", "1e99", '"a"', '["a b"]', '{"a": 5}', '[["a", 0.5]]'];
  const text = JSON.stringify({
    added_tokens: [{ id: 3, content: "<y>", special: true }],
    model: { type: "BPE", vocab: { a: 0, d: 1, ad: 2 }, merges: ["a d"] },
  });
  const places = [...text.matchAll(/(?<=[:,[])(?:"[^"]*"|\d+|true|\[[^[\]]*\]|\{[^{}]*\})(?!:)/g)];
  const change = fc.record({ place: fc.nat({ max: places.length - 1 }), atom: fc.constantFrom(...atoms) });
  await fc.assert(
    fc.asyncProperty(change, fc.integer({ min: 0, max: 4 }), async ({ place, atom }, size) => {
      const { index, 0: { length } } = places[place]!;
      try {
        const other = await vocabularyOf(text.slice(0, index) + atom + text.slice(index + length));
        for (const [first, second] of [[lead, other], [other, lead]] as const) {
          const models = [first, second].map((vocabulary, i) => ({ model: "ab"[i]!, vocabulary, size }));
          const { ids, json } = buildTokenizer(request, models[0]!, models, null);
          expect(new Set(ids.keys()).size).toBe(ids.size);
          JSON.stringify(json);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(GeodesicError);
      }
    }),
    { numRuns: runs(500) },
  );
});

async function vocabularyOf(text: string): Promise<Vocabulary> {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("tokenizer.json"), text);
  return (await readVocabulary(await ModelFolder.open(dir.path)))!;
}
