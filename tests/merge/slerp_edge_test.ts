// The slerp function alone, on awkward vectors, against mergekit's (tests/fixtures/slerp-edge).
import { expect } from "@std/expect";
import fc from "fast-check";
import { slerp } from "../../src/merge/methods/slerp.ts";
import { Operand } from "../../src/merge/operand.ts";
import { evaluateSetting, layerPosition } from "../../src/merge/parameters.ts";
import { parseMergeConfig } from "../../src/merge/config.ts";
import type { Setting } from "../../src/merge/settings.ts";
import { slerpWeights } from "../../src/merge/slerp.ts";
import { BLOCK_ELEMENTS, fromFloat32 } from "../../src/tensor/convert.ts";
import { bytesPerElement, type WeightDtype } from "../../src/tensor/dtype.ts";
import { compareTensors } from "../support/compare.ts";
import { floats, type LoadedTensor, loadTensors } from "../support/safetensors.ts";

const EDGE = new URL("../fixtures/slerp-edge/", import.meta.url).pathname;

/** The merged tensor, in the dtype of v0. */
function merge(v0: LoadedTensor, v1: LoadedTensor, t: number): { result: LoadedTensor; mode: string } {
  const dtype = v0.dtype as WeightDtype;
  const operands = [v0, v1].map((v) => new Operand(v.bytes, v.dtype as WeightDtype, null));
  const mix = slerp.mix({
    operands,
    name: "v",
    shape: v0.shape,
    models: ["v0", "v1"],
    base: 0,
    parameters: { t },
    modelParameters: [],
  });
  const values = new Float32Array(operands[0]!.elements);
  for (let start = 0; start < values.length; start += BLOCK_ELEMENTS) {
    mix.apply(start, values.subarray(start, start + BLOCK_ELEMENTS));
  }
  const bytes = new Uint8Array(values.length * bytesPerElement(dtype));
  fromFloat32(dtype, values, bytes);
  return { result: { dtype, shape: v0.shape, bytes }, mode: mix.mode };
}

function tensor(values: readonly number[] | Float32Array, dtype: WeightDtype = "F32"): LoadedTensor {
  const bytes = new Uint8Array(values.length * bytesPerElement(dtype));
  fromFloat32(dtype, Float32Array.from(values), bytes);
  return { dtype, shape: [values.length], bytes };
}

/** Of the finite values. */
const maxAbs = (values: Float32Array) =>
  values.filter(Number.isFinite).reduce((max, v) => Math.max(max, Math.abs(v)), 0);

const cases: { t_values: number[]; cases: Record<string, { branch: string; dot: number | string }> } = JSON
  .parse(
    await Deno.readTextFile(EDGE + "cases.json"),
  );
const inputs = await loadTensors(EDGE + "inputs.safetensors");
const expected = await loadTensors(EDGE + "expected.safetensors");

for (const [name, { branch, dot }] of Object.entries(cases.cases)) {
  // Norms are accumulated in float64 and do not overflow; in float16 the inputs themselves are infinite.
  const ignore = name.endsWith("norm_overflow_f32") && !name.startsWith("f16");
  Deno.test({
    name: `slerp equals mergekit on ${name}`,
    ignore,
    fn() {
      const [v0, v1] = [inputs.get(`${name}/v0`)!, inputs.get(`${name}/v1`)!];
      const goldens = [...expected.keys()].filter((key) => key.startsWith(`${name}/t=`));
      expect(goldens.length).toBe(cases.t_values.length);
      for (const key of goldens) {
        const t = Number(key.slice(key.lastIndexOf("=") + 1));
        const { result, mode } = merge(v0, v1, t);
        const golden = expected.get(key)!;
        expect([key, mode]).toEqual([key, branch.toUpperCase()]);
        const difference = compareTensors(result, golden);
        const scale = Math.max(
          Math.abs(1 - t) * maxAbs(floats(v0)),
          Math.abs(t) * maxAbs(floats(v1)),
          maxAbs(floats(golden)),
        );
        // Nearly opposite vectors: 1/sin(a) of about 30 amplifies the last bit of d.
        const relative = name === "f32/cos_-0.9994" ? 1e-4 : 1e-6;
        const allowed = golden.dtype === "F32"
          ? difference.maxAbs <= relative * scale
          : difference.maxUlp <= 2;
        if (!allowed) throw new Error(`${key}: ${JSON.stringify(difference)}`);
      }
      const { cosine } = slerpWeights(operand(v0), operand(v1), 0.5);
      if (typeof dot === "number") expect(Math.abs(cosine - dot)).toBeLessThan(1e-6);
      else expect(cosine).toBe(NaN);
    },
  });
}

function operand(loaded: LoadedTensor): Operand {
  return new Operand(loaded.bytes, loaded.dtype as WeightDtype, null);
}

Deno.test("evaluateSetting() equals mergekit on every golden setting, tensor and layer count, to the last bit", async () => {
  const lines = (await Deno.readTextFile(EDGE + "gradients.jsonl")).trim().split("\n");
  for (const line of lines) {
    const golden: { num_layers: number; setting: unknown; tensor: string; values: (number | null)[] } & {
      value_at_position_0: number | null;
    } = JSON.parse(line);
    const setting = readSetting(golden.setting);
    const at = (position: number) => evaluateSetting(setting, golden.tensor, position)?.value ?? null;
    const values = Array.from(
      { length: golden.num_layers },
      (_, i) => at(layerPosition(i, golden.num_layers)),
    );
    expect({ line, values }).toEqual({ line, values: golden.values });
    expect(at(0)).toBe(golden.value_at_position_0);
  }
});

/** A setting as the configuration parser reads it. */
function readSetting(value: unknown): Setting {
  const yaml = `{merge_method: slerp, models: [{model: a}], parameters: {t: ${JSON.stringify(value)}}}`;
  return parseMergeConfig(yaml, "test").parameters.settings.get("t")!;
}

const vector = (length: number) =>
  fc.float32Array({ minLength: length, maxLength: length, noNaN: true, min: -8, max: 8 });
const pair = fc.integer({ min: 1, max: 40 }).chain((length) => fc.tuple(vector(length), vector(length)));
const dtype = fc.constantFrom<WeightDtype>("F32", "BF16", "F16");
/**
 * One rounding of each of two terms and of their sum; the factors may exceed 1 where vectors are nearly opposite. Where
 * values are subnormal a rounding is half a step of 2^-149, whatever their size.
 */
function tolerance(v0: LoadedTensor, v1: LoadedTensor): number {
  return 1e-5 * 40 * Math.max(maxAbs(floats(v0)), maxAbs(floats(v1))) + 2 ** -148;
}

Deno.test("slerp at t = 0 is the base, at t = 1 the other, exactly", () => {
  fc.assert(fc.property(pair, dtype, ([a, b], type) => {
    const [v0, v1] = [tensor(a, type), tensor(b, type)];
    expect(compareTensors(merge(v0, v1, 0).result, v0).differing).toBe(0);
    expect(compareTensors(merge(v0, v1, 1).result, v1).differing).toBe(0);
  }));
});

Deno.test("slerp is symmetric under exchange of the models and of t with 1-t", () => {
  fc.assert(fc.property(pair, fc.double({ min: 0, max: 1, noNaN: true }), ([a, b], t) => {
    const [v0, v1] = [tensor(a), tensor(b)];
    const [forth, back] = [merge(v0, v1, t), merge(v1, v0, 1 - t)];
    expect(forth.mode).toBe(back.mode);
    expect(compareTensors(forth.result, back.result).maxAbs).toBeLessThanOrEqual(tolerance(v0, v1));
  }));
});

Deno.test("slerp of a vector with itself is that vector for any t", () => {
  // Up to a norm of 1e-8 a vector is its own unit vector and stands at a right angle to itself: see "tiny" of the cases.
  const vectors = vector(24).filter((values) => Math.hypot(...values) > 1.01e-8);
  fc.assert(fc.property(vectors, fc.double({ min: -1, max: 2, noNaN: true }), (a, t) => {
    const v = tensor(a);
    expect(compareTensors(merge(v, v, t).result, v).maxAbs).toBeLessThanOrEqual(tolerance(v, v));
  }));
});

Deno.test("slerpWeights() sums across block boundaries", () => {
  const length = 2 * BLOCK_ELEMENTS + 3;
  const [a, b] = [new Float32Array(length), new Float32Array(length)];
  a[0] = 3;
  a[BLOCK_ELEMENTS] = 4;
  b[BLOCK_ELEMENTS] = 5;
  b[length - 1] = 12;
  const weights = slerpWeights(operand(tensor(a)), operand(tensor(b)), 0.25);
  expect(weights).toMatchObject({ norm0: 5, norm1: 13, cosine: Math.fround(20 / 65), branch: "SLERP" });
});
