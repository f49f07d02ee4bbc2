// Architectures by the names of their tensors: shipped ones, ones a user brings, and inputs of mixed types.
import { expect } from "@std/expect";
import { FormatError, MergeError } from "../../src/errors.ts";
import { CheckpointWriter } from "../../src/formats/checkpoint_writer.ts";
import type { TensorSpec } from "../../src/formats/safetensors.ts";
import {
  type ArchitectureDefinition,
  fillIn,
  parseArchitecture,
} from "../../src/merge/architecture_definition.ts";
import { SHIPPED_ARCHITECTURES } from "../../src/merge/architectures.ts";
import { modelResolver } from "../../src/merge/model_paths.ts";
import { runMerge } from "../../src/merge/run.ts";
import { verifyModel } from "../../src/merge/verify/verify.ts";
import { fromFloat32 } from "../../src/tensor/convert.ts";
import { bytesPerElement, type FloatDtype } from "../../src/tensor/dtype.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { floats, loadTensors } from "../support/safetensors.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

interface Tiny {
  readonly architecture: string;
  /** Name → type; each tensor holds [4, 2] values counting up from `first`. */
  readonly tensors: Readonly<Record<string, FloatDtype>>;
  /** Of those that hold one value and have no dimension. */
  readonly scalars?: readonly string[];
  readonly first: number;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly shardBytes?: number;
}

async function write(dir: string, tiny: Tiny): Promise<void> {
  const { architecture, tensors, scalars = [], first, config, shardBytes } = tiny;
  const specs = Object.entries(tensors).map(([name, dtype]): TensorSpec => {
    return { name, dtype, shape: scalars.includes(name) ? [] : [4, 2] };
  });
  await using writer = await CheckpointWriter.create(
    dir,
    specs,
    shardBytes === undefined ? {} : { shardBytes },
  );
  for (const { name, dtype, shape } of specs) {
    const length = shape.length === 0 ? 1 : 8;
    const bytes = new Uint8Array(length * bytesPerElement(dtype as FloatDtype));
    fromFloat32(dtype as FloatDtype, Float32Array.from({ length }, (_, i) => first + i), bytes);
    await writer.writeTensor(name, [bytes]);
  }
  await writer.finishTensors();
  await writer.writeFile(
    "config.json",
    JSON.stringify({ architectures: [architecture], num_hidden_layers: 1, vocab_size: 4, ...config }),
  );
  await writer.commit();
}

/** Every tensor that a definition names, for one layer. */
function namesOf(definition: ArchitectureDefinition): string[] {
  return [
    ...definition.preWeights.map((weight) => fillIn(weight, 1, null)),
    ...definition.layerWeights.map((weight) => fillIn(weight, 1, 0)),
    ...definition.postWeights.map((weight) => fillIn(weight, 1, null)),
  ].map((weight) => weight.name);
}
const all = (names: readonly string[], dtype: FloatDtype = "F32") =>
  Object.fromEntries(names.map((name) => [name, dtype]));

const CONFIG = `merge_method: slerp
base_model: a
models: [{model: a}, {model: b}]
parameters: {t: 0.5}
`;
async function merge(dir: TempDir, architectures: readonly ArchitectureDefinition[] = [], config = CONFIG) {
  const out = dir.join("out");
  await runMerge({
    config,
    outDir: out,
    resolve: modelResolver({ cwd: dir.path, configDir: null }),
    architectures,
  });
  return { tensors: await loadTensors(`${out}/model.safetensors`), config: await readConfig(out) };
}
const readConfig = async (dir: string) => JSON.parse(await Deno.readTextFile(`${dir}/config.json`));

/** Their config.json says what their tensors must look like. */
const RUNNABLE = /mistral|llama|qwen/;

for (const definition of SHIPPED_ARCHITECTURES.filter(({ modelType }) => !RUNNABLE.test(modelType))) {
  Deno.test(`runMerge() merges every tensor of ${definition.modelType}, and drops what it does not name`, async () => {
    await using dir = await tempDir();
    const names = namesOf(definition);
    const architecture = definition.architectures[0]!;
    const tensors = { ...all(names), "model.rotary_emb.inv_freq": "F32" } as const;
    await write(dir.join("a"), { architecture, tensors, first: 1 });
    await write(dir.join("b"), { architecture, tensors, first: 1.5 });
    const merged = await merge(dir);
    expect([...merged.tensors.keys()].sort()).toEqual(names.sort());
    expect(merged.config.architectures).toEqual([architecture]);
  });
}

for (const definition of SHIPPED_ARCHITECTURES.filter(({ modelType }) => /qwen/.test(modelType))) {
  Deno.test(`runMerge() merges every tensor of ${definition.modelType}, as its configuration has them`, async () => {
    await using dir = await tempDir();
    const config = {
      architectures: [definition.architectures[0]!],
      model_type: definition.modelType,
      num_hidden_layers: 1,
      head_dim: 4,
    };
    for (const [seed, name] of ["a", "b"].entries()) await writeCheckpoint(dir.join(name), { config, seed });
    expect([...(await merge(dir)).tensors.keys()].sort()).toEqual(namesOf(definition).sort());
  });
}

Deno.test("the shipped architectures keep the biases of qwen2 and the norms of qwen3", () => {
  const names = (modelType: string) =>
    namesOf(SHIPPED_ARCHITECTURES.find((definition) => definition.modelType === modelType)!);
  expect(names("qwen2")).toContain("model.layers.0.self_attn.q_proj.bias");
  expect(names("qwen2")).not.toContain("model.layers.0.self_attn.o_proj.bias");
  expect(names("qwen3")).toContain("model.layers.0.self_attn.k_norm.weight");
  expect(names("phi3")).toContain("model.layers.0.self_attn.qkv_proj.weight");
  expect(names("gemma")).not.toContain("lm_head.weight");
});

const OWN = {
  model_type: "own",
  architectures: ["OwnForCausalLM"],
  num_layers_config_key: "text.depth",
  pre_weights: [{ name: "embed", is_embed: true, aliases: ["old.embed"] }],
  layer_templates: {
    weights: [
      { name: "h.${layer_index}.w" },
      { name: "h.${layer_index}.next.${layer_index+1}.of.${num_layers}", optional: true },
      { name: "h.${layer_index}.gate", force_dtype: "float32" },
    ],
  },
  post_weights: [{ name: "head", is_embed: true, optional: true, tied_names: ["embed", "old.embed"] }],
};
const own = { architecture: "OwnForCausalLM", config: { text: { depth: 1 }, vocab_size: 4 } };

Deno.test("runMerge() takes a description that the user brings: aliases, stand-ins, optional names, forced types", async () => {
  await using dir = await tempDir();
  const definition = parseArchitecture(OWN, "own.json");
  const gate = { "h.0.gate": "F32" } as const;
  await write(dir.join("a"), {
    ...own,
    tensors: { "old.embed": "BF16", "h.0.w": "BF16", "h.0.next.1.of.1": "F32", ...gate },
    first: 1,
  });
  await write(dir.join("b"), {
    ...own,
    tensors: { embed: "BF16", "h.0.w": "BF16", head: "BF16", ...gate },
    first: 2,
  });
  await expect(merge(dir)).rejects.toThrow(/"OwnForCausalLM".*--arch-info/s);
  const { tensors, config } = await merge(dir, [definition], CONFIG + "dtype: bfloat16\n");
  const dtypes = Object.fromEntries([...tensors].map(([name, { dtype }]) => [name, dtype]));
  // The optional tensor that only the base has is passed through; the head of "a" is its embedding.
  expect(dtypes).toEqual({
    embed: "BF16",
    head: "BF16",
    "h.0.gate": "F32",
    "h.0.next.1.of.1": "BF16",
    "h.0.w": "BF16",
  });
  expect([...floats(tensors.get("h.0.next.1.of.1")!)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect([...tensors.get("head")!.bytes]).toEqual([...tensors.get("embed")!.bytes]);
  expect(config.text).toEqual({ depth: 1 });
});

Deno.test("runMerge() passes an optional tensor through that the base lacks, where the method can do without it", async () => {
  await using dir = await tempDir();
  const definition = parseArchitecture(OWN, "own.json");
  const tensors = all(["embed", "h.0.w", "h.0.gate"]);
  await write(dir.join("a"), { ...own, tensors: { ...tensors, "h.0.next.1.of.1": "F32" }, first: 1 });
  await write(dir.join("b"), { ...own, tensors, first: 2 });
  const config = CONFIG.replace("base_model: a", "base_model: b");
  const merged = await merge(dir, [definition], config);
  expect([...floats(merged.tensors.get("h.0.next.1.of.1")!)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  const findSource = ({ name }: { readonly name: string }) => Promise.resolve(dir.join(name));
  const again = await verifyModel({ dir: dir.join("out"), findSource, architectures: [definition] });
  expect(again).toMatchObject({ mismatches: [], tensors: { recomputed: 4 } });
  const ties = "merge_method: ties\nbase_model: b\nmodels: [{model: a, parameters: {weight: 1}}]\n";
  await expect(merge(dir, [definition], ties)).rejects.toThrow(
    /tensor "h\.0\.next\.1\.of\.1" of "a" alone: it needs base_model "b"/,
  );
});

Deno.test("runMerge() rounds a tensor of a forced type to no other, and merges one without dimensions", async () => {
  await using dir = await tempDir();
  const tensors = all(["embed", "h.0.w", "h.0.gate"]);
  const fine = 1 + 2 ** -20; // of a float32, and of neither 16-bit type
  await write(dir.join("a"), { ...own, tensors, scalars: ["h.0.w"], first: fine });
  await write(dir.join("b"), { ...own, tensors, scalars: ["h.0.w"], first: fine });
  for (const dtypes of ["dtype: bfloat16\n", "out_dtype: float16\n"]) {
    await Deno.remove(dir.join("out"), { recursive: true }).catch(() => {});
    const merged = await merge(dir, [parseArchitecture(OWN, "own.json")], CONFIG + dtypes);
    const [gate, scalar] = [merged.tensors.get("h.0.gate")!, merged.tensors.get("h.0.w")!];
    expect([gate.dtype, floats(gate)[0]]).toEqual(["F32", fine]);
    expect([scalar.dtype === "F32", scalar.shape, [...floats(scalar)]]).toEqual([false, [], [1]]);
  }
});

Deno.test("runMerge() counts output layers where the description says they stand", async () => {
  await using dir = await tempDir();
  const definition = parseArchitecture(OWN, "own.json");
  const tensors = all(["embed", "h.0.w", "h.0.gate"]);
  await write(dir.join("a"), { ...own, tensors, first: 1 });
  const slice = "{sources: [{model: a, layer_range: [0, 1]}]}";
  const stacked = `merge_method: slerp\nbase_model: a\nslices: [${slice}, ${slice}]\nparameters: {t: 0}\n`;
  const merged = await merge(dir, [definition], stacked);
  expect([...merged.tensors.keys()].sort()).toEqual(["embed", "h.0.gate", "h.0.w", "h.1.gate", "h.1.w"]);
  expect(merged.config.text).toEqual({ depth: 2 });
});

Deno.test("runMerge() reads any mix of BF16, F16, F32 and F8_E4M3, sharded or not", async () => {
  await using dir = await tempDir();
  const names = ["embed", "h.0.w", "h.0.gate"];
  const mixes: FloatDtype[][] = [["F8_E4M3", "F16", "F32"], ["F32", "F8_E4M3", "BF16"]];
  for (const [i, name] of ["a", "b"].entries()) {
    const tensors = Object.fromEntries(names.map((tensor, j) => [tensor, mixes[i]![j]!]));
    await write(dir.join(name), { ...own, tensors, first: 1, ...(i === 0 && { shardBytes: 8 }) });
  }
  const { tensors } = await merge(dir, [parseArchitecture(OWN, "own.json")]);
  const dtypes = [...tensors].map(([name, { dtype }]) => `${name} ${dtype}`).sort();
  expect(dtypes).toEqual(["embed BF16", "h.0.gate F32", "h.0.w F16"]);
  for (const tensor of tensors.values()) expect([...floats(tensor)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

Deno.test("runMerge() refuses quantized tensors whose factors lie beside them", async () => {
  await using dir = await tempDir();
  for (const name of ["a", "b"]) {
    const tensors = { embed: "F32", "h.0.w": "F8_E4M3", "h.0.w_scale": "F32", "h.0.gate": "F32" } as const;
    await write(dir.join(name), { ...own, tensors, first: 1 });
  }
  const error = await merge(dir, [parseArchitecture(OWN, "own.json")]).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(MergeError);
  expect((error as Error).message).toContain('"h.0.w" of model "a" is F8_E4M3 with factors in "h.0.w_scale"');
});

const BROKEN: readonly [string, Record<string, unknown>, RegExp][] = [
  ["several modules", { ...OWN, kind: "modular" }, /kind/],
  ["no names", { ...OWN, architectures: [] }, /architectures/],
  ["no templates", { ...OWN, layer_templates: [] }, /layer_templates/],
  ["a weight without a name", { ...OWN, pre_weights: [{ is_embed: true }] }, /"name" is nothing/],
  [
    "a layer index outside of layers",
    { ...OWN, post_weights: [{ name: "x.${layer_index}" }] },
    /layer_index/,
  ],
  ["a placeholder that nobody knows", { ...OWN, pre_weights: [{ name: "x.${depth}" }] }, /\$\{depth\}/],
  [
    "a forced type that cannot be written",
    { ...OWN, pre_weights: [{ name: "x", force_dtype: "int64" }] },
    /int64/,
  ],
];
for (const [what, json, message] of BROKEN) {
  Deno.test(`parseArchitecture() refuses ${what}`, () => {
    expect(() => parseArchitecture(json, "own.json")).toThrow(FormatError);
    expect(() => parseArchitecture(json, "own.json")).toThrow(message);
  });
}
