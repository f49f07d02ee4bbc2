/**
 * A whole SLERP merge of two generated bfloat16 checkpoints against copying the same bytes (read both parents, write
 * one file) in the same run, page cache warm for both where they fit, and its arithmetic against mergekit's. The merged
 * tensors are checked against the formula in float64 before anything is reported.
 */
import { join } from "node:path";
import process from "node:process";
import { openCheckpoint } from "../src/formats/checkpoint.ts";
import { runMerge } from "../src/merge/run.ts";
import { toFloat32 } from "../src/tensor/convert.ts";
import { MISTRAL_7B_SHAPE } from "../tests/support/checkpoint_generator.ts";
import { arithmeticFigures, findNumpy } from "./arithmetic.ts";
import type { Figure } from "./figure.ts";
import { writeParents } from "./parents.ts";

/** 785 M elements: 2 × 1.57 GB in, 1.57 GB out. */
const SHAPE = {
  hidden_size: 2048,
  intermediate_size: 7168,
  num_attention_heads: 16,
  num_key_value_heads: 4,
  num_hidden_layers: 12,
  vocab_size: 32000,
};
const T = 0.3;
const CONFIG = `
models: [{ model: base }, { model: other }]
merge_method: slerp
base_model: base
parameters: { t: ${T} }
dtype: bfloat16
`;

export interface MergeBenchOptions {
  /** Where the checkpoints go, in a folder of their own; the system's place for such things where absent. */
  readonly dir?: string;
  /** One for each processor where absent. */
  readonly threads?: number;
  /** The interpreter that has numpy; looked for where absent. */
  readonly python?: string;
}

/** A merge of a size that fits into the page cache, and the arithmetic alone. */
export async function benchMerge(options: MergeBenchOptions): Promise<readonly Figure[]> {
  const numpy = await findNumpy(options.python); // a wrong path is not to be told after minutes
  return [
    ...await wholeMerge(SHAPE, { ...options, rounds: 3, verifyEvery: 1 }),
    ...await arithmeticFigures(numpy),
  ];
}

/** Two parents of 14.5 GB. Needs 60 GB of disk. */
export async function benchMerge7b(options: MergeBenchOptions): Promise<readonly Figure[]> {
  return await wholeMerge(MISTRAL_7B_SHAPE, { ...options, rounds: 1, verifyEvery: 29 });
}

async function wholeMerge(
  shape: Readonly<Record<string, number>>,
  { rounds, verifyEvery, dir, threads }: MergeBenchOptions & {
    readonly rounds: number;
    readonly verifyEvery: number;
  },
): Promise<readonly Figure[]> {
  if (dir !== undefined) await Deno.mkdir(dir, { recursive: true });
  const folder = await Deno.makeTempDir({ prefix: "geodesic-bench-", ...(dir !== undefined && { dir }) });
  const [load] = Deno.loadavg();
  try {
    const paths = { base: join(folder, "base"), other: join(folder, "other"), out: join(folder, "out") };
    await writeParents(folder, shape);
    const resolve = (name: string) => Promise.resolve(join(folder, name));
    const times: { merge: Timing; copy: Timing }[] = [];
    let elements = 0;
    let peak = 0;
    for (let round = 0; round < rounds; round++) {
      const onProgress = () => peak = Math.max(peak, Deno.memoryUsage().rss);
      const options = { config: CONFIG, outDir: paths.out, resolve, onProgress };
      const merge = await timed(() => runMerge({ ...options, ...(threads !== undefined && { threads }) }));
      if (round === 0) elements = await verify(paths, verifyEvery);
      times.push({ merge, copy: await timed(() => copy(paths)) });
      await Deno.remove(`${paths.out}.copy`);
      await Deno.remove(paths.out, { recursive: true });
    }
    const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;
    const seconds = median(times.map(({ merge }) => merge.wall));
    const note = rounds === 1 ? {} : { note: `median of ${rounds}` };
    const ratio = (kind: keyof Timing) => median(times.map(({ merge, copy }) => merge[kind] / copy[kind]));
    return [
      { name: "threads", value: threads ?? navigator.hardwareConcurrency, unit: "" },
      { name: "load average before", value: load!, unit: "" },
      { name: "elements merged", value: elements / 1e6, unit: "M" },
      { name: "whole merge", value: seconds, unit: "s", ...note },
      {
        name: "copying the same bytes",
        value: median(times.map(({ copy }) => copy.wall)),
        unit: "s",
        ...note,
      },
      { name: "whole merge / copying the same bytes", value: ratio("wall"), unit: "×", ...note },
      { name: "  in processor time", value: ratio("processor"), unit: "×", ...note },
      { name: "elements a second, whole merge", value: elements / seconds / 1e6, unit: "M/s" },
      { name: "processor time of the merge", value: median(times.map((t) => t.merge.processor)), unit: "s" },
      { name: "peak resident memory", value: peak / 2 ** 20, unit: "MiB", note: "while merging" },
    ];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Seconds. */
interface Timing {
  readonly wall: number;
  /** Of all threads, user and system. */
  readonly processor: number;
}

async function timed(work: () => Promise<unknown>): Promise<Timing> {
  const [start, before] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  return { wall: (performance.now() - start) / 1000, processor: (user + system) / 1e6 };
}

/** Reads every byte of both parents and writes as many as one of them has, synced, as the merge does. */
async function copy(paths: { base: string; other: string; out: string }): Promise<void> {
  const block = new Uint8Array(1 << 20);
  using out = await Deno.open(`${paths.out}.copy`, { write: true, create: true, truncate: true });
  for (const [parent, write] of [[paths.base, false], [paths.other, true]] as const) {
    using checkpoint = await openCheckpoint(parent);
    for (const path of checkpoint.weightPaths.values()) {
      using file = await Deno.open(path);
      for (let read = file.readSync(block); read !== null; read = file.readSync(block)) {
        for (let done = 0; write && done < read;) done += out.writeSync(block.subarray(done, read));
      }
    }
  }
  await out.sync();
}

/** Every n-th tensor, by the formula in float64; within one bfloat16 step. Returns the elements of all. */
async function verify(
  paths: { base: string; other: string; out: string },
  every: number,
): Promise<number> {
  using base = await openCheckpoint(paths.base);
  using other = await openCheckpoint(paths.other);
  using merged = await openCheckpoint(paths.out);
  let elements = 0;
  for (const [i, [name, { byteLength }]] of [...base.tensors].entries()) {
    elements += byteLength / 2;
    if (i % every !== 0) continue;
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
  }
  return elements;
}
