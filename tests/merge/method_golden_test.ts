// Every merge method but slerp, whole merges against what mergekit wrote (tests/fixtures/README.md, "Tolerances").
import { expect } from "@std/expect";
import { join } from "node:path";
import { openCheckpoint } from "../../src/formats/checkpoint.ts";
import { METHOD_NAMES } from "../../src/merge/methods/registry.ts";
import { modelResolver } from "../../src/merge/model_paths.ts";
import { runMerge } from "../../src/merge/run.ts";
import { loadFolder } from "../support/folder_tensors.ts";
import { floats, type LoadedTensor } from "../support/safetensors.ts";
import { tempDir } from "../support/temp.ts";

const MERGE = new URL("../fixtures/merge", import.meta.url).pathname;
const CASES = join(MERGE, "cases");
const resolve = modelResolver({ cwd: MERGE, configDir: null });
const readJson = async (path: string) => JSON.parse(await Deno.readTextFile(path));

/** Goldens of methods that select elements: a value at the cut may fall either way. */
const SELECTING = /^(ties|breadcrumbs|sce|arcee-fusion|dare|della)/;
const MAY_FALL_EITHER_WAY = 1e-4;

interface Deviation {
  readonly elements: number;
  /** |difference| over the tensor's largest magnitude, of every element. */
  readonly relative: readonly number[];
}

function deviation(found: LoadedTensor, golden: LoadedTensor): Deviation {
  expect([found.dtype, found.shape]).toEqual([golden.dtype, golden.shape]);
  const [a, b] = [floats(found), floats(golden)];
  const max = b.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  return { elements: a.length, relative: [...a].map((v, i) => v === b[i] ? 0 : Math.abs(v - b[i]!) / max) };
}

const count = (deviations: readonly Deviation[], more: number) =>
  deviations.reduce((sum, { relative }) => sum + relative.filter((d) => !(d <= more)).length, 0);

const names = [...Deno.readDirSync(CASES)].map(({ name }) => name).filter((name) =>
  !/^(slerp|error)-|-random$/.test(name)
).sort();

for (const name of names) {
  Deno.test(`runMerge() reproduces mergekit on ${name}`, async () => {
    await using dir = await tempDir();
    const out = dir.join("out");
    const config = await Deno.readTextFile(join(CASES, name, "config.yaml"));
    const record = await runMerge({ config, outDir: out, resolve });
    const expected = await loadFolder(join(CASES, name, "expected"));
    const found = await loadFolder(out);
    expect([...found.tensors.keys()].sort()).toEqual([...expected.tensors.keys()].sort());

    const facts = await readJson(join(CASES, name, "case.json"));
    const deviations = [...expected.tensors].map(([tensor, golden]) =>
      deviation(found.tensors.get(tensor)!, golden)
    );
    const elements = deviations.reduce((sum, each) => sum + each.elements, 0);
    if (facts.expected_torch_dtype === "float32") {
      expect(count(deviations, 1e-6)).toBeLessThanOrEqual(
        SELECTING.test(name) ? elements * MAY_FALL_EITHER_WAY : 0,
      );
    } else if (!name.startsWith("passthrough")) {
      // mergekit rounds every intermediate to bfloat16. Where the golden itself lies further from exact arithmetic
      // than the common bound (karcher iterates on rounded vectors), its own measured distance is the bound.
      const { max_abs_over_tensor_max: rounding } = facts.float64_rerun_vs_expected;
      expect(count(deviations, Math.max(2 ** -5, rounding * 1.01))).toBe(0);
      expect(count(deviations, 2 ** -7)).toBeLessThanOrEqual(elements * 0.02);
    } else {
      expect(count(deviations, 0)).toBe(0); // one product, rounded once
    }

    const written = await readJson(join(out, "config.json"));
    expect(written.num_hidden_layers).toBe(facts.expected_num_hidden_layers);
    expect(written.torch_dtype).toBe(facts.expected_torch_dtype);
    expect(record.tensors.length).toBe(facts.output_tensor_count);
    expect(record.tensors.every(({ mode, seed }) => /^(MIX|COPY)$/.test(mode) && seed === undefined)).toBe(
      true,
    );
    (await openCheckpoint(out))[Symbol.dispose]();
  });
}

Deno.test("METHOD_NAMES each have a golden case", async () => {
  const configs = [...Deno.readDirSync(CASES)].filter(({ name }) => !name.startsWith("error-")).map((
    { name },
  ) => Deno.readTextFile(join(CASES, name, "config.yaml")));
  const used = (await Promise.all(configs)).map((text) => /^merge_method: (\w+)$/m.exec(text)![1]!);
  expect([...new Set(used)].sort()).toEqual([...METHOD_NAMES].sort());
});

// Random masks cannot be equal to mergekit's, but they change as many elements.
for (
  const name of [...Deno.readDirSync(CASES)].map((entry) => entry.name).filter((n) => n.endsWith("-random"))
) {
  Deno.test(`runMerge() changes as many elements as mergekit on ${name}, the same ones each time`, async () => {
    await using dir = await tempDir();
    const config = await Deno.readTextFile(join(CASES, name, "config.yaml"));
    const record = await runMerge({ config, outDir: dir.join("out"), resolve });
    const { tensors: base } = await loadFolder(join(MERGE, "models/base"));
    const { tensors: found } = await loadFolder(dir.join("out"));
    const facts = await readJson(join(CASES, name, "case.json"));
    let [elements, changed] = [0, 0];
    for (const [tensor, values] of found) {
      const [a, b] = [floats(values), floats(base.get(tensor)!)];
      const share = a.filter((v, i) => v !== b[i]).length / a.length;
      // Five standard deviations of the difference of two such shares.
      const spread = Math.sqrt(
        2 * facts.fraction_changed_overall * (1 - facts.fraction_changed_overall) / a.length,
      );
      expect(Math.abs(share - facts.fraction_changed[tensor])).toBeLessThan(5 * spread);
      elements += a.length;
      changed += share * a.length;
    }
    expect(Math.abs(changed / elements - facts.fraction_changed_overall)).toBeLessThan(0.03);
    expect(record.tensors.map(({ seed }) => seed)).toEqual(record.tensors.map(() => 0));

    const again = await runMerge({ config, outDir: dir.join("again"), resolve });
    expect(again).toEqual(record);
    const other = config + "parameters: {random_seed: 1}\n";
    const third = await runMerge({ config: other, outDir: dir.join("other"), resolve });
    expect(third.tensors.some(({ outputSha256 }, i) => outputSha256 === record.tensors[i]!.outputSha256))
      .toBe(false);
    expect(third.tensors[0]!.seed).toBe(1);
  });
}
