/** runMerge() of models that do not fit, of sources that change under it, and without room: an error, and no trace. */
import { expect } from "@std/expect";
import { statfs } from "node:fs/promises";
import { CapacityError, ConfigError, FormatError, MergeError, NotFoundError } from "../../src/errors.ts";
import { expectedTensors } from "../../src/formats/architecture.ts";
import { parseModelConfig } from "../../src/formats/config.ts";
import { layOutShard, planShards } from "../../src/formats/shard_plan.ts";
import type { MergeProgress } from "../../src/merge/run.ts";
import { TINY_CONFIG } from "../support/checkpoint_generator.ts";
import { CONFIG, merge, names, pair } from "../support/merge_pair.ts";

Deno.test("runMerge() reports every mismatch at once and writes nothing", async () => {
  await using dir = await pair({}, { config: { intermediate_size: 40, num_key_value_heads: 4 } });
  const error = await merge(dir).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(MergeError);
  const problems = (error as MergeError).details.problems as string[];
  expect(problems.length).toBe(2 * 5); // k, v, gate, up, down of two layers
  expect(problems[0]).toBe(
    'tensor "model.layers.0.self_attn.k_proj.weight" has different shapes: [8, 16] in "a", [16, 16] in "b"',
  );
  expect((error as MergeError).message).toMatch(/; and 2 more$/);
  expect(await names(dir.path)).toEqual(["a", "b"]);
});

Deno.test("runMerge() refuses architectures that differ and weights that contradict their config", async () => {
  await using dir = await pair({}, { config: { architectures: ["LlamaForCausalLM"] } });
  await expect(merge(dir)).rejects.toThrow(/architectures differ/);
  const config = JSON.parse(await Deno.readTextFile(dir.join("b/config.json")));
  await Deno.writeTextFile(
    dir.join("b/config.json"),
    JSON.stringify({ ...config, architectures: ["MistralForCausalLM"], vocab_size: 31 }),
  );
  await expect(merge(dir)).rejects.toThrow(
    /"model\.embed_tokens\.weight" of model "b" is \[32, 16\].*implies \[31, 16\]/,
  );
});

/** Replaces text of equal length in a weight file's header. */
async function patchHeader(file: string, from: string, to: string): Promise<void> {
  const text = new TextDecoder("latin1").decode(await Deno.readFile(file)).replace(from, to);
  await Deno.writeFile(file, Uint8Array.from(text, (character) => character.charCodeAt(0)));
}

Deno.test("runMerge() names a tensor that a model lacks, and one of a dtype that cannot be merged", async () => {
  await using dir = await pair();
  const original = await Deno.readFile(dir.join("b/model.safetensors"));
  await patchHeader(dir.join("b/model.safetensors"), "layers.1.mlp.up_proj", "layers.1.mlp.up_prox");
  await expect(merge(dir)).rejects.toThrow(
    /"model\.layers\.1\.mlp\.up_proj\.weight" is missing in model "b"/,
  );
  await Deno.writeFile(dir.join("b/model.safetensors"), original);
  await patchHeader(dir.join("b/model.safetensors"), '"BF16"', '"I16" ');
  await expect(merge(dir)).rejects.toThrow(
    /"model\.embed_tokens\.weight" of model "b" is I16, expected BF16, F16 or F32/,
  );
});

Deno.test("runMerge() refuses a truncated parent, a missing one, and a layer range past its end", async () => {
  await using dir = await pair();
  const missing = CONFIG.replace("model: b", "model: nowhere");
  const error = await merge(dir, { config: missing }).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(NotFoundError);
  expect((error as Error).message).toContain(dir.join("nowhere"));
  const range =
    "merge_method: slerp\nbase_model: a\nslices:\n  - sources:\n      - {model: a, layer_range: [1, 3]}\n" +
    "      - {model: b, layer_range: [0, 2]}\nparameters: {t: 0.5}\n";
  await expect(merge(dir, { config: range })).rejects.toThrow(
    /:5:33: layer_range \[1, 3\] passes the 2 layers/,
  );
  await Deno.truncate(dir.join("b/model.safetensors"), 5000);
  await expect(merge(dir)).rejects.toBeInstanceOf(FormatError);
  expect(await names(dir.path)).toEqual(["a", "b"]);
});

Deno.test("runMerge() aborted at any moment leaves nothing, and rethrows the reason", async () => {
  await using dir = await pair();
  const early = new AbortController();
  early.abort(new Error("stop early"));
  await expect(merge(dir, { signal: early.signal })).rejects.toBe(early.signal.reason);
  for (const doneTensors of [0, 5, 21]) {
    const controller = new AbortController();
    const reason = new Error(`stop after ${doneTensors}`);
    const onProgress = (progress: MergeProgress) => {
      if (progress.doneTensors === doneTensors) controller.abort(reason);
    };
    await expect(merge(dir, { onProgress, signal: controller.signal })).rejects.toBe(reason);
    expect(await names(dir.path)).toEqual(["a", "b"]);
  }
});

Deno.test("runMerge() leaves an occupied target as it was", async () => {
  await using dir = await pair();
  await Deno.mkdir(dir.join("out"));
  await Deno.writeTextFile(dir.join("out/precious"), "keep");
  await expect(merge(dir)).rejects.toBeInstanceOf(ConfigError);
  expect(await names(dir.path)).toEqual(["a", "b", "out"]);
  expect(await Deno.readTextFile(dir.join("out/precious"))).toBe("keep");
});

Deno.test("runMerge() says which source shrank while it was being read, and leaves nothing", async () => {
  await using dir = await pair();
  const source = dir.join("b/model.safetensors");
  const onProgress = ({ doneTensors }: MergeProgress) => {
    if (doneTensors === 3) Deno.truncateSync(source, 3000);
  };
  const error = await merge(dir, { onProgress, threads: 1 }).catch((error: unknown) => error);
  expect((error as FormatError).code).toMatch(/FORMAT|MERGE/);
  expect((error as FormatError).message).toContain("model.safetensors");
  expect(await names(dir.path)).toEqual(["a", "b"]);
});

Deno.test("runMerge() says which source is gone before a thread has opened it", async () => {
  await using dir = await pair();
  const source = dir.join("b/model.safetensors");
  const { mkdir } = Deno;
  try {
    Deno.mkdir = async (...args) => { // the output's folder is made between the plan and the work
      await Deno.remove(source).catch(() => {});
      return await mkdir(...args);
    };
    const error = await merge(dir).catch((error: unknown) => error);
    expect((error as FormatError).code).toBe("FORMAT");
    expect((error as FormatError).message).toBe(`Cannot read "${source}": it is gone`);
  } finally {
    Deno.mkdir = mkdir;
  }
});

Deno.test("runMerge() notices a source that was replaced while it was being merged", async () => {
  await using dir = await pair();
  const source = dir.join("b/model.safetensors");
  const onProgress = ({ doneTensors }: MergeProgress) => {
    if (doneTensors !== 3) return;
    Deno.copyFileSync(source, `${source}.new`);
    Deno.renameSync(`${source}.new`, source);
  };
  await expect(merge(dir, { onProgress })).rejects.toThrow(/"model.safetensors" of model "b" changed/);
  expect(await names(dir.path)).toEqual(["a", "b"]);
});

Deno.test("runMerge() finds out that the disk is too small before it writes weights", async () => {
  await using dir = await pair();
  // Two parents of which one tensor alone is larger than the disk: holes take no room.
  const { bavail, bsize } = await statfs(dir.path);
  const vocab_size = 16_000_000;
  const hidden_size = 4 * Math.ceil(bavail * bsize / vocab_size / 8) + 4;
  const json = { ...TINY_CONFIG, vocab_size, hidden_size };
  const tensors = [...expectedTensors(parseModelConfig(json, "config.json"))];
  const specs = tensors.map(([name, shape]) => ({ name, dtype: "BF16" as const, shape }));
  const { header, sizeBytes } = layOutShard(planShards(specs, Number.MAX_SAFE_INTEGER)[0]!);
  for (const model of ["a", "b"]) {
    await Deno.writeFile(dir.join(model, "model.safetensors"), header);
    await Deno.truncate(dir.join(model, "model.safetensors"), sizeBytes);
    await Deno.writeTextFile(dir.join(model, "config.json"), JSON.stringify(json));
  }
  const error = await merge(dir).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(CapacityError);
  expect((error as CapacityError).details.found).toBeGreaterThan(0);
  expect(await names(dir.path)).toEqual(["a", "b"]);
});
