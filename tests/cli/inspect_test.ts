import { expect } from "@std/expect";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { tempDir } from "../support/temp.ts";
import { DEMO, geodesic as geodesicApart, geodesicHere as geodesic } from "./support.ts";

Deno.test("inspect --json tells facts, hashes and whether the provenance still holds", async () => {
  await using dir = await tempDir();
  expect((await geodesic(["merge", `${DEMO}/merge.yml`, dir.join("merged")])).code).toBe(0);
  const inspect = async () =>
    JSON.parse((await geodesic(["inspect", "merged", "--json"], { userDir: dir.path })).stdout);
  const inspection = await inspect();
  expect(inspection).toMatchObject({
    config: { architecture: "MistralForCausalLM", layers: 8, vocabSize: 2048 },
    tensorCount: 75,
    parameterCount: 2_099_328,
    dtypes: [{ dtype: "BF16", tensors: 75 }],
    matchesProvenance: true,
    provenance: { method: "slerp" },
  });
  const text = await geodesic(["inspect", dir.join("merged")]);
  expect(text.stdout).toContain(inspection.manifestSha256);
  expect(text.stdout).toContain("the files are those that it describes");

  await Deno.writeTextFile(dir.join("merged", "generation_config.json"), "{}");
  expect((await inspect()).matchesProvenance).toBe(false);
  const changed = await geodesic(["inspect", dir.join("merged")]);
  expect(changed.stdout).toContain("THE FILES ARE NOT THOSE");
});

Deno.test("inspect tells of a model that was not merged here", async () => {
  const { code, stdout } = await geodesic(["inspect", "demo/parents/helper"]);
  expect(code).toBe(0);
  expect(stdout).toContain("not merged by Geodesic");
  expect(stdout).toMatch(/parameters +2,099,328/);
});

Deno.test("inspect tells what stands against running a model", async () => {
  await using dir = await tempDir();
  const said = async (name: string, config: Readonly<Record<string, unknown>>) => {
    await writeCheckpoint(dir.join(name), { config });
    return (await geodesic(["inspect", name], { userDir: dir.path })).stdout;
  };
  expect(await said("linear", { rope_scaling: { type: "linear", factor: 2 } })).not.toContain("Cannot run");
  expect(await said("dynamic", { rope_scaling: { type: "dynamic", factor: 2 } })).toMatch(
    /^ +Cannot run this model: rope_scaling is \{"type":"dynamic","factor":2\}, expected one of type default, /m,
  );
});

Deno.test("inspect refuses a folder that is no model", async () => {
  const { code, stderr } = await geodesic(["inspect", "tests"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: Cannot open model ".*tests": the folder has no config\.json \[FORMAT\]\n$/);
});

Deno.test("inspect --bom prints the same CycloneDX document every time, and a time only when asked", async () => {
  const bom = async (...options: readonly string[]) => {
    const { code, stdout } = await geodesic(["inspect", `${DEMO}/parents/helper`, "--bom", ...options]);
    expect(code).toBe(0);
    return stdout;
  };
  const text = await bom();
  // In another process, with the permissions of the task.
  expect((await geodesicApart(["inspect", `${DEMO}/parents/helper`, "--bom"])).stdout).toBe(text);
  expect(JSON.parse(text)).toMatchObject({
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    metadata: { component: { type: "machine-learning-model", name: "helper" } },
  });
  expect(JSON.parse(await bom("--timestamp")).metadata.timestamp).toMatch(/^\d{4}-\d\d-\d\dT/);
});

Deno.test("inspect says that the database cannot be opened, rather than that it knows no such model", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(dir.join("data/geodesic.db"), { recursive: true });
  const { code, stderr } = await geodesic(["inspect", "nobody", "--data", dir.join("data")]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: Cannot open the database ".*geodesic\.db": .* \[CONFIG\]\n$/);
});
