// What merge methods refuse before a byte is read or written: values, models and combinations that mean nothing.
import { expect } from "@std/expect";
import { ConfigError } from "../../src/errors.ts";
import { parseMergeConfig } from "../../src/merge/config.ts";
import { METHOD_NAMES } from "../../src/merge/methods/registry.ts";
import { modelResolver } from "../../src/merge/model_paths.ts";
import { planMerge } from "../../src/merge/plan.ts";

const MERGE = new URL("../fixtures/merge", import.meta.url).pathname;
const resolve = modelResolver({ cwd: MERGE, configDir: null });

interface Recipe {
  readonly method: string;
  readonly base?: string | null;
  /** YAML of the parameters of each model. */
  readonly models?: readonly string[];
  readonly parameters?: string;
}

function yaml({ method, base = "models/base", models = ["", ""], parameters = "" }: Recipe): string {
  return [
    `merge_method: ${method}`,
    ...base === null ? [] : [`base_model: ${base}`],
    "models:",
    ...models.flatMap((own, i) => [
      `  - model: models/ft${i + 1}`,
      ...own === "" ? [] : [`    parameters: {${own}}`],
    ]),
    ...parameters === "" ? [] : [`parameters: {${parameters}}`],
    "",
  ].join("\n");
}

async function refusal(recipe: Recipe): Promise<ConfigError> {
  const attempt = async () => await planMerge(parseMergeConfig(yaml(recipe), "m.yml"), resolve);
  const plan = await attempt().catch((error: unknown) => error as ConfigError);
  if (!(plan instanceof Error)) plan[Symbol.dispose]();
  expect(plan).toBeInstanceOf(ConfigError);
  return plan as ConfigError;
}
async function accept(recipe: Recipe): Promise<void> {
  (await planMerge(parseMergeConfig(yaml(recipe), "m.yml"), resolve))[Symbol.dispose]();
}

const one = "weight: 1";
/** What a method needs to be accepted; changed below. */
function sound(method: string): Recipe {
  const base = ["linear", "karcher", "passthrough"].includes(method) ? null : "models/base";
  const count = { passthrough: 1, nearswap: 1, arcee_fusion: 1 }[method] ?? 2;
  const weighs = !["passthrough", "nearswap", "arcee_fusion", "karcher", "sce", "model_stock", "slerp"]
    .includes(method);
  const parameters = method === "nearswap" || method === "slerp" ? "t: 0.5" : "";
  return {
    method,
    base: method === "slerp" ? "models/ft1" : base,
    models: Array(count).fill(weighs ? one : ""),
    parameters,
  };
}

for (const method of METHOD_NAMES) {
  Deno.test(`planMerge() accepts ${method} with what it needs, and nothing it does not know`, async () => {
    const recipe = sound(method);
    await accept(recipe);
    const parameters = [recipe.parameters, "lamda: 1"].filter(Boolean).join(", ");
    const error = await refusal({ ...recipe, parameters });
    expect(error.message).toMatch(new RegExp(`merge method "${method}" has no parameter "lamda" here`));
    const lines = yaml({ ...recipe, parameters }).split("\n");
    expect(lines[Number(error.details.line) - 1]).toMatch(/^parameters/);
    expect(lines[Number(error.details.line) - 1]!.slice(Number(error.details.column) - 1)).toMatch(/^1}/);
  });
}

const TIES = { method: "ties", models: [`${one}, density: 0.5`, one] };
const REFUSED: readonly [string, Recipe, RegExp][] = [
  [
    "a negative density",
    { ...TIES, models: [`${one}, density: -0.1`, one] },
    /"density" holds -0.1, expected a number from 0 to 1/,
  ],
  ["a density above 1", { ...TIES, parameters: "density: 1.5" }, /"density" holds 1.5/],
  [
    "a gradient that leaves 0 … 1",
    { ...TIES, parameters: "density: [0.5, 1.01]" },
    /"density" holds \[0.5,1.01\]/,
  ],
  ["a filtered density out of range", {
    ...TIES,
    parameters: "density: [{filter: mlp, value: 2}, {value: 1}]",
  }, /"density" holds 2/],
  ["a density that is NaN", { ...TIES, parameters: "density: .nan" }, /density.*finite/],
  [
    "a density of ties that keeps nothing",
    { ...TIES, parameters: "density: 0" },
    /"ties" cannot merge tensor ".*": parameter "density" is 0, which keeps none of its \d+ elements/,
  ],
  [
    "a density too small for the smallest tensor",
    { ...TIES, parameters: "density: 0.01" },
    /input_layernorm.*"density" is 0.01, which keeps none of its 24/,
  ],
  [
    "a weight that is missing for one model",
    { method: "task_arithmetic", models: [one, ""] },
    /parameter "weight" has no value for tensor/,
  ],
  ["a weight that is infinite", { method: "task_arithmetic", models: [one, "weight: .inf"] }, /finite/],
  ["a weight in words", { method: "task_arithmetic", models: [one, "weight: half"] }, /weight is "half"/],
  [
    "weights of linear that cancel out",
    { method: "linear", base: null, models: [one, "weight: -1"] },
    /parameter "weight" adds up to 0 over the models/,
  ],
  ["weights of linear that cancel out in one layer", {
    method: "linear",
    base: null,
    models: ["weight: [1, 0]", "weight: [1, 0]"],
  }, /"model.layers.1.*"weight" adds up to 0/],
  [
    "weights of multislerp that cancel out",
    { method: "multislerp", models: [one, "weight: -1"] },
    /"weight" adds up to 0/,
  ],
  [
    "a base_model of linear without a weight",
    { method: "linear", models: [one, one] },
    /parameter "weight" has no value/,
  ],
  ["a negative gamma", { method: "breadcrumbs", models: [one, `${one}, gamma: -1`] }, /"gamma" holds -1/],
  ["a misspelt parameter", { ...TIES, parameters: "densty: 0.1" }, /"ties" has no parameter "densty"/],
  ["an epsilon that leads out of 0 … 1", {
    method: "della",
    models: [one, `${one}, density: 0.9, epsilon: 0.2`],
  }, /"epsilon" is 0.2: density 0.9/],
  ["the default epsilon with a small density", {
    method: "della_linear",
    models: [one, one],
    parameters: "density: 0.1",
  }, /"epsilon" is 0.15: density 0.1/],
  [
    "a negative epsilon",
    { method: "della", models: [one, one], parameters: "epsilon: -0.1" },
    /"epsilon" holds -0.1/,
  ],
  [
    "a fractional seed",
    { method: "dare_ties", models: [one, one], parameters: "random_seed: 1.5" },
    /"random_seed" holds 1.5, expected an integer of at least 0/,
  ],
  [
    "a gradient of seeds",
    { method: "dare_ties", models: [one, one], parameters: "random_seed: [1, 2]" },
    /"random_seed" holds \[1,2\]/,
  ],
  [
    "a negative seed",
    { method: "dare_linear", models: [one, one], parameters: "random_seed: -1" },
    /"random_seed" holds -1/,
  ],
  [
    "a seed beside a source",
    { method: "dare_linear", models: [`${one}, random_seed: 1`, one] },
    /no parameter "random_seed" here/,
  ],
  ["a seed where nothing is random", { ...TIES, parameters: "random_seed: 1" }, /no parameter "random_seed"/],
  [
    "a number for normalize",
    { ...TIES, parameters: "normalize: 0.5" },
    /"normalize" holds 0.5, expected a boolean/,
  ],
  [
    "a gradient for normalize",
    { ...TIES, parameters: "normalize: [0, 1]" },
    /"normalize" holds \[0,1\], expected a boolean/,
  ],
  ["a boolean for lambda", { ...TIES, parameters: "lambda: true" }, /"lambda" holds true, expected a number/],
  ["select_topk above 1", { method: "sce", parameters: "select_topk: 40" }, /"select_topk" holds 40/],
  [
    "endless iterations",
    { method: "karcher", base: null, parameters: "max_iter: 1000000" },
    /"max_iter" holds 1000000, expected an integer from 0 to 10000/,
  ],
  ["a negative tolerance", { method: "karcher", base: null, parameters: "tol: -1" }, /"tol" holds -1/],
  ["a negative t of nearswap", { method: "nearswap", models: [""], parameters: "t: -1" }, /"t" holds -1/],
  ["nearswap without t", { method: "nearswap", models: [""] }, /"t" has no value/],
  ["ties without a base", { ...TIES, base: null }, /"ties" needs a base_model/],
  ["sce without a base", { method: "sce", base: null }, /needs a base_model/],
  [
    "model_stock of one model",
    { method: "model_stock", models: [""] },
    /takes at least 2 models beside its base_model, found 1/,
  ],
  [
    "nuslerp of three models",
    { method: "nuslerp", base: null, models: [one, one, one] },
    /takes 2 models, found 3/,
  ],
  [
    "nuslerp of a base and one model",
    { method: "nuslerp", models: [one] },
    /takes 2 models beside its base_model, found 1/,
  ],
  [
    "nearswap of two models",
    { method: "nearswap", parameters: "t: 1" },
    /takes 1 model beside its base_model, found 2/,
  ],
  ["arcee_fusion of two models", { method: "arcee_fusion" }, /beside its base_model, found 2/],
  ["passthrough of two models", { method: "passthrough", base: null }, /takes one model a slice, found 2/],
  [
    "passthrough of a model and a base",
    { method: "passthrough", models: [""] },
    /takes one model a slice, found 2/,
  ],
];
for (const [what, recipe, message] of REFUSED) {
  Deno.test(`planMerge() refuses ${what}, with its place`, async () => {
    const error = await refusal(recipe);
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^m\.yml:\d+:\d+: /);
  });
}

Deno.test("planMerge() points at the value that is wrong, beside a model or for all", async () => {
  const beside = await refusal({ method: "linear", base: null, models: [one, "weight: -1"] });
  expect([beside.details.line, beside.details.field]).toEqual([4, "models[0].parameters.weight"]);
  const global = await refusal({ ...TIES, models: [one, one], parameters: "density: 0" });
  expect([global.details.line, global.details.field]).toEqual([8, "parameters.density"]);
});

Deno.test("planMerge() accepts what mergekit accepts without effect, and negative weights", async () => {
  await accept({ ...TIES, parameters: "int8_mask: true, rescale: true, lambda: 0.5" });
  await accept({
    method: "task_arithmetic",
    models: [one, "weight: -1"],
    parameters: "density: 0.5, normalize: true",
  });
  await accept({
    method: "dare_ties",
    models: [one, one],
    parameters: "density: 0, random_seed: 9007199254740991",
  });
});

Deno.test("planMerge() leaves out a base_model of multislerp that is not among the models of a slice", async () => {
  const source = (model: string) => `{model: models/${model}, layer_range: [0, 2], parameters: {weight: 1}}`;
  const sources = (names: readonly string[]) => `  - sources: [${names.map(source).join(", ")}]\n`;
  const text = (names: readonly string[]) =>
    `merge_method: multislerp\nbase_model: models/base\nslices:\n${sources(names)}`;
  const basesOf = async (names: readonly string[]) => {
    using plan = await planMerge(parseMergeConfig(text(names), "m.yml"), resolve);
    return [...new Set(plan.steps.map((step) => step.base))];
  };
  expect(await basesOf(["ft1", "ft2"])).toEqual([null]);
  expect(await basesOf(["ft1", "ft2", "base"])).toEqual([2]);
});

Deno.test("planMerge() takes 1.0 and 0.0 for true and false, as mergekit writes them", async () => {
  const written = "int8_mask: 1.0, normalize: 0.0, rescale: [{filter: mlp, value: 1}, {value: false}]";
  const config = parseMergeConfig(yaml({ ...TIES, parameters: written }), "m.yml");
  using plan = await planMerge(config, resolve);
  const taken = (name: string) => plan.steps.find((step) => step.name.includes(name))!.parameters;
  expect(taken("mlp")).toMatchObject({ int8_mask: true, normalize: false, rescale: true });
  expect(taken("self_attn")).toMatchObject({ int8_mask: true, normalize: false, rescale: false });
});

Deno.test("planMerge() filters a model's parameters by its own tensor's name", async () => {
  // The output's second slice takes layer 0 of the model: the filter names the input's layer, not the output's.
  const config = parseMergeConfig(
    `merge_method: passthrough
slices:
  - sources: [{model: models/ft1, layer_range: [0, 2]}]
  - sources:
      - model: models/ft1
        layer_range: [0, 1]
        parameters: {scale: [{filter: layers.0.mlp, value: 0}, {filter: layers.2, value: 3}]}
`,
    "m.yml",
  );
  using plan = await planMerge(config, resolve);
  const scale = (name: string) => plan.steps.find((step) => step.name === name)!.modelParameters[0]!.scale;
  expect(scale("model.layers.2.mlp.up_proj.weight")).toBe(0);
  expect(scale("model.layers.2.self_attn.q_proj.weight")).toBe(1);
  expect(scale("model.layers.0.mlp.up_proj.weight")).toBe(1);
});

Deno.test("planMerge() refuses a tensor of which too few sources are left, rather than merging the rest", async () => {
  // As in mergekit, norm and lm_head take no more sources than the first slice has.
  const source = (model: string) => `{model: models/${model}, layer_range: [0, 1]}`;
  const text = (last: readonly string[]) =>
    `merge_method: ties
base_model: models/base
slices:
  - sources: [${source("base")}]
  - sources: [${last.map(source).join(", ")}]
parameters: {weight: 1}
`;
  (await planMerge(parseMergeConfig(text(["base", "ft1"]), "m.yml"), resolve))[Symbol.dispose]();
  await expect(planMerge(parseMergeConfig(text(["ft1", "base"]), "m.yml"), resolve)).rejects.toThrow(
    /^m.yml:5:5: merge method "ties" cannot merge tensor "model.norm.weight" of "models\/ft1" alone: it needs base_model/,
  );
});
