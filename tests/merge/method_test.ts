// What holds of the merge methods whatever the numbers: identities between them, symmetries, blocks and masks.
import { expect } from "@std/expect";
import fc from "fast-check";
import { findMethod, METHOD_NAMES } from "../../src/merge/methods/registry.ts";
import { Operand } from "../../src/merge/operand.ts";
import { BLOCK_ELEMENTS, fromFloat32 } from "../../src/tensor/convert.ts";
import { bytesPerElement, type FloatDtype } from "../../src/tensor/dtype.ts";
import { MergeError } from "../../src/errors.ts";
import { factsOf, type MixCase, mixOf, mixValues } from "../support/mix.ts";
import { runs } from "../support/properties.ts";

const LENGTH = 48;
const number = fc.double({ min: -4, max: 4, noNaN: true }).map(Math.fround);
const vector = fc.array(number, { minLength: LENGTH, maxLength: LENGTH });
const vectors = (least: number, most: number) => fc.array(vector, { minLength: least, maxLength: most });
const weight = fc.double({ min: 0.1, max: 2, noNaN: true });
/** Numbers whose sums are exact in any order: an elected sign must not hang on rounding. */
const exact = fc.integer({ min: -256, max: 256 }).map((n) => n / 64);
const exactVectors = fc.array(fc.array(exact, { minLength: LENGTH, maxLength: LENGTH }), {
  minLength: 4,
  maxLength: 4,
});
const exactWeights = fc.array(fc.integer({ min: 1, max: 32 }).map((n) => n / 16), {
  minLength: 3,
  maxLength: 3,
});
const RUNS = { numRuns: runs(200) };

/** Equal to float32 rounding of values as large as `like`. */
function expectClose(found: Float32Array, wanted: ArrayLike<number>, like = 8, tolerance = 1e-6): void {
  const worst = found.reduce((max, v, i) => Math.max(max, Math.abs(v - wanted[i]!)), 0);
  if (!(worst <= tolerance * like)) {
    throw new Error(`differs by ${worst}: ${found} and ${Array.from(wanted)}`);
  }
}

/** Of length 1; zero stays zero. */
function unitsOf(models: readonly number[][]): readonly number[][] {
  return models.map((model) => model.map((value) => value / (Math.hypot(...model) || 1)));
}

/** Not opposite to each other. */
function areApart(one: readonly number[], other: readonly number[]): boolean {
  return one.reduce((sum, value, at) => sum + value * other[at]!, 0) > -0.999;
}

const BASELESS = ["linear", "karcher", "multislerp", "nuslerp"];
const WITH_BASE = [
  "task_arithmetic",
  "ties",
  "dare_linear",
  "dare_ties",
  "breadcrumbs",
  "breadcrumbs_ties",
  "della",
  "della_linear",
  "sce",
  "model_stock",
  "nuslerp",
  "multislerp",
];
const SPARSE = WITH_BASE.slice(1, 8);
const own = { weight: 1, density: 0.5, gamma: 0.1 };
const two = (method: string) => ["slerp", "nearswap", "arcee_fusion"].includes(method);

/** A case of a method with so many elements. */
function sample(method: string, elements: number): MixCase {
  const wave = (phase: number) =>
    Float32Array.from({ length: elements }, (_, i) => Math.sin(i * 0.7 + phase));
  const base = BASELESS.includes(method) || method === "passthrough" ? {} : { base: 0 };
  const count = method === "passthrough" ? 1 : two(method) || (method === "nuslerp") ? 2 : 3;
  return {
    models: [0, 0.3, 1].slice(0, count).map(wave),
    shape: [elements / 12, 12],
    parameters: { t: 0.3, select_topk: 0.5, nuslerp_flatten: false, filter_wise: true },
    own: { ...own, scale: 0.5 },
    ...base,
  };
}

for (const method of METHOD_NAMES) {
  Deno.test(`${method} gives the same values in blocks of any size`, () => {
    const given = sample(method, 120);
    const whole = mixValues(method, given);
    expect(whole.every(Number.isFinite)).toBe(true);
    for (const block of [1, 7, 64]) expect(mixValues(method, { ...given, block })).toEqual(whole);
  });

  Deno.test(`${method} of a tensor longer than a block is that of the whole`, () => {
    // The same numbers as one tensor of 70 000 and in two: methods that look at rows alone must not see the difference.
    const given = sample(method, 12 * 6000);
    const whole = mixValues(method, given);
    expect(whole.every(Number.isFinite)).toBe(true);
    expect(mixValues(method, { ...given, block: 4097 })).toEqual(whole);
  });
}

Deno.test("linear of weight 1 and 0 is the first model, exactly", () => {
  fc.assert(
    fc.property(vectors(2, 4), (models) => {
      const weights = models.map((_, i) => ({ weight: i === 0 ? 1 : 0 }));
      expectClose(mixValues("linear", { models, own: weights }), models[0]!, 0);
    }),
    RUNS,
  );
});

Deno.test("linear unnormalized is linear in the weights", () => {
  fc.assert(
    fc.property(vectors(3, 3), weight, (models, w) => {
      const at = (factor: number) =>
        mixValues("linear", {
          models,
          own: { weight: w * factor },
          parameters: { normalize: false },
        });
      expectClose(at(2), at(1).map((v) => 2 * v), 50);
    }),
    RUNS,
  );
});

for (const method of BASELESS.filter((name) => name !== "nuslerp")) {
  Deno.test(`${method} does not depend on the order of the models`, () => {
    fc.assert(
      fc.property(vectors(3, 3), fc.array(weight, { minLength: 3, maxLength: 3 }), ([a, b, c], [x, y, z]) => {
        // Of directions that cancel out there is no mean: what is left of them is rounding.
        fc.pre(
          unitsOf([a!, b!, c!]).every((one, at, all) =>
            all.slice(at + 1).every((other) => areApart(one, other))
          ),
        );
        const weights = [x!, y!, z!].map((weight) => ({ weight }));
        const forward = mixValues(method, { models: [a!, b!, c!], own: weights });
        const back = mixValues(method, { models: [c!, b!, a!], own: weights.toReversed() });
        expectClose(forward, back, 8, 1e-4);
      }),
      RUNS,
    );
  });
}

for (const method of [...WITH_BASE.filter((name) => !/dare|della|nuslerp/.test(name))]) {
  Deno.test(`${method} does not depend on the order of the models, nor on where the base stands`, () => {
    fc.assert(
      fc.property(exactVectors, exactWeights, ([o, a, b, c], [x, y, z]) => {
        const weights = [x!, y!, z!].map((weight) => ({ ...own, weight }));
        const parameters = { select_topk: 0.5 };
        const forward = mixValues(method, {
          models: [o!, a!, b!, c!],
          base: 0,
          own: [{}, ...weights],
          parameters,
        });
        const back = mixValues(method, {
          models: [c!, b!, a!, o!],
          base: 3,
          own: [...weights.toReversed(), {}],
          parameters,
        });
        expectClose(forward, back, 16, 1e-4);
      }),
      RUNS,
    );
  });
}

Deno.test("nuslerp under exchange of the models is nuslerp under exchange of the weights", () => {
  fc.assert(
    fc.property(vector, vector, weight, weight, (a, b, x, y) => {
      const forward = mixValues("nuslerp", { models: [a, b], own: [{ weight: x }, { weight: y }] });
      const back = mixValues("nuslerp", { models: [b, a], own: [{ weight: y }, { weight: x }] });
      expectClose(forward, back, 8, 1e-4);
    }),
    RUNS,
  );
});

Deno.test("nuslerp, multislerp and karcher of a model with itself are that model", () => {
  for (const method of ["nuslerp", "multislerp", "karcher", "linear"]) {
    fc.assert(
      // What is shorter than their tolerances counts as zero.
      fc.property(
        vector.filter((v) => Math.hypot(...v) > 1e-3),
        (v) => expectClose(mixValues(method, { models: [v, v], own }), v),
      ),
      RUNS,
    );
  }
});

Deno.test("nuslerp of opposite models is the straight line between them", () => {
  expectClose(mixValues("nuslerp", { models: [[1, 2], [-3, -6]], own: { weight: 1 } }), [-1, -2]);
});

Deno.test("nuslerp row by row, and column by column, is nuslerp of each row and column", () => {
  const [a, b] = [0, 1].map((phase) => Array.from({ length: 24 }, (_, i) => Math.sin(i * 1.3 + phase)));
  const weights = [{ weight: 0.3 }, { weight: 0.5 }];
  const whole = (flags: object) =>
    mixValues("nuslerp", {
      models: [a!, b!],
      shape: [4, 6],
      own: weights,
      parameters: { nuslerp_flatten: false, ...flags },
    });
  const lines = (pick: (v: number[], line: number) => number[], count: number) =>
    Array.from(
      { length: count },
      (_, line) => mixValues("nuslerp", { models: [pick(a!, line), pick(b!, line)], own: weights }),
    );
  const rows = lines((v, row) => v.slice(row * 6, row * 6 + 6), 4);
  expectClose(whole({}), rows.flatMap((row) => [...row]));
  const columns = lines((v, column) => v.filter((_, i) => i % 6 === column), 6);
  expectClose(whole({ nuslerp_row_wise: true }), a!.map((_, i) => columns[i % 6]![Math.floor(i / 6)]!));
});

for (const method of WITH_BASE) {
  Deno.test(`${method} of models equal to the base is the base`, () => {
    fc.assert(
      fc.property(vector, (v) => expectClose(mixValues(method, { models: [v, v, v], base: 0, own }), v)),
      RUNS,
    );
  });
}

for (const method of SPARSE) {
  Deno.test(`${method} with density 1 is task arithmetic where signs agree, and draws nothing`, () => {
    fc.assert(
      fc.property(vector, vectors(2, 3), weight, (base, steps, w) => {
        // All deltas are positive: no sign is in dispute.
        const models = [base, ...steps.map((step) => base.map((v, i) => v + Math.abs(step[i]!) + 0.01))];
        for (const normalize of [false, true]) {
          const given: MixCase = {
            models,
            base: 0,
            own: { weight: w, density: 1 },
            parameters: { normalize },
          };
          expectClose(mixValues(method, given), mixValues("task_arithmetic", given), 64);
          expect(mixOf(method, given).seed).toBeUndefined();
        }
      }),
      RUNS,
    );
  });

  Deno.test(`${method} does not let a NaN vanish`, () => {
    const models = [[1, 2, 3, 4], [2, NaN, 3.5, 9], [1, 3, 4, 4.5]];
    const merged = mixValues(method, { models, base: 0, own: { ...own, gamma: 0.25, epsilon: 0.1 } });
    expect(Number.isNaN(merged[1])).toBe(true);
  });
}

Deno.test("ties keeps the largest magnitudes: of equal ones the earlier", () => {
  const models = [[0, 0, 0, 0, 0, 0], [1, -3, 2, -2, 2, 0.5]];
  const merged = mixValues("ties", { models, base: 0, own: { weight: 1, density: 0.5 } });
  expect([...merged]).toEqual([0, -3, 2, -2, 0, 0]);
});

Deno.test("ties elects the sign of the larger sum, and averages over those that agree", () => {
  const models = [[0, 0, 0], [3, 1, -1], [-1, 1, -1], [-1, -1, 0]];
  const merged = mixValues("ties", { models, base: 0, own: { weight: 1 } });
  expect([...merged]).toEqual([3, 1, -1]); // 3-1-1 > 0; 1 and 1; -1 and -1, the zero has no say
  expect([...mixValues("ties", { models: [[0], [1], [-1]], base: 0, own: { weight: 1 } })]).toEqual([1]);
});

Deno.test("breadcrumbs drops outliers and trifles, and everything where nothing counts as outlier", () => {
  const models = [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [9, 1, -8, 2, 7, -3, 6, 4, -5, 0.5]];
  const at = (gamma: number) => [
    ...mixValues("breadcrumbs", { models, base: 0, own: { weight: 1, density: 0.5, gamma } }),
  ];
  expect(at(0.2)).toEqual([0, 0, 0, 0, 7, -3, 6, 4, -5, 0]); // without 9, -8; without 0.5, 1, 2
  expect(at(0.6)).toEqual([0, 1, 0, 2, 0, -3, 0, 4, 0, 0.5]); // density before gamma
  expect(at(0.05)).toEqual(Array(10).fill(0));
});

Deno.test("nearswap takes what is near and steps towards what is far", () => {
  const merged = mixValues("nearswap", {
    models: [[0, 0, 0, 1], [0.5, -3, 0, 1.25]],
    base: 0,
    parameters: { t: 1 },
  });
  expect([...merged]).toEqual([0.5, -1, 0, 1.25]);
});

Deno.test("arcee_fusion takes every element from one of the two models, few from the other", () => {
  const base = Float32Array.from({ length: 1200 }, (_, i) => Math.sin(i * 0.7));
  const other = base.map((v, i) => v + 0.01 + Math.sin(i * 1.1) ** 15); // most changes are small
  const merged = mixValues("arcee_fusion", { models: [other, base], base: 1, shape: [100, 12] });
  const isOther = (i: number) => Math.abs(merged[i]! - other[i]!) <= 1e-7; // base + (other − base), rounded twice
  expect(merged.every((v, i) => v === base[i] || isOther(i))).toBe(true);
  const swapped = [...merged.keys()].filter(isOther);
  expect(swapped.length).toBeGreaterThan(100);
  expect(swapped.length).toBeLessThan(300); // above the upper quartile by construction
  const change = (i: number) => Math.abs(other[i]! - base[i]!);
  expect(Math.max(...swapped.map(change))).toBe(Math.max(...[...merged.keys()].map(change)));
});

Deno.test("arcee_fusion follows its formula in rows longer than a block", () => {
  const n = BLOCK_ELEMENTS + 5000;
  const base = Float32Array.from({ length: n }, (_, i) => Math.sin(i * 0.7) + 3 * i / n); // maxima come late
  const other = base.map((v, i) => v + (i < 70 ? 3 : 0.01 * Math.sin(i * 1.1)));
  // The scores of one row are ranked by the change alone: two rows are needed to see their divergences.
  const shape = [2, n];
  const second = other.map((v, i) => v + (i % 97 === 0 ? 1 : 0) + (i > n - 50 ? 6 : 0));
  const [bases, others] = [[base, base], [other, second]].map((rows) => rows.flatMap((row) => [...row]));
  const softmax = (row: Float32Array) => {
    const exps = Array.from(row, Math.exp);
    const sum = exps.reduce((a, b) => a + b);
    return exps.map((e) => e / sum + 1e-8);
  };
  const q = softmax(base);
  const divergences = [other, second].map((row) =>
    softmax(row).reduce((sum, p, i) => sum + p * Math.log(p / q[i]!), 0)
  );
  const scores = others!.map((v, i) => Math.abs(v - bases![i]!) * divergences[Math.floor(i / n)]!);
  const sorted = scores.toSorted((a, b) => a - b);
  const at = (quantile: number) => sorted[Math.floor(quantile * (2 * n - 1))]!;
  const threshold = at(0.5) + 1.5 * (at(0.75) - at(0.25));
  const merged = mixValues("arcee_fusion", { models: [bases!, others!], base: 0, shape });
  const wrong = scores.filter((score, i) => (merged[i] !== bases![i]) !== score >= threshold).length;
  expect(wrong).toBeLessThan(2 * n * 1e-4);
  expect(scores.filter((score) => score >= threshold).length).toBeGreaterThan(100);
});

Deno.test("model_stock is the mean for parallel deltas and the base for orthogonal or opposite ones", () => {
  const at = (a: number[], b: number[]) => [...mixValues("model_stock", { models: [[1, 1], a, b], base: 0 })];
  expect(at([3, 1], [5, 1])).toEqual([4, 1]);
  expect(at([3, 1], [1, 3])).toEqual([1, 1]);
  expect(at([3, 1], [-1, 1])).toEqual([1, 1]);
});

Deno.test("karcher lies on the arc between two models, at the mean of their norms", () => {
  const merged = mixValues("karcher", { models: [[2, 0], [0, 4]] });
  expectClose(merged, [3 * Math.SQRT1_2, 3 * Math.SQRT1_2]);
  expectClose(mixValues("karcher", { models: [[0, 0], [0, 4]] }), [0, 2]); // zero has no direction, but a norm
  expectClose(mixValues("karcher", { models: [[0, 0], [0, 0]] }), [0, 0]);
});

Deno.test("multislerp is the mean direction at the mean norm, turned away by eps", () => {
  const models = [[2, 0], [0, 4]];
  const at = (eps: number) => mixValues("multislerp", { models, own: { weight: 1 }, parameters: { eps } });
  expectClose(at(1e-8), [3 * Math.SQRT1_2, 3 * Math.SQRT1_2]);
  const length = Math.hypot(2 / 2.5, 4 / 4.5);
  expectClose(at(0.5), [2 / 2.5, 4 / 4.5].map((x) => 3 * Math.cos(0.5) * x / length));
});

Deno.test("multislerp of directions that cancel out: two are interpolated, three are refused by tensor name", () => {
  expectClose(mixValues("multislerp", { models: [[1, 0], [-3, 0]], own: { weight: 1 } }), [-1, 0]);
  const [cos, sin] = [Math.cos(2 * Math.PI / 3), Math.sin(2 * Math.PI / 3)];
  const models = [[1, 0], [cos, sin], [cos, -sin]].map((v) => v.map((x) => x * 1));
  const attempt = () => mixOf("multislerp", { models, own: { weight: 1 }, parameters: { eps: 1e-6 } });
  expect(attempt).toThrow(MergeError);
  expect(attempt).toThrow(/tensor "tensor".*cancel out/);
});

Deno.test("sce weighs models by their energy and drops what does not vary", () => {
  const models = [[0, 0, 0, 0], [1, 2, 3, 0], [1, 2, -1, 0]];
  // Variance only in the third element; there 3 and -1 have energies 9 : 1, and the sum elects plus.
  expect([...mixValues("sce", { models, base: 0, parameters: { select_topk: 0.99 } })]).toEqual([0, 0, 0, 0]);
  expectClose(mixValues("sce", { models, base: 0 }), [1, 2, 3, 0]);
  const varied = [[0, 0, 0, 0], [1, 2, 3, 0], [1, 1, -1, 0]];
  expectClose(mixValues("sce", { models: varied, base: 0, parameters: { select_topk: 0.5 } }), [0, 0, 3, 0]);
});

Deno.test("ram takes what one model has whole, and of what several have the mean", () => {
  const models = [[1, 1, 1, 1, 1], [2, 1.125, 1, 4, NaN], [4, 1, 1.25, -2, 1]];
  expect([...mixValues("ram", { models, base: 0, parameters: { epsilon: 0.125 } })]).toEqual([
    3,
    1,
    1.25,
    1,
    NaN,
  ]);
  expect([...mixValues("ram", { models, base: 0 })]).toEqual([3, 1.125, 1.25, 1, NaN]);
  expect([...mixValues("ram", { models: models.slice(0, 2), base: 0 })]).toEqual([2, 1.125, 1, 4, NaN]);
});

Deno.test("ramplus_tl makes more of what one model has, by the share that others have too", () => {
  const models = [[0, 0, 0, 0], [1, 2, 0, 8], [3, 0, 4, 0]];
  // Of either model's elements one is shared; the first has two to itself, the second one.
  const merged = (parameters: MixCase["parameters"]) =>
    mixValues("ramplus_tl", { models, base: 0, parameters: { r: 0.5, ...parameters } });
  expect([...merged({ alpha: 2 })]).toEqual([2, 2 * 1.25, 4 * 1.5, 8 * 1.25]);
  expect([...merged({ alpha: 0.5 })]).toEqual([2, 2 * 1.25, 4 * 1.25, 8 * 1.25]);
  expect([...merged({ alpha: 0 })]).toEqual([2, 2, 4, 8]);
});

Deno.test("passthrough copies, and scales where it is told to", () => {
  const models = [[1, -0, 3.5]];
  expect([mixOf("passthrough", { models }).mode, [...mixValues("passthrough", { models })]]).toEqual([
    "COPY",
    models[0],
  ]);
  expect([...mixValues("passthrough", { models, own: { scale: -2 } })]).toEqual([-2, 0, -7]);
});

/** The method's values for a base and one model, stored in a dtype of their own. */
function stored(
  method: string,
  dtype: FloatDtype,
  models: readonly (readonly number[])[],
  own: MixCase["own"],
) {
  const operands = models.map((values) => {
    const bytes = new Uint8Array(values.length * bytesPerElement(dtype));
    fromFloat32(dtype, Float32Array.from(values), bytes);
    return new Operand(bytes, dtype, null);
  });
  const out = new Float32Array(models[0]!.length);
  findMethod(method)!.mix({ ...factsOf(method, { models, base: 0, own: own! }), operands }).apply(0, out);
  return [...out];
}

Deno.test("ties ranks differences as the models' dtype holds them, as mergekit does", () => {
  // 1 - 2^-9 has no bfloat16 code and becomes 1: of equal magnitudes the earlier is kept.
  const merged = stored("ties", "BF16", [[2 ** -9, 0], [1, 1]], { weight: 1, density: 0.5 });
  expect(merged).toEqual([1 + 2 ** -9, 0]);
});

Deno.test("task_arithmetic of 8-bit models adds up their exact differences", () => {
  // 15 - 0.0625 has no E4M3 code.
  expect(stored("task_arithmetic", "F8_E4M3", [[0.0625, 1], [15, 1.125]], { weight: 1 })).toEqual([
    15,
    1.125,
  ]);
});
