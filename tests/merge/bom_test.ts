/** modelBom() against the CycloneDX schema itself, by the library's own validator: it needs no network. */
import "ajv";
import "ajv-formats";
import "ajv-formats-draft2019";
import { Version } from "@cyclonedx/cyclonedx-library/Spec";
import { JsonStrictValidator } from "@cyclonedx/cyclonedx-library/Validation";
import { expect } from "@std/expect";
import { modelBom } from "../../src/merge/bom.ts";
import { inspectCheckpoint } from "../../src/merge/inspect.ts";
import { runMerge } from "../../src/merge/run.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { tempDir } from "../support/temp.ts";

const CONFIG = `merge_method: slerp
models: [{ model: a }, { model: b }]
base_model: a
parameters: { t: [{ filter: mlp, value: 0.25 }, { value: 0.5 }] }
`;

async function validate(text: string): Promise<unknown> {
  return await new JsonStrictValidator(Version.v1dot6).validate(text);
}

Deno.test("modelBom() is valid CycloneDX with files, ancestors and model card, and the same every time", async () => {
  await using dir = await tempDir();
  await writeCheckpoint(dir.join("a"), { seed: 1, ancestorSeed: 3 });
  await writeCheckpoint(dir.join("b"), { seed: 2, ancestorSeed: 3 });
  const resolve = (name: string) => Promise.resolve(dir.join(name));
  const record = await runMerge({ config: CONFIG, outDir: dir.join("out"), resolve });
  const inspection = await inspectCheckpoint(dir.join("out"));
  const text = modelBom(inspection, { name: "me/merged" });
  expect(await validate(text)).toBeNull();
  expect(modelBom(await inspectCheckpoint(dir.join("out")), { name: "me/merged" })).toBe(text);

  const bom = JSON.parse(text);
  expect([bom.specVersion, bom.serialNumber, bom.metadata.timestamp]).toEqual(["1.6", undefined, undefined]);
  const { component } = bom.metadata;
  expect(component).toMatchObject({ type: "machine-learning-model", name: "me/merged" });
  const hashesOf = (files: readonly { name: string; hashes: readonly { content: string }[] }[]) =>
    files.map(({ name, hashes }) => [name, hashes[0]!.content]);
  const recorded = (files: typeof record.artifact.files) => files.map(({ path, sha256 }) => [path, sha256]);
  expect(hashesOf(component.components)).toEqual(recorded(record.artifact.files));
  expect(component.pedigree.ancestors.map(({ name }: { name: string }) => name)).toEqual(["a", "b"]);
  for (const [index, { components }] of component.pedigree.ancestors.entries()) {
    expect(hashesOf(components)).toEqual(recorded(record.sources[index]!.files));
  }
  expect(component.pedigree.notes).toContain(CONFIG);
  expect(component.modelCard.modelParameters).toMatchObject({
    task: "text-generation",
    modelArchitecture: "MistralForCausalLM",
  });

  const at = new Date("2024-01-31T09:30:00Z");
  const dated = modelBom(inspection, { name: "me/merged", timestamp: at });
  expect(await validate(dated)).toBeNull();
  expect(JSON.parse(dated).metadata.timestamp).toBe(at.toISOString());
});

Deno.test("modelBom() describes a model that nobody merged, or whose merge was of one model with itself", async () => {
  await using dir = await tempDir();
  await writeCheckpoint(dir.join("a"));
  const plain = modelBom(await inspectCheckpoint(dir.join("a")), { name: "a" });
  expect(await validate(plain)).toBeNull();
  expect(JSON.parse(plain).metadata.component.pedigree).toBeUndefined();
  await writeCheckpoint(dir.join("b")); // the very bytes of a
  const resolve = (name: string) => Promise.resolve(dir.join(name));
  await runMerge({ config: CONFIG, outDir: dir.join("out"), resolve });
  expect(await validate(modelBom(await inspectCheckpoint(dir.join("out")), { name: "out" }))).toBeNull();
});

Deno.test("modelBom() tells what a stage was made from, and no endless tale of a record that was made up", async () => {
  await using dir = await tempDir();
  for (const [index, name] of ["a", "b"].entries()) {
    await writeCheckpoint(dir.join(name), { seed: index + 1, ancestorSeed: 3 });
  }
  const config = `name: half\n${CONFIG}---\nmerge_method: slerp\nmodels: [{ model: half }, { model: b }]\n` +
    "base_model: half\nparameters: { t: 0.5 }\n";
  const resolve = (name: string) => Promise.resolve(dir.join(name));
  await runMerge({ config, outDir: dir.join("out"), resolve });
  const inspection = await inspectCheckpoint(dir.join("out"));
  const text = modelBom(inspection, { name: "out" });
  expect(await validate(text)).toBeNull();
  const namesOf = ({ ancestors }: { ancestors: readonly { name: string }[] }) =>
    ancestors.map(({ name }) => name);
  const { pedigree } = JSON.parse(text).metadata.component;
  expect(namesOf(pedigree)).toEqual(["half", "b"]);
  expect(namesOf(pedigree.ancestors[0].pedigree)).toEqual(["a", "b"]);
  const refs = [...text.matchAll(/"bom-ref": "([^"]*)"/g)].map(([, ref]) => ref);
  expect(new Set(refs).size).toBe(refs.length);

  const provenance = inspection.provenance!;
  const [half] = provenance.stages!;
  const itself = {
    name: "half",
    record: { ...half!.record, sources: [...provenance.sources, ...provenance.sources] },
  };
  const endless = { ...inspection, provenance: { ...provenance, stages: [itself] } };
  expect(JSON.parse(modelBom(endless, { name: "out" })).metadata.component.pedigree.ancestors).toHaveLength(
    2,
  );
});

Deno.test("the validator refuses what is no CycloneDX", async () => {
  expect(
    await validate(`{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "model"}]}`),
  )
    .not.toBeNull();
});
