/**
 * A whole SLERP merge of two generated bfloat16 checkpoints against copying the same bytes (read both parents, write
 * one file) in the same run, page cache warm for both. The merged tensors are checked against the formula in float64
 * before anything is reported.
 */
import { join } from "node:path";
import { openCheckpoint } from "../src/formats/checkpoint.ts";
import { runMerge } from "../src/merge/run.ts";
import { toFloat32 } from "../src/tensor/convert.ts";
import { writeCheckpoint } from "../tests/support/checkpoint_generator.ts";
import type { Figure } from "./figure.ts";

const SHAPE = {
  hidden_size: 1024,
  intermediate_size: 3584,
  num_attention_heads: 16,
  num_key_value_heads: 4,
  num_hidden_layers: 8,
  vocab_size: 16000,
};
const T = 0.3;
const CONFIG = `
models: [{ model: base }, { model: other }]
merge_method: slerp
base_model: base
parameters: { t: ${T} }
dtype: bfloat16
`;

export async function benchMerge(): Promise<readonly Figure[]> {
  const folder = await Deno.makeTempDir({ prefix: "geodesic-bench-" });
  try {
    const paths = { base: join(folder, "base"), other: join(folder, "other"), out: join(folder, "out") };
    await writeCheckpoint(paths.base, { config: SHAPE, seed: 1, ancestorSeed: 7, distance: 0.3 });
    await writeCheckpoint(paths.other, { config: SHAPE, seed: 2, ancestorSeed: 7, distance: 0.3 });
    const resolve = (name: string) => Promise.resolve(join(folder, name));

    const merge = async () => {
      await Deno.remove(paths.out, { recursive: true }).catch(() => {});
      return await timed(() => runMerge({ config: CONFIG, outDir: paths.out, resolve }));
    };
    await merge();
    const elements = await verify(paths);
    const rounds: { merge: number; copy: number }[] = [];
    for (let round = 0; round < 3; round++) rounds.push({ merge: await merge(), copy: await copy(paths) });
    const ratios = rounds.map(({ merge, copy }) => merge / copy).sort((a, b) => a - b);
    const seconds = Math.min(...rounds.map(({ merge }) => merge)) / 1000;
    return [
      { name: "elements merged", value: elements / 1e6, unit: "M" },
      { name: "whole merge / copying the same bytes", value: ratios[1]!, unit: "×", note: "median of 3" },
      { name: "elements a second, whole merge", value: elements / seconds / 1e6, unit: "M/s" },
      { name: "resident memory", value: Deno.memoryUsage().rss / 2 ** 20, unit: "MiB", note: "at the end" },
    ];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Reads every byte of both parents and writes as many as one of them has, synced, as the merge does. */
async function copy(paths: { base: string; other: string; out: string }): Promise<number> {
  const target = `${paths.out}.copy`;
  const elapsed = await timed(async () => {
    const block = new Uint8Array(1 << 20);
    using out = await Deno.open(target, { write: true, create: true, truncate: true });
    for (const [parent, write] of [[paths.base, false], [paths.other, true]] as const) {
      using file = await Deno.open(join(parent, "model.safetensors"));
      for (let read = await file.read(block); read !== null; read = await file.read(block)) {
        for (let done = 0; write && done < read;) done += await out.write(block.subarray(done, read));
      }
    }
    await out.sync();
  });
  await Deno.remove(target);
  return elapsed;
}

/** Every tensor, by the formula in float64; within one bfloat16 step. Returns the number of elements. */
async function verify(paths: { base: string; other: string; out: string }): Promise<number> {
  using base = await openCheckpoint(paths.base);
  using other = await openCheckpoint(paths.other);
  using merged = await openCheckpoint(paths.out);
  let elements = 0;
  for (const [name, { byteLength }] of base.tensors) {
    const read = async (checkpoint: typeof base) => {
      const values = new Float32Array(byteLength / 2);
      toFloat32("BF16", await checkpoint.readTensor(name), values);
      return values;
    };
    const [v0, v1, found] = [await read(base), await read(other), await read(merged)];
    let [square0, square1, product] = [0, 0, 0];
    for (let i = 0; i < v0.length; i++) {
      square0 += v0[i]! * v0[i]!;
      square1 += v1[i]! * v1[i]!;
      product += v0[i]! * v1[i]!;
    }
    const cosine = product / Math.sqrt(square0 * square1);
    const angle = Math.acos(cosine);
    const linear = Math.abs(cosine) > 0.9995;
    const s0 = linear ? 1 - T : Math.sin((1 - T) * angle) / Math.sin(angle);
    const s1 = linear ? T : Math.sin(T * angle) / Math.sin(angle);
    for (let i = 0; i < v0.length; i++) {
      const [a, b] = [s0 * v0[i]!, s1 * v1[i]!];
      const expected = a + b;
      // Half a bfloat16 step, and what float32 terms that cancel leave of their own rounding.
      const tolerance = Math.abs(expected) * 2 ** -8 + (Math.abs(a) + Math.abs(b)) * 2 ** -22;
      if (!(Math.abs(found[i]! - expected) <= tolerance)) {
        throw new Error(`"${name}"[${i}] is ${found[i]}, expected ${expected}`);
      }
    }
    elements += v0.length;
  }
  return elements;
}
