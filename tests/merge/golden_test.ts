// Whole merges against what mergekit wrote (see tests/fixtures/README.md for versions, semantics and tolerances).
import { expect } from "@std/expect";
import { join } from "node:path";
import { GeodesicError } from "../../src/errors.ts";
import { openCheckpoint } from "../../src/formats/checkpoint.ts";
import { modelResolver } from "../../src/merge/model_paths.ts";
import type { MergeRecord } from "../../src/merge/record.ts";
import { runMerge } from "../../src/merge/run.ts";
import { compareTensors, type Difference } from "../support/compare.ts";
import { loadFolder } from "../support/folder_tensors.ts";
import { loadTensors } from "../support/safetensors.ts";
import { tempDir } from "../support/temp.ts";

const MERGE = new URL("../fixtures/merge", import.meta.url).pathname;
const CASES = join(MERGE, "cases");
const resolve = modelResolver({ cwd: MERGE, configDir: null });

const names = [...Deno.readDirSync(CASES)].map((entry) => entry.name).sort();
const readJson = async (path: string) => JSON.parse(await Deno.readTextFile(path));

async function merge(name: string, outDir: string): Promise<MergeRecord> {
  const config = await Deno.readTextFile(join(CASES, name, "config.yaml"));
  const { out_shard_size: shardBytes } = await readJson(join(CASES, name, "options.json")).catch(() => ({}));
  return await runMerge({ config, outDir, resolve, ...(shardBytes === undefined ? {} : { shardBytes }) });
}

for (const name of names.filter((name) => name.startsWith("slerp-"))) {
  Deno.test(`runMerge() reproduces mergekit on ${name}`, async () => {
    await using dir = await tempDir();
    const out = dir.join("out");
    const record = await merge(name, out);
    const expected = await loadFolder(join(CASES, name, "expected"));
    const found = await loadFolder(out);
    expect(found.files).toEqual(expected.files);
    expect([...found.tensors.keys()].sort()).toEqual([...expected.tensors.keys()].sort());

    let [elements, differing] = [0, 0];
    for (const [tensor, golden] of expected.tensors) {
      const difference = compareTensors(found.tensors.get(tensor)!, golden);
      checkTensor(tensor, golden.dtype, difference);
      elements += difference.elements;
      differing += difference.differing;
    }
    if (expected.tensors.get("model.norm.weight")!.dtype !== "F32") {
      expect(differing / elements).toBeLessThan(1e-3);
    }

    const facts = await readJson(join(CASES, name, "case.json"));
    const config = await readJson(join(out, "config.json"));
    expect(config.num_hidden_layers).toBe(facts.expected_num_hidden_layers);
    expect(config.torch_dtype).toBe(facts.expected_torch_dtype);
    await checkResolved(record, join(CASES, name, "resolved.json"));
    (await openCheckpoint(out))[Symbol.dispose]();
  });
}

/** The README's tolerances: a 16-bit result within 1 ulp, 2 where terms cancel; float32 within 1e-6 of the maximum. */
function checkTensor(name: string, dtype: string, difference: Difference): void {
  const allowed = dtype === "F32"
    ? difference.maxAbs <= 1e-6 * difference.maxMagnitude
    : difference.maxUlp <= 2;
  if (!allowed) throw new Error(`${name}: ${JSON.stringify(difference)}`);
}

async function checkResolved(record: MergeRecord, path: string): Promise<void> {
  const resolved: Record<string, { t: number; dot: number; branch: string }> = await readJson(path);
  const interpolated = record.tensors.filter((tensor) => tensor.mode !== "COPY");
  expect(interpolated.map((tensor) => tensor.name).sort()).toEqual(Object.keys(resolved).sort());
  for (const tensor of interpolated) {
    const golden = resolved[tensor.name]!;
    expect([tensor.name, tensor.t]).toEqual([tensor.name, golden.t]);
    expect([tensor.name, tensor.mode]).toEqual([tensor.name, golden.branch.toUpperCase()]);
    expect(Math.abs(tensor.cosine! - golden.dot)).toBeLessThan(1e-6);
  }
}

Deno.test("runMerge() splits and indexes shards as mergekit does", async () => {
  await using dir = await tempDir();
  await merge("slerp-sharded-output", dir.join("out"));
  const golden = join(CASES, "slerp-sharded-output/expected");
  const expected = await readJson(join(golden, "model.safetensors.index.json"));
  const found = await readJson(dir.join("out/model.safetensors.index.json"));
  expect(found.weight_map).toEqual(expected.weight_map);
  expect(found.metadata.total_size).toBe(expected.metadata.total_size);
  for (const file of new Set<string>(Object.values(expected.weight_map))) {
    const order = [...(await loadTensors(dir.join("out", file))).keys()];
    expect(order).toEqual([...(await loadTensors(join(golden, file))).keys()]);
  }
});

for (const name of names.filter((name) => name.startsWith("error-"))) {
  Deno.test(`runMerge() refuses ${name} and writes nothing`, async () => {
    await using dir = await tempDir();
    await expect(merge(name, dir.join("out"))).rejects.toBeInstanceOf(GeodesicError);
    expect([...Deno.readDirSync(dir.path)]).toEqual([]);
  });
}
