/** Two related models, and merging them. */
import { createHash } from "node:crypto";
import { modelResolver } from "../../src/merge/model_paths.ts";
import type { MergeRecord } from "../../src/merge/record.ts";
import { runMerge, type RunMergeOptions } from "../../src/merge/run.ts";
import { type GeneratedCheckpoint, writeCheckpoint } from "./checkpoint_generator.ts";
import { type TempDir, tempDir } from "./temp.ts";

export const CONFIG = `merge_method: slerp
base_model: a
models:
  - model: a
  - model: b
parameters:
  t:
    - filter: self_attn
      value: [0, 1]
    - filter: mlp
      value: 0.25
    - value: 0.5
dtype: bfloat16
`;

/** Two related models "a" and "b" in a folder, "b" with its own options. */
export async function pair(a: GeneratedCheckpoint = {}, b: GeneratedCheckpoint = {}): Promise<TempDir> {
  const dir = await tempDir();
  await writeCheckpoint(dir.join("a"), { seed: 1, ancestorSeed: 9, ...a });
  await writeCheckpoint(dir.join("b"), { seed: 2, ancestorSeed: 9, ...b });
  return dir;
}

export function merge(dir: TempDir, options: Partial<RunMergeOptions> = {}): Promise<MergeRecord> {
  const resolve = modelResolver({ cwd: dir.path, configDir: null });
  return runMerge({ config: CONFIG, outDir: dir.join("out"), resolve, ...options });
}

export async function names(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path))).map((entry) => entry.name).sort();
}
export const hex = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
