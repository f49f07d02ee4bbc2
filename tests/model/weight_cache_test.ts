/** FP8 checkpoints as compressed-tensors lays them out: written, loaded, cached; and what is wrong with one is noticed. */
import { expect } from "@std/expect";
import { FormatError } from "../../src/errors.ts";
import { openCheckpoint } from "../../src/formats/checkpoint.ts";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { loadModel, type LoadProgress } from "../../src/model/load.ts";
import { writeQuantizedCopy } from "../../src/model/quantized_copy.ts";
import type { Quantization } from "../../src/model/runner.ts";
import { type CacheJob, openCacheEntry, stampOf, writeCacheEntry } from "../../src/model/weight_cache.ts";
import { gpuTest } from "../gpu/device.ts";
import { readSafetensors } from "../oracle/checkpoint.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { tempDir } from "../support/temp.ts";
import { fixture, generate, LOAD, uploadWeights, weightHashes } from "./harness.ts";

async function stampOfFolder(dir: string): Promise<string> {
  using checkpoint = await openCheckpoint(dir);
  return await stampOf(checkpoint);
}

async function copyOf(source: string, target: string): Promise<void> {
  using checkpoint = await openCheckpoint(source);
  await writeQuantizedCopy(checkpoint, target);
}

Deno.test("writeQuantizedCopy() writes the golden bytes under the names of compressed-tensors", async () => {
  await using dir = await tempDir();
  await copyOf(fixture("gqa"), `${dir.path}/copy`);
  const written = await readSafetensors(`${dir.path}/copy/model.safetensors`);
  const expected = await readSafetensors(`${fixture("gqa")}/fp8-weights-layer0.safetensors`);
  expect(expected.size).toBe(14);
  for (const [name, { shape, bytes }] of expected) {
    const found = written.get(name)!;
    // The fixture keeps codes as bytes and scales as vectors.
    expect(found.dtype).toBe(name.endsWith("_scale") ? "F32" : "F8_E4M3");
    if (name.endsWith("_scale")) expect(found.shape).toEqual([shape[0], 1]);
    else expect(found.shape).toEqual(shape);
    expect(found.bytes).toEqual(bytes);
  }
  const config = JSON.parse(await Deno.readTextFile(`${dir.path}/copy/config.json`));
  expect(config.quantization_config).toMatchObject({
    quant_method: "compressed-tensors",
    format: "float-quantized",
    config_groups: {
      group_0: { targets: ["Linear"], weights: { num_bits: 8, type: "float", strategy: "channel" } },
    },
    ignore: [],
  });
});

async function hashesOf(device: GpuDevice, dir: string, quantization: Quantization, threads: number) {
  using checkpoint = await openCheckpoint(dir);
  using owned = new DisposableStack();
  return await weightHashes(
    device,
    await uploadWeights(device, checkpoint, { owned, quantization, threads }),
  );
}

const SOURCES: Readonly<Record<string, Parameters<typeof writeCheckpoint>[1]>> = {
  bfloat16: {},
  "binary16 with sizes off every tile": {
    dtype: "F16",
    config: {
      hidden_size: 20,
      intermediate_size: 37,
      num_attention_heads: 5,
      num_key_value_heads: 1,
      vocab_size: 33,
    },
  },
  "float32 with biases, and a matrix of one column": {
    dtype: "F32",
    config: {
      architectures: ["LlamaForCausalLM"],
      model_type: "llama",
      attention_bias: true,
      mlp_bias: true,
      intermediate_size: 1,
    },
  },
  "tied embeddings": { config: { tie_word_embeddings: true } },
};

for (const [name, options] of Object.entries(SOURCES)) {
  gpuTest(`an FP8 checkpoint loads to the bits that quantizing gives: ${name}`, async (device) => {
    await using dir = await tempDir();
    await writeCheckpoint(`${dir.path}/source`, options);
    await copyOf(`${dir.path}/source`, `${dir.path}/copy`);
    const expected = await hashesOf(device, `${dir.path}/source`, "fp8", 0);
    expect(await hashesOf(device, `${dir.path}/copy`, "fp8", 0)).toEqual(expected);
    expect(await hashesOf(device, `${dir.path}/copy`, "fp8", 2)).toEqual(expected);
    // As stored is FP8, too, except for a head that shares the embedding.
    if (!name.startsWith("tied")) {
      expect(await hashesOf(device, `${dir.path}/copy`, "none", 0)).toEqual(expected);
    }
  });
}

gpuTest(
  "an FP8 checkpoint may have one scale for a tensor; other shapes, and none, are refused",
  async (device) => {
    await using dir = await tempDir();
    await writeCheckpoint(`${dir.path}/source`);
    await copyOf(`${dir.path}/source`, `${dir.path}/copy`);
    const file = `${dir.path}/copy/model.safetensors`;
    const original = await Deno.readFile(file);
    const scale = "model.layers.0.self_attn.o_proj.weight_scale";
    const withShape = async (shape: readonly number[] | null) => {
      const tensors = [...await readSafetensors(file)].filter(([name]) => shape !== null || name !== scale);
      let offset = 0;
      const parts: Uint8Array<ArrayBuffer>[] = [];
      const header = Object.fromEntries(tensors.map(([name, tensor]) => {
        const own = name === scale ? shape! : tensor.shape;
        const bytes = name === scale
          ? new Uint8Array(new Float32Array(own.reduce((a, b) => a * b)).fill(0.5).buffer)
          : Uint8Array.from(tensor.bytes);
        parts.push(bytes);
        const start = offset;
        offset += bytes.byteLength;
        return [name, { dtype: tensor.dtype, shape: own, data_offsets: [start, offset] }];
      }));
      const json = new TextEncoder().encode(JSON.stringify(header));
      const prefix = new Uint8Array(8);
      new DataView(prefix.buffer).setBigUint64(0, BigInt(json.byteLength), true);
      await Deno.writeFile(file, new Blob([prefix, json, ...parts]).stream());
    };
    for (const shape of [[4, 2], [3], null]) {
      await withShape(shape);
      const failure = await loadModel(device, `${dir.path}/copy`, LOAD).catch((error) => error);
      expect(failure).toBeInstanceOf(FormatError);
      expect(failure.message).toContain(scale);
      await Deno.writeFile(file, original);
    }
    await withShape([1]);
    const one = await hashesOf(device, `${dir.path}/copy`, "fp8", 0);
    await withShape([16, 1]); // all of them 0.5
    expect(await hashesOf(device, `${dir.path}/copy`, "fp8", 0)).toEqual(one);
  },
);

/** A model with a cache folder, loaded as often as one likes. */
class CachedModel {
  readonly jobs: CacheJob[] = [];
  readonly lines: string[] = [];
  readonly source: string;
  readonly dir: string;
  manifestSha256 = "a".repeat(64);

  constructor(readonly root: string) {
    this.source = `${root}/source`;
    this.dir = `${root}/cache`;
  }

  get entry(): string {
    return `${this.dir}/${this.manifestSha256}-fp8`;
  }

  /** Greedy tokens, and the bytes that the load read. */
  async load(device: GpuDevice, threads = 0): Promise<{ tokens: number[]; progress: LoadProgress[] }> {
    const progress: LoadProgress[] = [];
    using runner = await loadModel(device, this.source, {
      ...LOAD,
      quantization: "fp8",
      threads,
      onProgress: (step) => progress.push(step),
      cache: {
        dir: this.dir,
        manifestSha256: this.manifestSha256,
        maxBytes: 1e9,
        write: (job) => this.jobs.push(job),
        log: (line) => this.lines.push(line),
      },
    });
    const [tokens] = await generate(runner, [{ prompt: [1, 5, 9], count: 8, slot: 0, firstBlock: 0 }]);
    return { tokens: tokens!.map(({ id }) => id), progress };
  }

  async write(): Promise<void> {
    await writeCacheEntry(this.jobs.shift()!);
  }
}

async function cachedModel(
  root: string,
  options: Parameters<typeof writeCheckpoint>[1] = {},
): Promise<CachedModel> {
  const model = new CachedModel(root);
  await writeCheckpoint(model.source, { gain: 2, ...options });
  return model;
}

for (const tied of [false, true]) {
  gpuTest(`loadModel() asks for a cache entry once and uses it then, tied ${tied}`, async (device) => {
    await using dir = await tempDir();
    const model = await cachedModel(dir.path, { config: { tie_word_embeddings: tied } });
    const first = await model.load(device);
    expect(first.progress[1]!.stage).toBe("QUANTIZING");
    expect(model.jobs).toEqual([{
      dir: model.dir,
      manifestSha256: model.manifestSha256,
      maxBytes: 1e9,
      source: model.source,
      stamp: await stampOfFolder(model.source),
    }]);
    await model.write();
    for (const threads of [0, 2]) {
      const second = await model.load(device, threads);
      expect(second.tokens).toEqual(first.tokens);
      expect(second.progress[1]!.stage).toBe("UPLOADING");
      expect(second.progress.at(-1)!.totalBytes).toBeLessThan(first.progress.at(-1)!.totalBytes);
    }
    expect(model.jobs).toEqual([]);
    expect(model.lines).toEqual([]);
  });
}

const SPOILED: Readonly<Record<string, { spoil: (model: CachedModel) => Promise<void>; says: string }>> = {
  "a changed byte of a weight": {
    spoil: async ({ entry }) => {
      using checkpoint = await openCheckpoint(entry);
      const { offset } = checkpoint.tensor("model.layers.1.mlp.down_proj.weight");
      await flip(`${entry}/model.safetensors`, offset + 17);
    },
    says: "model.layers.1.mlp.down_proj.weight",
  },
  "a changed byte of a scale": {
    spoil: async ({ entry }) => {
      using checkpoint = await openCheckpoint(entry);
      const { offset } = checkpoint.tensor("lm_head.weight_scale");
      await flip(`${entry}/model.safetensors`, offset + 8);
    },
    says: "lm_head.weight_scale",
  },
  "a file cut short": {
    spoil: ({ entry }) => Deno.truncate(`${entry}/model.safetensors`, 5000),
    says: "model.safetensors",
  },
  "no record": {
    spoil: ({ entry }) => Deno.remove(`${entry}/geodesic-cache.json`),
    says: "a record of version",
  },
  "another version": {
    spoil: ({ entry }) => editJson(`${entry}/geodesic-cache.json`, { version: 0 }),
    says: "a record of version",
  },
  "another artifact's weights": {
    spoil: async (model) => {
      const { entry } = model;
      model.manifestSha256 = "b".repeat(64);
      await Deno.rename(entry, model.entry);
    },
    says: "a".repeat(64),
  },
  "another shape": {
    spoil: ({ entry }) => editJson(`${entry}/config.json`, { rope_theta: 5 }),
    says: "configuration",
  },
  "a file in its place": {
    spoil: async ({ entry }) => {
      await Deno.remove(entry, { recursive: true });
      await Deno.writeTextFile(entry, "");
    },
    says: "it is a file",
  },
};

async function flip(path: string, offset: number): Promise<void> {
  const bytes = await Deno.readFile(path);
  bytes[offset]! ^= 1;
  await Deno.writeFile(path, bytes);
}
async function editJson(path: string, fields: object): Promise<void> {
  const json = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify({ ...json, ...fields }));
}

for (const [name, { spoil, says }] of Object.entries(SPOILED)) {
  gpuTest(`loadModel() notices ${name} in the cache, says so, and has it written anew`, async (device) => {
    await using dir = await tempDir();
    const model = await cachedModel(dir.path);
    const { tokens } = await model.load(device);
    await model.write();
    await spoil(model);
    const again = await model.load(device);
    expect(again.tokens).toEqual(tokens);
    expect(model.lines.length).toBe(1);
    expect(model.lines[0]).toContain(says);
    again.progress.reduce((last, { loadedBytes }) => {
      expect(loadedBytes).toBeGreaterThanOrEqual(last);
      return loadedBytes;
    }, 0);
    await model.write();
    expect((await model.load(device)).tokens).toEqual(tokens);
    expect(model.lines.length).toBe(1);
    expect(model.jobs).toEqual([]);
  });
}

Deno.test("writeCacheEntry() leaves nothing when it is stopped, and tidies up after those that were killed", async () => {
  await using dir = await tempDir();
  const model = await cachedModel(dir.path);
  const { dir: cacheDir, manifestSha256, source: folder } = model;
  const stamp = await stampOfFolder(folder);
  const job = { dir: cacheDir, manifestSha256, maxBytes: 1e9, source: folder, stamp };
  const controller = new AbortController();
  const names = async () =>
    (await Array.fromAsync(Deno.readDir(model.dir))).map(({ name }) => name).filter((name) =>
      name !== ".lock"
    );
  const writing = writeCacheEntry(job, controller.signal);
  controller.abort(new Error("stopped"));
  await expect(writing).rejects.toThrow("stopped");
  await Deno.mkdir(`${model.dir}/.${"c".repeat(64)}-fp8.partial-x`, { recursive: true });
  await writeCacheEntry(job);
  expect(await names()).toEqual([`${model.manifestSha256}-fp8`]);
  // An FP8 checkpoint needs no entry of its own.
  await writeCacheEntry({ ...job, manifestSha256: "d".repeat(64), source: model.entry });
  expect(await names()).toEqual([`${model.manifestSha256}-fp8`]);
  using source = await openCheckpoint(model.source);
  using entry = await openCacheEntry(job, source);
  expect(entry).not.toBeNull();
});
