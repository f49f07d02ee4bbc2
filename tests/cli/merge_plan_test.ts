/** `geodesic merge --plan`: the same figures as the merge itself, nothing written, and every problem at once. */
import { expect } from "@std/expect";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { ADMIN, TestGateway } from "../support/gateway.ts";
import { tempDir } from "../support/temp.ts";
import { DEMO, geodesicHere as geodesic, gone } from "./support.ts";

async function namesIn(dir: string): Promise<readonly string[]> {
  return (await Array.fromAsync(Deno.readDir(dir), ({ name }) => name)).sort();
}

Deno.test("merge --plan tells of every tensor what the merge then does, and writes nothing", async () => {
  await using dir = await tempDir();
  const planned = await geodesic(["merge", "--plan", `${DEMO}/merge.yml`, "--json"], { userDir: dir.path });
  expect(planned.code).toBe(0);
  expect(await namesIn(dir.path)).toEqual([]);
  const { ok, documents: [{ report }] } = JSON.parse(planned.stdout);
  expect(ok).toBe(true);

  const merged = await geodesic(["merge", `${DEMO}/merge.yml`, "out", "--json"], { userDir: dir.path });
  const record = JSON.parse(merged.stdout);
  const facts = (
    tensors: readonly { name: string; layer: number | null; filter: string | null; t: unknown }[],
  ) => tensors.map(({ name, layer, filter, t }) => ({ name, layer, filter, t }));
  expect(facts(report.tensors.map((tensor: { parameters: object }) => ({ ...tensor, ...tensor.parameters }))))
    .toEqual(facts(record.tensors));
  expect(
    report.tensors.map(({ inputs }: { inputs: { model: string; tensor: string }[] }) =>
      inputs.map(({ model, tensor }) => ({ model, tensor }))
    ),
  ).toEqual(record.tensors.map(({ inputs }: { inputs: unknown }) => inputs));
  const weights = record.artifact.files.find(({ path }: { path: string }) => path === "model.safetensors");
  expect(weights.sizeBytes - report.writeBytes).toBeLessThan(20_000); // the header
  expect(report.readBytes).toBe(report.hashBytes);
  expect(report.estimatedSeconds).toBeGreaterThan(0);

  const text = await geodesic(["merge", "--plan", `${DEMO}/merge.yml`, "--out-shard-size", "2MB"]);
  expect(text.stdout).toContain("writes model-00003-of-00003.safetensors");
  expect(text.stdout).toMatch(/^model\.layers\.7\.self_attn\.q_proj\.weight +slerp t 1 by "self_attn": /m);
});

Deno.test("merge --plan names all that does not fit, model by model and tensor by tensor", async () => {
  await using dir = await tempDir();
  await writeCheckpoint(dir.join("a"));
  await writeCheckpoint(dir.join("b"), { config: { hidden_size: 24, intermediate_size: 32 } });
  const yaml = (range: string) =>
    `slices:
  - sources: [{ model: a, layer_range: [0, 2] }, { model: b, layer_range: ${range} }]
merge_method: slerp
base_model: a
parameters: { t: 0.5 }
`;
  await Deno.writeTextFile(dir.join("shapes.yml"), yaml("[0, 2]"));
  const shapes = await geodesic(["merge", "--plan", "shapes.yml", "--json"], { userDir: dir.path });
  expect(shapes.code).toBe(1);
  const unread = await geodesic(["merge", "--plan", "shapes.yml"], { userDir: dir.path, print: gone });
  expect(unread).toEqual({ code: 1, stdout: "", stderr: "" });
  const { ok, problems } = JSON.parse(shapes.stdout);
  expect([ok, problems.length]).toEqual([false, 21]); // no tensor of the two fits, and none is left out
  for (const problem of problems) {
    expect(problem).toMatch(/^tensor ".*different shapes: \[.*\] in "a", \[.*\] in "b"$/);
  }

  await Deno.writeTextFile(dir.join("layers.yml"), yaml("[0, 7]"));
  const layers = await geodesic(["merge", "--plan", "layers.yml"], { userDir: dir.path });
  expect(layers.code).toBe(1);
  expect(layers.stdout).toMatch(
    /^- layers\.yml:2:\d+: layer_range \[0, 7\] passes the 2 layers of model "b"$/m,
  );
  expect(layers.stdout).toMatch(/^- .*equally many layers, found 2 of "a", 7 of "b"$/m);
  expect(layers.stdout).toMatch(/^Cannot merge: 2 problems \[CONFIG\]$/m);
});

Deno.test("merge --plan tells of the form, of methods and of models that are nowhere, then of parameters, too", async () => {
  await using dir = await tempDir();
  const problemsOf = async (yaml: string) => {
    await Deno.writeTextFile(dir.join("merge.yml"), yaml);
    const { code, stdout } = await geodesic(["merge", "--plan", "merge.yml", "--json"], {
      userDir: dir.path,
    });
    expect(code).toBe(1);
    return JSON.parse(stdout).problems;
  };
  const yaml = (dtype: string, method = "slerp") =>
    `merge_method: ${method}
base_model: a/b
models:
  - model: a/b
  - model: nope/nope
    wieght: 1
parameters: { t: [0.5], foo: 3 }
dtype: ${dtype}
out_dtype: ${dtype}
colour: red
`;
  expect(await problemsOf(yaml("bfloat17"))).toEqual([
    expect.stringMatching(/^merge\.yml:10:1: unknown key "colour"/),
    expect.stringMatching(/^merge\.yml:6:5: unknown key "wieght"/),
    expect.stringMatching(/^merge\.yml:8:8: dtype is "bfloat17"/),
    expect.stringMatching(/^merge\.yml:9:12: out_dtype is "bfloat17"/),
    expect.stringMatching(/^merge\.yml:4:12: Cannot find model "a\/b": no folder at /),
    expect.stringMatching(/^merge\.yml:5:12: Cannot find model "nope\/nope": no folder at /),
  ]);
  // Stages are no models, and of what cannot be read nothing is said twice.
  const stages = `name: a/b
merge_method: slrp
slices: [{ sources: [{ model: x, layer_range: 1 }, { model: y+z, layer_range: [0, 1] }], base_model: x }]
---
${yaml("bfloat16", "linaer")}`;
  expect(await problemsOf(stages)).toEqual([
    expect.stringMatching(/^merge\.yml:3:47: slices\[0\]\.sources\[0\]\.layer_range is 1, /),
    expect.stringMatching(/^merge\.yml:3:61: "y\+z" asks for the adapter /),
    expect.stringMatching(/^merge\.yml:14:1: unknown key "colour"/),
    expect.stringMatching(/^merge\.yml:10:5: unknown key "wieght"/),
    expect.stringMatching(/^merge\.yml:2:15: merge method "slrp" is not supported/),
    expect.stringMatching(/^merge\.yml:3:31: Cannot find model "x": no folder at /),
    expect.stringMatching(/^merge\.yml:5:15: merge method "linaer" is not supported/),
    expect.stringMatching(/^merge\.yml:9:12: Cannot find model "nope\/nope": no folder at /),
  ]);
  const sound = yaml("bfloat16").replace("    wieght: 1\n", "").replace("colour: red\n", "");
  expect(await problemsOf(sound)).toEqual([
    expect.stringMatching(/^merge\.yml:6:30: merge method "slerp" has no parameter "foo" here/),
    expect.stringMatching(/^merge\.yml:4:12: Cannot find model "a\/b": no folder at /),
    expect.stringMatching(/^merge\.yml:5:12: Cannot find model "nope\/nope": no folder at /),
  ]);

  // The merge itself says the same, a line each.
  const merge = await geodesic(["merge", "merge.yml", "out"], { userDir: dir.path });
  expect([merge.code, merge.stdout]).toEqual([1, ""]);
  expect(merge.stderr).toMatch(
    /^- merge\.yml:6:30: .*\n- merge\.yml:4:12: .*\n- merge\.yml:5:12: .*\nerror: Found 3 problems \[CONFIG\]\n$/,
  );
});

Deno.test("merge takes registered models by name, and says how to name the path of one that is nowhere", async () => {
  await using dir = await tempDir();
  const parents = [dir.join("first"), dir.join("second")];
  for (const [seed, path] of parents.entries()) await writeCheckpoint(path, { seed: seed + 1 });
  await using test = await TestGateway.make();
  await test.gateway.models.register(ADMIN, { path: parents[0]!, name: "ours/first" });
  const plan = async (second: string) => {
    const yaml =
      `merge_method: slerp\nbase_model: ours/first\nmodels: [{ model: ours/first }, { model: ${second} }]
parameters: { t: 0.5 }\n`;
    await Deno.writeTextFile(dir.join("merge.yml"), yaml);
    return await geodesic(["merge", "--plan", "merge.yml", "--data", test.dir.path], { userDir: dir.path });
  };
  const { code, stdout } = await plan("second");
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringContaining(`reads  ours/first: ${parents[0]}`),
  });
  const refused = await plan("ours/second");
  expect(refused.code).toBe(1);
  expect(refused.stdout).toMatch(
    /^- merge\.yml:3:\d+: Cannot find model "ours\/second": no folder at .*, and none of that name is registered in .*; say where it lies with --model NAME=PATH$/m,
  );
});

Deno.test("a model that is nowhere is told with the names that are like it", async () => {
  await using dir = await tempDir();
  await writeCheckpoint(dir.join("folder"));
  await using test = await TestGateway.make();
  await test.gateway.models.register(ADMIN, { path: dir.join("folder"), name: "ours/first" });
  const messageOf = async (model: string) => {
    const args = ["inspect", model, "--data", test.dir.path];
    const { code, stderr } = await geodesic(args, { userDir: dir.path });
    expect(code).toBe(1);
    return stderr.replace(/^.* is registered in \S+(?=;)/, "");
  };
  expect(await messageOf("frist")).toBe('; did you mean "ours/first"? [NOT_FOUND]\n');
  expect(await messageOf("./foldr")).toBe('; did you mean "./folder"? [NOT_FOUND]\n');
  expect(await messageOf("foldr//")).toBe('; did you mean "folder"? [NOT_FOUND]\n');
  expect(await messageOf("quite/else")).toBe("; registered are ours/first, test/helper [NOT_FOUND]\n");
});

Deno.test("merge needs OUT unless it only plans", async () => {
  const { code, stderr } = await geodesic(["merge", `${DEMO}/merge.yml`]);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("CONFIG and OUT") });
});
