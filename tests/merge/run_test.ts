import { expect } from "@std/expect";
import { parse as parseYaml } from "yaml";
import { openCheckpoint } from "../../src/formats/checkpoint.ts";
import { inspectCheckpoint } from "../../src/merge/inspect.ts";
import { modelResolver } from "../../src/merge/model_paths.ts";
import type { MergeRecord } from "../../src/merge/record.ts";
import type { MergeProgress } from "../../src/merge/run.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { CONFIG, hex, merge, names, pair } from "../support/merge_pair.ts";
import { loadTensors } from "../support/safetensors.ts";

Deno.test("runMerge() records for every tensor what became of it", async () => {
  await using dir = await pair({ files: { "tokenizer.json": "{}", "notes.txt": "not for the child" } });
  const record = await merge(dir);
  const written = await loadTensors(dir.join("out/model.safetensors"));
  expect(record.tensors.map((tensor) => tensor.name)).toEqual([...written.keys()]);
  for (const tensor of record.tensors) {
    expect(tensor.outputSha256).toBe(hex(written.get(tensor.name)!.bytes));
    expect(tensor.inputs).toEqual([{ model: "a", tensor: tensor.name }, { model: "b", tensor: tensor.name }]);
  }
  const find = (name: string) => record.tensors.find((tensor) => tensor.name === name)!;
  expect(find("model.layers.1.self_attn.q_proj.weight")).toMatchObject({
    layer: 1,
    filter: "self_attn",
    t: 1,
  });
  expect(find("model.layers.0.mlp.up_proj.weight")).toMatchObject({
    layer: 0,
    filter: "mlp",
    t: 0.25,
    mode: "SLERP",
  });
  expect(find("lm_head.weight")).toMatchObject({ layer: null, filter: null, t: 0.5 });
  expect(record).toMatchObject({ method: "slerp", baseModel: "a", dtype: "bfloat16", layers: 2 });
  expect(record.curves).toEqual([
    { filter: null, t: [0.5, 0.5] },
    { filter: "mlp", t: [0.25, 0.25] },
    { filter: "self_attn", t: [0, 1] },
  ]);
  expect(record.parameters).toEqual([
    { name: "t", filter: "self_attn", value: null, gradient: [0, 1], place: "parameters" },
    { name: "t", filter: "mlp", value: 0.25, gradient: null, place: "parameters" },
    { name: "t", filter: null, value: 0.5, gradient: null, place: "parameters" },
  ]);
  expect(record.configuration).toMatchObject({ text: CONFIG, sha256: hex(new TextEncoder().encode(CONFIG)) });
  for (const source of record.sources) {
    const inspection = await inspectCheckpoint(dir.join(source.name));
    expect(source).toEqual({
      name: source.name,
      isBase: source.name === "a",
      layerRanges: [[0, 2]],
      manifestSha256: inspection.manifestSha256,
      files: inspection.files,
    });
  }
  expect(await names(dir.join("out"))).toEqual([
    "README.md",
    "config.json",
    "mergekit_config.yml",
    "model.safetensors",
    "provenance.json",
    "tokenizer.json",
  ]);
  expect(JSON.parse(await Deno.readTextFile(dir.join("out/provenance.json")))).toEqual(record);
});

Deno.test("runMerge() gives the same bytes and the same manifest for the same inputs", async () => {
  await using dir = await pair();
  const first = await merge(dir, { outDir: dir.join("x/one") });
  const second = await merge(dir, { outDir: dir.join("two") });
  expect(second).toEqual(first);
  for (const name of await names(dir.join("two"))) {
    expect(await Deno.readFile(dir.join("two", name))).toEqual(await Deno.readFile(dir.join("x/one", name)));
  }
  const { manifestSha256, matchesProvenance } = await inspectCheckpoint(dir.join("two"));
  expect([manifestSha256, matchesProvenance]).toEqual([first.artifact.manifestSha256, true]);
});

Deno.test("inspectCheckpoint() tells when a merged folder is no longer what its provenance recorded", async () => {
  await using dir = await pair();
  await merge(dir);
  await Deno.writeTextFile(dir.join("out/tokenizer.json"), "{}");
  expect((await inspectCheckpoint(dir.join("out"))).matchesProvenance).toBe(false);
  expect((await inspectCheckpoint(dir.join("a"))).matchesProvenance).toBe(null);
});

Deno.test("inspectCheckpoint() refuses a record that is not what its version promises, by field", async () => {
  await using dir = await pair();
  const record = await merge(dir);
  const damaged: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ["artifact", { artifact: null }],
    ["tensors", { tensors: undefined }],
    ["sources.0.manifestSha256", { sources: [{ ...record.sources[0], manifestSha256: "../x" }] }],
    ["method", { method: ["slerp"] }],
  ];
  for (const [field, change] of damaged) {
    await Deno.writeTextFile(dir.join("out/provenance.json"), JSON.stringify({ ...record, ...change }));
    await expect(inspectCheckpoint(dir.join("out"))).rejects.toMatchObject({
      code: "FORMAT",
      details: { field },
    });
  }
  await Deno.writeTextFile(dir.join("out/provenance.json"), '{"version": 2}');
  expect((await inspectCheckpoint(dir.join("out"))).provenance).toBe(null);
});

Deno.test("runMerge() writes a model card whose front matter names the lineage, whatever the names hold", async () => {
  await using dir = await pair();
  const odd = 'b: "x" # `y`';
  const config = CONFIG.replace("model: b", `model: ${JSON.stringify(odd)}`);
  const resolve = modelResolver({ cwd: dir.path, configDir: null, models: new Map([[odd, "b"]]) });
  await merge(dir, { config, resolve });
  const card = await Deno.readTextFile(dir.join("out/README.md"));
  expect(parseYaml(card.split("---\n")[1]!)).toEqual({
    base_model: ["a", odd],
    base_model_relation: "merge",
    library_name: "transformers",
    tags: ["mergekit", "merge"],
  });
  expect(card).toContain(config);
});

Deno.test("runMerge() at t = 0 keeps the base and at t = 1 the other, tensor for tensor", async () => {
  await using dir = await pair();
  for (const [t, parent] of [[0, "a"], [1, "b"]] as const) {
    const config =
      `merge_method: slerp\nbase_model: a\nmodels: [{model: a}, {model: b}]\nparameters: {t: ${t}}\n`;
    await merge(dir, { config, outDir: dir.join(`t${t}`) });
    expect(await loadTensors(dir.join(`t${t}/model.safetensors`))).toEqual(
      new Map(
        [...await loadTensors(dir.join(parent, "model.safetensors"))].sort(([x], [y]) => x < y ? -1 : 1),
      ),
    );
  }
});

Deno.test("runMerge() reads any mix of dtypes and writes the one asked for", async () => {
  await using dir = await pair({ dtype: "F16" }, { dtype: "F32" });
  const plain = CONFIG.replace("dtype: bfloat16\n", "");
  const cases = [["", "F16"], ["dtype: float32\n", "F32"], [
    "dtype: float16\nout_dtype: bfloat16\n",
    "BF16",
  ]] as const;
  for (const [lines, dtype] of cases) {
    const record = await merge(dir, { config: plain + lines, outDir: dir.join(dtype) });
    expect(new Set(record.tensors.map((tensor) => tensor.dtype))).toEqual(new Set([dtype]));
    using checkpoint = await openCheckpoint(dir.join(dtype));
    expect(checkpoint.config.dtype).toBe(record.dtype);
  }
});

Deno.test("runMerge() announces the dtype under every name that the base model uses for it", async () => {
  const read = async (path: string) => {
    const { torch_dtype, dtype } = JSON.parse(await Deno.readTextFile(path));
    return { torch_dtype, dtype };
  };
  await using dir = await pair();
  const base = JSON.parse(await Deno.readTextFile(dir.join("a/config.json")));
  for (const [i, names] of [["torch_dtype"], ["dtype"], ["torch_dtype", "dtype"], []].entries()) {
    const fields = Object.fromEntries(names.map((name) => [name, "bfloat16"]));
    await Deno.writeTextFile(
      dir.join("a/config.json"),
      JSON.stringify({ ...base, torch_dtype: undefined, ...fields }),
    );
    await merge(dir, { config: CONFIG + "out_dtype: float32\n", outDir: dir.join(`out${i}`) });
    const written = (names.length > 0 ? names : ["torch_dtype"]).map((name) => [name, "float32"]);
    expect(await read(dir.join(`out${i}/config.json`))).toEqual(Object.fromEntries(written));
  }
});

Deno.test("runMerge() passes the base model's other fields on to the letter, numbers too", async () => {
  await using dir = await pair();
  const path = dir.join("a/config.json");
  const lines = [
    '"rope_theta": 10000.0',
    '"rms_norm_eps": 1e-05',
    '"nested": [0.0, {"id": 12345678901234567890}]',
  ];
  const { rope_theta: _, rms_norm_eps: __, ...rest } = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, `${JSON.stringify(rest).slice(0, -1)}, ${lines.join(", ")}}`);
  await merge(dir);
  const written = (await Deno.readTextFile(dir.join("out/config.json"))).replaceAll(/\s/g, "");
  for (const line of lines) expect(written).toContain(line.replaceAll(" ", ""));
  expect(JSON.parse(written)).toMatchObject({ ...rest, torch_dtype: "bfloat16" });
});

Deno.test("runMerge() without a base and without dtype writes what holds the values of all inputs", async () => {
  await using dir = await pair({ dtype: "F16" }, { dtype: "BF16" });
  await writeCheckpoint(dir.join("c"), { seed: 3, ancestorSeed: 9, dtype: "F16" });
  for (const [other, dtype] of [["b", "F32"], ["c", "F16"]] as const) {
    const config = `merge_method: linear
models: [{model: a}, {model: ${other}}]
parameters: {weight: 1}
`;
    const record = await merge(dir, { config, outDir: dir.join(dtype) });
    expect(new Set(record.tensors.map((tensor) => tensor.dtype))).toEqual(new Set([dtype]));
  }
});

Deno.test("runMerge() handles tied embeddings: both tied, or only one", async () => {
  const tied = { config: { tie_word_embeddings: true } };
  {
    await using dir = await pair(tied, tied);
    const record = await merge(dir);
    expect(record.tensors.some((tensor) => tensor.name === "lm_head.weight")).toBe(false);
    using checkpoint = await openCheckpoint(dir.join("out"));
    expect(checkpoint.config.tieWordEmbeddings).toBe(true);
  }
  await using dir = await pair(tied, {});
  const record = await merge(dir);
  expect(record.tensors.find((tensor) => tensor.name === "lm_head.weight")!.inputs).toEqual([
    { model: "a", tensor: "model.embed_tokens.weight" },
    { model: "b", tensor: "lm_head.weight" },
  ]);
  using checkpoint = await openCheckpoint(dir.join("out"));
  expect(checkpoint.config.tieWordEmbeddings).toBe(false);
});

Deno.test("runMerge() announces the vocabulary that cutting left", async () => {
  await using dir = await pair({}, { config: { vocab_size: 20 } });
  await merge(dir);
  using checkpoint = await openCheckpoint(dir.join("out"));
  expect(checkpoint.config.vocabSize).toBe(20);
  expect(checkpoint.tensor("lm_head.weight").shape).toEqual([20, 16]);
});

Deno.test("runMerge() reports progress that grows to its total, and an error in the report ends it", async () => {
  await using dir = await pair();
  const seen: MergeProgress[] = [];
  await merge(dir, { onProgress: (progress) => seen.push(progress) });
  for (const figure of ["doneBytes", "doneTensors"] as const) {
    const done = seen.map((progress) => progress[figure]);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
  }
  const { totalBytes, totalTensors } = seen[0]!;
  expect(seen.at(-1)).toMatchObject({
    ...{ stage: "merging", doneBytes: totalBytes, totalBytes, doneTensors: totalTensors, totalTensors },
  });
  const { size } = await Deno.stat(dir.join("out/model.safetensors"));
  expect(size - totalBytes).toBeGreaterThan(0); // the header
  expect(size - totalBytes).toBeLessThan(size);

  const bug = new Error("the listener's own");
  const onProgress = () => {
    throw bug;
  };
  await expect(merge(dir, { outDir: dir.join("two"), onProgress })).rejects.toBe(bug);
  expect(await names(dir.path)).toEqual(["a", "b", "out"]);
});

Deno.test("runMerge() writes the same files with any number of threads and shards of any size", async () => {
  // Large enough that several threads find work, and that tensors span blocks.
  const shape = { hidden_size: 256, intermediate_size: 1024, vocab_size: 4096, num_hidden_layers: 12 };
  await using dir = await pair({ config: shape, shardBytes: 9_000_000 }, { config: shape });
  for (const shardBytes of [5_000_000, 5_000_000_000]) {
    const records: MergeRecord[] = [];
    for (const threads of [1, 2, 5]) {
      records.push(await merge(dir, { outDir: dir.join(`${shardBytes}-${threads}`), shardBytes, threads }));
    }
    expect(records[1]).toEqual(records[0]);
    expect(records[2]).toEqual(records[0]);
    const { manifestSha256 } = await inspectCheckpoint(dir.join(`${shardBytes}-5`));
    expect(manifestSha256).toBe(records[0]!.artifact.manifestSha256);
  }
});

Deno.test("runMerge() says of a config.json without architectures that they are missing", async () => {
  await using dir = await pair();
  const path = dir.join("b/config.json");
  const { architectures: _, ...config } = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify(config));
  await expect(merge(dir)).rejects.toThrow(
    /model "b": its architectures are missing, expected one of Mistral/,
  );
});
