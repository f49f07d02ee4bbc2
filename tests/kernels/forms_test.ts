/** Forms that may stand for each other: those that the kernels allow, that add in the same order, and no others. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { formAt, formKey, formPlaces, isFormOf, neighbours, withForm } from "../../src/kernels/forms.ts";
import { type LinearTuning, linearVariant, withDefaults } from "../../src/kernels/linear.ts";
import { linearResidual } from "../../src/kernels/linear_residual.ts";
import { chooseTuning, type DeviceTuning, fitShape, portableTuning } from "../../src/kernels/tuning.ts";
import { gpuTest } from "../gpu/device.ts";
import { LIVE, noise, noiseMatrix, packWeights, padded, runKernel, SUBGROUP } from "./harness.ts";

const device = (subgroupSize: number | null, invocations: number) => ({
  software: false,
  subgroupSize,
  backend: "vulkan",
  features: [] as string[],
  limits: { maxComputeInvocationsPerWorkgroup: invocations, maxComputeWorkgroupStorageSize: 49_152 },
});

/** All that can be reached from a form. */
function reachable(start: LinearTuning, maxInvocations: number): LinearTuning[] {
  const found = new Map([[formKey(start), start]]);
  for (const form of found.values()) {
    for (const next of neighbours(form, { maxInvocations })) {
      if (found.size < 120) found.set(formKey(next), next);
    }
  }
  return [...found.values()];
}

/** What the libraries' first lines demand. */
function expectAllowed(form: LinearTuning, invocations: number): void {
  const { WORKGROUP, LANES, SPLIT, TOKENS, PAIRS, UNROLL, WORKGROUPS } = withDefaults(form);
  const told = JSON.stringify(form);
  const allow = (holds: boolean) => expect({ told, holds }).toEqual({ told, holds: true });
  allow(WORKGROUP <= invocations && WORKGROUP % LANES === 0 && UNROLL >= 1);
  switch (form.core) {
    case "core_lanes":
      return allow(LANES === 1 ? PAIRS === 1 || PAIRS === 4 : PAIRS === 1);
    case "core_subgroup":
    case "core_subgroup_f16":
      return allow(PAIRS * TOKENS <= LANES / SPLIT && WORKGROUP / (LANES / SPLIT) <= 32);
    case "core_row_f16":
      return allow(WORKGROUP % 32 === 0 && TOKENS === 1 && WORKGROUPS >= 1 && WORKGROUPS <= 65_535);
    default:
      throw new Error(`No decode form has ${form.core}`);
  }
}

for (const [size, invocations] of [[8, 256], [16, 128], [32, 1024], [64, 1024], [null, 256]] as const) {
  Deno.test(`neighbours() of subgroups of ${size} within ${invocations} invocations are allowed, and add in one order`, () => {
    const tuning = chooseTuning(device(size, invocations));
    for (const family of ["matrices", "halves"] as const) {
      for (const place of formPlaces(tuning, family)) {
        const base = formAt(tuning, family, place)!;
        const limits = { maxInvocations: invocations };
        // Where a device leaves room for another one there is another one.
        const forms = reachable(base, invocations);
        expect(forms.length).toBeGreaterThan(1);
        for (const form of forms) {
          expectAllowed(form, invocations);
          expect(isFormOf(base, form, limits)).toBe(true);
          expect(isFormOf(form, base, limits)).toBe(true);
        }
      }
    }
  });
}

Deno.test("neighbours() of one row reach the other core, and forms that ask for weights early", () => {
  const { matrices, halves } = chooseTuning(device(32, 1024));
  const of = (form: LinearTuning) => reachable(form, 1024);
  expect(of(matrices.gateUp.decode[0]!).some(({ asksEarly }) => asksEarly)).toBe(true);
  const rows = of(halves!.gateUp.decode[0]!);
  expect(new Set(rows.map(({ core }) => core))).toEqual(new Set(["core_row_f16", "core_subgroup_f16"]));
  expect(rows.some(({ asksEarly }) => asksEarly)).toBe(true);
});

const BASE: LinearTuning = {
  core: "core_subgroup",
  WORKGROUP: 256,
  LANES: 64,
  SPLIT: 2,
  PAIRS: 2,
  TOKENS: 1,
};
const REFUSED: Readonly<Record<string, Partial<LinearTuning>>> = {
  "other lanes": { LANES: 128 },
  "another split": { SPLIT: 1 },
  "other rows": { TOKENS: 2 },
  "another core": { core: "core_tile" },
  "a core of another precision": { core: "core_subgroup_f16" },
  "more invocations than there are": { WORKGROUP: 2048 },
  "less than the lanes": { WORKGROUP: 32 },
  "no power of two": { WORKGROUP: 192 },
  "three pairs": { PAIRS: 3 },
  "no pairs": { PAIRS: 0 },
  "more pairs than a subgroup finishes": { PAIRS: 64 },
  "no loads": { UNROLL: 0 },
  "many loads": { UNROLL: 1 << 30 },
  "workgroups of its own": { WORKGROUPS: 3 },
  "a shape of its own": { GROUPS: 7, SLICE_PAIRS: 7 },
  "steps that it does not leave out": { SKIPS: 0 },
};
for (const [what, change] of Object.entries(REFUSED)) {
  Deno.test(`isFormOf() refuses ${what}`, () => {
    expect(isFormOf(BASE, BASE, { maxInvocations: 1024 })).toBe(true);
    expect(isFormOf(BASE, { ...BASE, ...change }, { maxInvocations: 1024 })).toBe(false);
  });
}

Deno.test("withForm() exchanges one form and nothing else", () => {
  const tuning = portableTuning(true);
  const place = { role: "down", rows: 4 } as const;
  const form = { ...formAt(tuning, "matrices", place)!, WORKGROUP: 64 };
  const changed = withForm(tuning, "matrices", place, form);
  expect(formAt(changed, "matrices", place)).toEqual(form);
  const back = withForm(changed, "matrices", place, formAt(tuning, "matrices", place)!);
  expect(back).toEqual(tuning);
  expect(withForm(tuning, "halves", place, form)).toEqual(tuning);
  expect(withForm(tuning, "matrices", { ...place, rows: 3 }, form)).toEqual(tuning);
});

const TUNINGS = { "with subgroups": "matrices", "in pairs of f16": "halves" } as const;
for (const [name, family] of Object.entries(TUNINGS)) {
  gpuTest(`forms ${name} have the same bits`, async (gpu) => {
    const inputs = 900;
    const [outputs, pairs, groups] = [50, 25, padded(inputs) / 16];
    const tuning: DeviceTuning = chooseTuning(device(SUBGROUP, 256));
    const packed = packWeights("fp8", noiseMatrix(outputs, inputs, 3), noise(outputs, 4));
    const values = Array.from(noise(2 * 1024, 5));
    const run = async (form: LinearTuning, rows: number) => {
      const fitted = fitShape(form, { groups, pairs });
      const variant = linearVariant("fp8", fitted);
      const input = fitted.core === "core_row_f16" ? "row_plain" : "input_half";
      const { hidden } = await runKernel(gpu, linearResidual, {
        ...variant,
        libs: { ...variant.libs, ...family === "halves" && { input } },
      }, {
        // Zero where a row is padded.
        input: family === "halves"
          ? Float16Array.from(values, (value, i) => i % 1024 < 896 ? value : 0)
          : Float32Array.from(values.slice(0, 2 * 16 * groups)),
        weights: packed.weights,
        channels: packed.channels,
        live: LIVE,
        hidden: { elements: 2 * 512, initial: new Float32Array(2 * 512).fill(0.5) },
      }, { rows, firstRow: 0, pairs, firstPair: 0, groups, stride: 512 });
      return hidden!;
    };
    for (const rows of [1, 2]) {
      const base = formAt(tuning, family, { role: "down", rows })!;
      const expected = await run(base, rows);
      expect(expected.some((value) => value !== 0.5)).toBe(true);
      const forms = fc.sample(fc.constantFrom(...reachable(base, 256)), { numRuns: 3, seed: rows });
      for (const form of forms) {
        expect({ form, hidden: await run(form, rows) }).toEqual({ form, hidden: expected });
      }
    }
  }, { subgroups: true, feature: "shader-f16" });
}
