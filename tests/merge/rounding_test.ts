// What types do to results: mergekit's own results where the last bit of 16 decides, and the types that it writes.
import { expect } from "@std/expect";
import { parseMergeConfig } from "../../src/merge/config.ts";
import { findMethod, METHOD_NAMES } from "../../src/merge/methods/registry.ts";
import { modelResolver } from "../../src/merge/model_paths.ts";
import { Operand } from "../../src/merge/operand.ts";
import { planMerge } from "../../src/merge/plan.ts";
import { fromFloat32, roundTo } from "../../src/tensor/convert.ts";
import { bytesPerElement, type WeightDtype } from "../../src/tensor/dtype.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { factsOf, type MixCase } from "../support/mix.ts";
import { tempDir } from "../support/temp.ts";

/** Of the first model, which is the base, and the others, stored in `dtype`; the result as it would be written. */
function merged(method: string, dtype: WeightDtype, given: MixCase): number[] {
  const operands = given.models.map((values) => {
    const bytes = new Uint8Array(values.length * bytesPerElement(dtype));
    fromFloat32(dtype, Float32Array.from(values), bytes);
    return new Operand(bytes, dtype, null);
  });
  const out = new Float32Array(given.models[0]!.length);
  const found = findMethod(method)!;
  found.mix({ ...factsOf(method, { base: 0, ...given }), operands }).apply(0, out);
  const types = operands.map((operand) => operand.dtype);
  roundTo(found.resultDtype?.(types, 0) ?? dtype, out, new Uint8Array(out.byteLength));
  return [...out];
}

Deno.test("ties elects by the sum of 16-bit votes, as mergekit does", () => {
  const models = [
    [-0.038330078125, 0.1796875, 0.03564453125, 0.10205078125],
    [0.1103515625, 0.373046875, -0.142578125, 0.0019073486328125],
    [-0.26171875, -0.1103515625, 0.302734375, 0.251953125],
  ];
  const own = [{}, { weight: 0.6 }, { weight: 0.4 }];
  // The votes cancel out in bfloat16, and zero elects plus; the exact sum would elect the other model each time.
  expect(merged("ties", "BF16", { models, own })).toEqual([
    0.1103515625,
    0.373046875,
    0.302734375,
    0.251953125,
  ]);
  const halves = [
    [0.33251953125, 0.1021728515625, 0.2081298828125, 0.1307373046875],
    [0.21435546875, 0.002033233642578125, 0.0887451171875, 0.1717529296875],
    [0.509765625, 0.25244140625, 0.38720703125, 0.0692138671875],
  ];
  const wanted = [0.21435546875, 0.00201416015625, 0.0887451171875, 0.1717529296875];
  expect(merged("ties", "F16", { models: halves, own })).toEqual(wanted);
});

Deno.test("dare_linear restores the norm of a delta whose sum float16 cannot hold", () => {
  const length = 2000;
  const models = [new Array<number>(length).fill(0), new Array<number>(length).fill(100)];
  for (const density of [0.5, 0.1]) { // of the second, what is left could be held
    const own = [{}, { weight: 1, density }];
    const found = merged("dare_linear", "F16", { models, own, parameters: { rescale: true } });
    expect(new Set(found).size).toBe(2); // dropped, or kept and rescaled
    const sum = found.reduce((a, b) => a + b, 0);
    expect(Math.abs(sum / (length * 100) - 1)).toBeLessThan(1e-3);
  }
});

Deno.test("linear refuses weights that cancel out in the type that it computes in", () => {
  const models = [[1, 2], [3, 4]];
  const own = [{ weight: 1 }, { weight: -1.001 }]; // -1 in bfloat16
  const parameters = { normalize: true };
  expect(() => merged("linear", "BF16", { models, own, parameters })).toThrow(
    /weights of tensor ".+" add up to 0 in BF16, which cannot be normalized/,
  );
  expect(merged("linear", "F32", { models, own, parameters }).every(Number.isFinite)).toBe(true);
});

Deno.test("sce chooses and weighs by 16-bit variances, as mergekit does", () => {
  const models = [
    [-0.0732421875, 0.392578125, 0.47265625, -0.55859375, 0.84375, -0.447265625, -0.177734375, 0.6171875],
    [-0.059326171875, 0.224609375, 0.50390625, -0.546875, 0.859375, -0.423828125, -0.0380859375, 0.75],
    [0.1708984375, 0.412109375, 0.71875, -0.35546875, 1.0234375, -0.5390625, -0.2236328125, 0.54296875],
  ];
  const wanted = [
    ...[0.1474609375, 0.392578125, 0.6953125, -0.375],
    ...[0.84375, -0.447265625, -0.177734375, 0.75],
  ];
  expect(merged("sce", "BF16", { models, parameters: { select_topk: 0.5 } })).toEqual(wanted);
});

Deno.test("ram divides and adds up 16-bit deltas as mergekit does", () => {
  const models = [
    [-0.2578125, -0.031494140625, -0.2392578125, -0.01123046875],
    [-0.26171875, -0.052490234375, -0.228515625, 0.0027618408203125],
    [-0.291015625, -0.05810546875, -0.2373046875, 0.00848388671875],
    [-0.2431640625, -0.006256103515625, -0.228515625, -0.000789642333984375],
  ];
  const wanted = [-0.267578125, -0.038818359375, -0.228515625, 0.0035400390625];
  expect(merged("ram", "BF16", { models, parameters: { epsilon: 0.01 } })).toEqual(wanted);
});

Deno.test("nearswap weighs 16-bit values as mergekit does, and makes no NaN of a t of 0", () => {
  const models = [
    [-0.07666015625, 0.0908203125, -0.027587890625, 0.0458984375, 0.055419921875, -0.07373046875],
    [-0.064453125, 0.08740234375, -0.0245361328125, 0.04052734375, 0.051513671875, -0.068359375],
  ];
  const wanted = [-0.07373046875, 0.087890625, -0.024658203125, 0.04296875, 0.05224609375, -0.0703125];
  expect(merged("nearswap", "BF16", { models, parameters: { t: 0.003 } })).toEqual(wanted);
  const equal = { models: [[1, 2], [1, 3]], parameters: { t: 0 } };
  expect(merged("nearswap", "F16", equal)).toEqual([1, 2]); // 1 / 1e-6 is infinite there
});

Deno.test("arcee_fusion scores 16-bit tensors as mergekit does, in 16 bits", () => {
  const base = [
    ...[0.921875, 0.259765625, -0.85546875, -0.8515625, 1.0078125, -0.134765625, -0.0654296875, -0.71875],
    ...[0.1953125, -0.00946044921875, -0.67578125, -0.365234375],
    ...[0.494140625, -0.2099609375, -0.29296875, -0.390625],
  ];
  const other = [
    ...[1.203125, 0.3828125, -0.890625, -0.94921875, 0.99609375, -0.1953125, -0.051025390625, -0.734375],
    ...[
      0.1513671875,
      0.068359375,
      -0.6796875,
      -0.56640625,
      0.640625,
      -0.16015625,
      -0.267578125,
      -0.2158203125,
    ],
  ];
  const taken = (dtype: WeightDtype) => {
    const found = merged("arcee_fusion", dtype, { models: [base, other], shape: [4, 4] });
    return [...found.keys()].filter((i) => Math.abs(found[i]! - base[i]!) > 1e-3);
  };
  expect(taken("BF16")).toEqual([0, 11]);
  expect(taken("F32")).toEqual([0, 1, 3, 11]);
});

for (const method of METHOD_NAMES) {
  Deno.test(`${method} makes an empty tensor of empty ones`, () => {
    const models = ["slerp", "nearswap", "arcee_fusion"].includes(method) ? [[], []] : [[], [], []];
    const own = { weight: 1, density: 0.5, epsilon: 0.1, gamma: 0.1 };
    const parameters = { t: 0.5, select_topk: 0.5 };
    for (const shape of [[0, 4], [4, 0]]) {
      expect(merged(method, "F16", { models, shape, own, parameters })).toEqual([]);
    }
  });
}

Deno.test("arcee_fusion does not let a NaN of the other model vanish", () => {
  const models = [[1, 2, 3, 4], [NaN, 2.5, 3, 4]];
  expect(merged("arcee_fusion", "F32", { models, shape: [1, 4] })[0]).toBe(NaN);
});

/** The type of the result of `method` over models of these types, the last of which is the base. */
async function written(method: string, dtypes: readonly WeightDtype[], rest = ""): Promise<string> {
  await using dir = await tempDir();
  const names = ["a", "b", "c"].slice(0, dtypes.length);
  for (const [i, name] of names.entries()) {
    await writeCheckpoint(dir.join(name), { dtype: dtypes[i]!, seed: i });
  }
  const base = method === "linear" && rest === "free" ? "" : `base_model: ${names.at(-1)}\n`;
  const models = names.map((name) => `  - {model: ${name}, parameters: {weight: 1}}\n`).join("");
  const text = `merge_method: ${method}\n${base}models:\n${models}parameters: {t: 0.5}\n${
    rest === "free" ? "" : rest
  }`;
  using plan = await planMerge(
    parseMergeConfig(text, "m.yml"),
    modelResolver({ cwd: dir.path, configDir: null }),
  );
  return [...new Set(plan.steps.map((step) => step.dtype))].join();
}

Deno.test("results have the types that mergekit gives them", async () => {
  // The base's, where the others are brought to it; else one that holds all of them, the base's among them.
  expect(await written("slerp", ["F32", "BF16"])).toBe("BF16");
  for (const method of ["ties", "task_arithmetic"]) {
    expect(await written(method, ["F32", "F16", "BF16"])).toBe("BF16");
  }
  for (const method of ["linear", "nuslerp", "multislerp", "model_stock", "sce"]) {
    expect(await written(method, ["BF16", "F16", "BF16"])).toBe("F32");
    expect(await written(method, ["F32", "BF16", "BF16"])).toBe("F32");
    expect(await written(method, ["F16", "F16", "F16"])).toBe("F16");
    expect(await written(method, ["F32", "F32", "BF16"], "dtype: float16\n")).toBe("F16");
  }
  expect(await written("nearswap", ["F32", "BF16"])).toBe("F32");
  expect(await written("ram", ["BF16", "BF16"])).toBe("BF16");
  expect(await written("linear", ["BF16", "F16"], "free")).toBe("F32");
  // Factors or a mask of float32 make it all float32, unless that is rounded when it is written.
  expect(await written("ramplus_tl", ["BF16", "BF16"])).toBe("F32");
  expect(await written("arcee_fusion", ["BF16", "BF16"])).toBe("F32");
  expect(await written("arcee_fusion", ["F32", "F32"], "dtype: bfloat16\n")).toBe("F32");
  expect(await written("arcee_fusion", ["BF16", "BF16"], "dtype: bfloat16\nout_dtype: bfloat16\n")).toBe(
    "BF16",
  );
});
