// The demo pair: real trained weights, merged as a newcomer does it, against demo/eval/merge-reference.json.
import { expect } from "@std/expect";
import { join } from "node:path";
import { openCheckpoint } from "../../src/formats/checkpoint.ts";
import { inspectCheckpoint } from "../../src/merge/inspect.ts";
import { modelResolver } from "../../src/merge/model_paths.ts";
import { runMerge } from "../../src/merge/run.ts";
import { toFloat32 } from "../../src/tensor/convert.ts";
import { tempDir } from "../support/temp.ts";

const DEMO = new URL("../../demo", import.meta.url).pathname;

interface Reference {
  readonly t: number;
  readonly cosine: number;
  readonly method: string;
  readonly norm: number;
  readonly first: readonly number[];
}

Deno.test("runMerge() of the demo gives the reference's tensors and a complete checkpoint", async () => {
  await using dir = await tempDir();
  const out = dir.join("merged");
  const config = await Deno.readTextFile(join(DEMO, "merge.yml"));
  const resolve = modelResolver({ cwd: dir.path, configDir: DEMO });
  const record = await runMerge({ config, outDir: out, resolve });

  const references: Record<string, Reference> = JSON.parse(
    await Deno.readTextFile(join(DEMO, "eval/merge-reference.json")),
  );
  expect(record.tensors.map((tensor) => tensor.name).sort()).toEqual(Object.keys(references).sort());
  using merged = await openCheckpoint(out);
  for (const tensor of record.tensors) {
    const reference = references[tensor.name]!;
    expect([tensor.name, tensor.mode, tensor.t]).toEqual([
      tensor.name,
      reference.method.toUpperCase(),
      reference.t,
    ]);
    // Ours is summed in float64, the reference's in float32 over up to 262,144 elements.
    expect(Math.abs(tensor.cosine! - reference.cosine)).toBeLessThan(1e-5);
    const bytes = await merged.readTensor(tensor.name);
    const values = new Float32Array(bytes.byteLength / 2);
    toFloat32("BF16", bytes, values);
    // The reference was computed in float32 throughout: a step of bf16 (2^-8) either way.
    reference.first.forEach((value, i) => {
      expect(Math.abs(values[i]! - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -7);
    });
    const norm = Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
    expect(Math.abs(norm / reference.norm - 1)).toBeLessThan(1e-4);
  }

  const companions = [
    "generation_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
  ];
  for (const name of companions) {
    expect(await Deno.readFile(join(out, name))).toEqual(
      await Deno.readFile(join(DEMO, "parents/helper", name)),
    );
  }
  expect(await Deno.readTextFile(join(out, "mergekit_config.yml"))).toBe(config);
  const base = JSON.parse(await Deno.readTextFile(join(DEMO, "parents/helper/config.json")));
  expect(JSON.parse(await Deno.readTextFile(join(out, "config.json")))).toEqual(base);

  const inspection = await inspectCheckpoint(out);
  expect(inspection).toMatchObject({ tensorCount: 75, parameterCount: 2099328, matchesProvenance: true });
  expect(inspection.provenance).toEqual(record);
});
