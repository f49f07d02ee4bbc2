import { expect } from "@std/expect";
import { SHIPPED_ARCHITECTURES } from "../../src/merge/architectures.ts";
import { parseMergeConfig } from "../../src/merge/config.ts";
import { type LayoutTensor, layoutTensors, resolveSlices } from "../../src/merge/layout.ts";
import { candidatePaths, modelResolver } from "../../src/merge/model_paths.ts";
import { planMerge } from "../../src/merge/plan.ts";
import { roleOf } from "../../src/merge/provenance.ts";
import { NotFoundError } from "../../src/errors.ts";
import { tempDir } from "../support/temp.ts";

function layout(slices: string, layers: Record<string, number> = {}): ReadonlyMap<string, LayoutTensor> {
  const config = parseMergeConfig(
    `merge_method: slerp\nbase_model: a\nparameters: {t: 0}\n${slices}`,
    "m.yml",
  );
  const tensors = layoutTensors(
    resolveSlices(config, (model) => layers[model] ?? 4),
    SHIPPED_ARCHITECTURES[0]!,
  );
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}
const inputs = (tensor: LayoutTensor | undefined) =>
  tensor?.inputs.map(({ source, tensor }) => `${source.model}:${tensor}`);

Deno.test("layoutTensors() lays slices end to end, each with its own gradient", () => {
  const tensors = layout(`slices:
  - sources: [{model: a, layer_range: [1, 4]}, {model: b, layer_range: [0, 3]}]
  - sources: [{model: b, layer_range: [2, 3]}]
`);
  expect(tensors.size).toBe(4 * 9 + 3);
  expect(inputs(tensors.get("model.layers.1.mlp.up_proj.weight"))).toEqual([
    "a:model.layers.2.mlp.up_proj.weight",
    "b:model.layers.1.mlp.up_proj.weight",
  ]);
  expect(inputs(tensors.get("model.layers.3.mlp.up_proj.weight"))).toEqual([
    "b:model.layers.2.mlp.up_proj.weight",
  ]);
  const positions = [0, 1, 2, 3].map((i) =>
    tensors.get(`model.layers.${i}.input_layernorm.weight`)!.position
  );
  expect(positions).toEqual([0, 0.5, 1, 1]);
  const loose = ["model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"];
  expect(loose.map((name) => tensors.get(name)!.position)).toEqual([0, 0, 0]);
});

Deno.test("layoutTensors() takes norm and lm_head from the last slice, from as many sources as the first slice has", () => {
  const two = "{sources: [{model: a, layer_range: [0, 1]}, {model: b, layer_range: [0, 1]}]}";
  const one = "{sources: [{model: b, layer_range: [1, 2]}]}";
  const cases = [
    [`[${two}, ${one}]`, ["a", "b"], ["b"]],
    [`[${one}, ${two}]`, ["b"], ["a"]],
    [`[${two}, ${two}]`, ["a", "b"], ["a", "b"]],
  ] as const;
  for (const [slices, first, last] of cases) {
    const tensors = layout(`slices: ${slices}\n`);
    const models = (name: string) => tensors.get(name)!.inputs.map((input) => input.source.model);
    expect(models("model.embed_tokens.weight")).toEqual(first);
    expect(models("model.norm.weight")).toEqual(last);
    expect(models("lm_head.weight")).toEqual(last);
  }
});

Deno.test("planMerge() writes in the order of the inputs' names, of two the later, and leads with the first slice's base", async () => {
  const resolve = modelResolver({
    cwd: new URL("../fixtures/merge/models", import.meta.url).pathname,
    configDir: null,
  });
  const slices = `slices:
  - sources: [{model: small-b, layer_range: [0, 1]}, {model: small-a, layer_range: [2, 3]}]
    base_model: small-a
  - sources: [{model: small-a, layer_range: [1, 2]}, {model: small-b, layer_range: [1, 2]}]
    base_model: small-b
`;
  const text = `merge_method: slerp\nparameters: {t: 0}\n${slices}`;
  using plan = await planMerge(parseMergeConfig(text, "m.yml"), resolve);
  const later = plan.steps.map(({ inputs: [one, two] }) =>
    one!.tensor.name > two!.tensor.name ? one!.tensor.name : two!.tensor.name
  );
  expect(later).toEqual(later.toSorted());
  const norms = plan.steps.map(({ name }) => name).filter((name) => name.includes("input_layernorm"));
  expect(norms).toEqual(["model.layers.1.input_layernorm.weight", "model.layers.0.input_layernorm.weight"]);
  expect(plan.leadModel).toBe("small-a");
  for (const model of ["small-a", "small-b"]) expect(roleOf(model, plan.slices).isBase).toBe(true);
});

Deno.test("resolveSlices() refuses slices that add up to more layers than any model may have", () => {
  const slice = "{sources: [{model: a, layer_range: [0, 2048]}]}";
  const layers = { a: 2048 };
  expect(layout(`slices: [${slice}, ${slice}]\n`, layers).size).toBe(4096 * 9 + 3);
  expect(() => layout(`slices:\n  - ${slice}\n  - ${slice}\n  - ${slice}\n`, layers))
    .toThrow(/^m\.yml:7:5: the slices have more than 4096 layers/);
});

Deno.test("resolveSlices() adds an unlisted base model to models, not to slices", () => {
  const tensors = layout("models: [{model: b}]\n");
  expect(inputs(tensors.get("model.norm.weight"))).toEqual(["b:model.norm.weight", "a:model.norm.weight"]);
  const sliced = layout("slices: [{sources: [{model: b, layer_range: [0, 1]}]}]\n");
  expect(inputs(sliced.get("model.norm.weight"))).toEqual(["b:model.norm.weight"]);
});

Deno.test("resolveSlices() refuses models of different depth", () => {
  expect(() => layout("models: [{model: a}, {model: b}]\n", { b: 6 })).toThrow(
    /m\.yml:4:9: .*4 of "a", 6 of "b"/,
  );
});

Deno.test("candidatePaths() prefers the mapping, then the caller's folder, the configuration's, the library", () => {
  const context = {
    cwd: "/here",
    configDir: "/configs",
    libraryDir: "/lib",
    models: new Map([["x", "../x"]]),
  };
  expect(candidatePaths("x", context)).toEqual(["/x"]);
  expect(candidatePaths("./m", context)).toEqual(["/here/m", "/configs/m"]);
  expect(candidatePaths("owner/m", context)).toEqual(["/here/owner/m", "/configs/owner/m", "/lib/owner/m"]);
  expect(candidatePaths("../m", context)).toEqual(["/m"]);
  expect(candidatePaths("/hub/m@v1", context)).toEqual(["/hub/m@v1", "/hub/m/snapshots/v1"]);
  expect(candidatePaths("./m@v1", context)).not.toContain("/here/m");
  expect(candidatePaths("/abs", context)).toEqual(["/abs"]);
});

Deno.test("modelResolver() takes the first folder that exists and names all it tried", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(dir.join("configs/m"), { recursive: true });
  const resolve = modelResolver({ cwd: dir.join("here"), configDir: dir.join("configs") });
  expect(await resolve("m")).toBe(dir.join("configs/m"));
  const error = await resolve("n").catch((error: unknown) => error);
  expect(error).toBeInstanceOf(NotFoundError);
  expect((error as NotFoundError).details.tried).toEqual([dir.join("here/n"), dir.join("configs/n")]);
});
