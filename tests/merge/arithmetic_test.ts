// The steps that merge methods share, against plain definitions: ranks, masks, random words, inner products.
import { expect } from "@std/expect";
import fc from "fast-check";
import { gramMatrices } from "../../src/merge/arithmetic/gram.ts";
import { alongFirst, alongLast, wholeTensor } from "../../src/merge/arithmetic/lines.ts";
import { Mask } from "../../src/merge/arithmetic/mask.ts";
import {
  keepRanks,
  magnitudeOf,
  orderStatistics,
  valuesAtRanks,
} from "../../src/merge/arithmetic/order_statistics.ts";
import { RandomWords, threefry2x32 } from "../../src/merge/arithmetic/random.ts";
import { RowRanker } from "../../src/merge/arithmetic/ranks.ts";
import { keepAtRandom, keepByRank } from "../../src/merge/arithmetic/sparsify.ts";
import type { Vector } from "../../src/merge/arithmetic/vector.ts";
import { BLOCK_ELEMENTS } from "../../src/tensor/convert.ts";
import { mixOf, mixValues } from "../support/mix.ts";
import { runs } from "../support/properties.ts";

function vectorOf(values: Float32Array): Vector {
  return {
    elements: values.length,
    read: (start, into) => into.set(values.subarray(start, start + into.length)),
  };
}
const kept = (mask: Mask, elements: number) => {
  const bits = new Float32Array(elements).fill(1);
  mask.apply(0, bits);
  return [...bits];
};
/** Few distinct values, so that many are equal, of both signs, with the odd ones. */
const values = fc.array(
  fc.oneof(fc.constantFrom(0, -0, 1, -1, 1e-45, Infinity, NaN, 3), fc.float()),
  { minLength: 1, maxLength: 60 },
).map((list) => Float32Array.from(list));
/** Indices by magnitude, ascending and stable, NaN last. */
const order = (v: Float32Array) =>
  [...v.keys()].sort((i, j) => {
    const [a, b] = [Math.abs(v[i]!), Math.abs(v[j]!)];
    return Number.isNaN(a) || Number.isNaN(b) ? Number(Number.isNaN(a)) - Number(Number.isNaN(b)) : a - b;
  });

Deno.test("threefry2x32() gives the published words of Random123", () => {
  const words = new Uint32Array(2);
  const cases = [
    [[0, 0], [0, 0], [0x6b200159, 0x99ba4efe]],
    [[0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], [0x1cb996fc, 0xbb002be7]],
    [[0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3], [0xc4923a9c, 0x483df7a0]],
  ] as const;
  for (const [key, counter, expected] of cases) {
    threefry2x32(key, counter, words);
    expect([...words]).toEqual([...expected]);
  }
});

Deno.test("RandomWords.fill() is a function of seed, model, tensor and index alone", () => {
  const all = new Uint32Array(100);
  new RandomWords(7, "m", "t").fill(0, all);
  for (const [start, length] of [[0, 1], [1, 1], [3, 10], [50, 50], [99, 1]] as const) {
    const part = new Uint32Array(length);
    new RandomWords(7, "m", "t").fill(start, part);
    expect([...part]).toEqual([...all.subarray(start, start + length)]);
  }
  const others = [new RandomWords(8, "m", "t"), new RandomWords(7, "n", "t"), new RandomWords(7, "m", "u")];
  for (const other of others) {
    const words = new Uint32Array(100);
    other.fill(0, words);
    expect(words.filter((word, i) => word === all[i]).length).toBe(0);
  }
});

Deno.test("RandomWords are uniform: mean, spread and every bit", () => {
  const n = 1 << 18;
  const words = new Uint32Array(n);
  new RandomWords(0, "model", "tensor").fill(0, words);
  const units = Array.from(words, (word) => word / 2 ** 32);
  const mean = units.reduce((a, b) => a + b) / n;
  const variance = units.reduce((sum, u) => sum + (u - mean) ** 2, 0) / n;
  expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / n));
  expect(Math.abs(variance - 1 / 12)).toBeLessThan(5 * Math.sqrt(1 / 180 / n));
  for (let bit = 0; bit < 32; bit++) {
    const ones = words.reduce((sum, word) => sum + ((word >>> bit) & 1), 0);
    expect(Math.abs(ones - n / 2)).toBeLessThan(5 * Math.sqrt(n / 4));
  }
  const serial = units.slice(1).reduce((sum, u, i) => sum + (u - 0.5) * (units[i]! - 0.5), 0) / n;
  expect(Math.abs(serial)).toBeLessThan(5 / 12 / Math.sqrt(n));
});

Deno.test("orderStatistics() are what sorting gives, with the counts of smaller and equal ones", () => {
  fc.assert(fc.property(values, fc.nat(), (v, at) => {
    const sorted = order(v).map((i) => Math.abs(v[i]!));
    const rank = at % v.length;
    const [found, first] = orderStatistics(vectorOf(v), [rank, 0]);
    expect(magnitudeOf(found!)).toEqual(sorted[rank]);
    expect(magnitudeOf(first!)).toEqual(sorted[0]);
    expect(found!.below).toBe(sorted.findIndex((x) => Object.is(x, sorted[rank])));
    expect(found!.equal).toBe(sorted.filter((x) => Object.is(x, sorted[rank])).length);
  }));
});

Deno.test("valuesAtRanks() are what sorting gives, signs included and NaN last", () => {
  fc.assert(fc.property(values, fc.nat(), (v, at) => {
    const sorted = [...v].sort((a, b) =>
      Number.isNaN(a) || Number.isNaN(b) ? Number(Number.isNaN(a)) - Number(Number.isNaN(b)) : a - b
    );
    const ranks = [at % v.length, 0, v.length - 1];
    expect(valuesAtRanks(vectorOf(v), ranks).map((x) => x + 0)).toEqual(
      ranks.map((rank) => sorted[rank]! + 0),
    );
  }));
});

Deno.test("keepRanks() keeps what a stable sort puts there, ascending or descending", () => {
  fc.assert(
    fc.property(values, fc.nat(60), fc.nat(60), fc.boolean(), (v, a, b, earlierIsLarger) => {
      const [from, to] = [Math.min(a, b, v.length), Math.min(Math.max(a, b), v.length)];
      const reversed = Float32Array.from(v).reverse();
      const ranked = earlierIsLarger ? order(reversed).map((i) => v.length - 1 - i) : order(v);
      const wanted = Array(v.length).fill(0);
      for (const i of ranked.slice(from, to)) wanted[i] = 1;
      expect(kept(keepRanks(vectorOf(v), [from, to], { earlierIsLarger }), v.length)).toEqual(wanted);
    }),
    { numRuns: runs(500) },
  );
});

Deno.test("keepRanks() counts equal magnitudes across blocks", () => {
  const v = new Float32Array(BLOCK_ELEMENTS + 10).fill(2);
  v.fill(1, 0, 5);
  const mask = kept(
    keepRanks(vectorOf(v), [v.length - BLOCK_ELEMENTS - 2, v.length], { earlierIsLarger: true }),
    v.length,
  );
  expect(mask.findIndex((bit) => bit === 1)).toBe(5);
  expect(mask.lastIndexOf(1)).toBe(5 + BLOCK_ELEMENTS + 1);
});

Deno.test("RowRanker.rank() is the inverse of a stable sort by magnitude", () => {
  fc.assert(fc.property(values, (v) => {
    const ranks = new RowRanker(v.length).rank(v);
    expect(order(v).map((i) => ranks[i]!)).toEqual([...v.keys()]);
  }));
});

Deno.test("gramMatrices() holds the inner products of rows, columns and the whole", () => {
  const shape = [300, 500]; // longer than a block, in rows that cross its border
  const [a, b] = [1, 2].map((step) => Float32Array.from({ length: 150_000 }, (_, i) => Math.sin(i * step)));
  const sum = (pick: (i: number) => boolean) => a!.reduce((s, v, i) => pick(i) ? s + v * b![i]! : s, 0);
  const dots = (lines: Parameters<typeof gramMatrices>[1]) =>
    gramMatrices([vectorOf(a!), vectorOf(b!)], lines).map((gram) => gram.dot(1, 0));
  expect(dots(wholeTensor(shape))[0]).toBeCloseTo(sum(() => true), 6);
  const [rows, columns] = [dots(alongLast(shape)), dots(alongFirst(shape))];
  expect([rows.length, columns.length]).toEqual([300, 500]);
  expect(rows[131]).toBeCloseTo(sum((i) => Math.floor(i / 500) === 131), 6);
  expect(columns[131]).toBeCloseTo(sum((i) => i % 500 === 131), 6);
});

Deno.test("keepAtRandom() keeps the share that density says, in every stretch", () => {
  const n = 200_000;
  for (const density of [0, 0.1, 0.5, 0.93]) {
    const mask = kept(keepAtRandom(vectorOf(new Float32Array(n)), density, new RandomWords(3, "m", "t")), n);
    for (const [from, to] of [[0, n], [0, 50_000], [150_000, n]] as const) {
      const share = mask.slice(from, to).reduce((a, b) => a + b, 0) / (to - from);
      expect(Math.abs(share - density)).toBeLessThanOrEqual(
        5 * Math.sqrt(density * (1 - density) / (to - from)),
      );
    }
  }
});

Deno.test("keepByRank() keeps larger magnitudes more often, from density - epsilon to density + epsilon", () => {
  const [rowLength, rows] = [50, 4000];
  const ramp = Float32Array.from({ length: rowLength * rows }, (_, i) => (i % 2 ? -1 : 1) * (i % rowLength));
  const mask = kept(
    keepByRank(vectorOf(ramp), { density: 0.5, epsilon: 0.2, rowLength }, new RandomWords(0, "m", "t")),
    ramp.length,
  );
  for (const rank of [0, 10, 25, 49]) {
    const share = mask.filter((_, i) => i % rowLength === rank).reduce((a, b) => a + b, 0) / rows;
    const wanted = 0.3 + 0.4 * rank / 49;
    expect(Math.abs(share - wanted)).toBeLessThan(5 * Math.sqrt(wanted * (1 - wanted) / rows));
  }
});

for (const method of ["dare_linear", "dare_ties", "della", "della_linear"]) {
  Deno.test(`${method} with rescale keeps each delta's L1 norm, and without it the mean of density times the delta`, () => {
    const n = 60_000;
    const delta = Float32Array.from({ length: n }, (_, i) => 1 + (i * 7919 % 100) / 100);
    const models = [new Float32Array(n), delta];
    const at = (rescale: boolean, random_seed = 0) =>
      mixValues(method, {
        models,
        base: 0,
        shape: [n / 100, 100],
        own: { weight: 1, density: 0.4, epsilon: 0.1 },
        parameters: { rescale, normalize: false, random_seed },
      });
    const l1 = (v: Float32Array) => v.reduce((sum, x) => sum + Math.abs(x), 0);
    expect(l1(at(true)) / l1(delta)).toBeCloseTo(1, 5);
    expect(Math.abs(l1(at(false)) / l1(delta) - 0.4)).toBeLessThan(0.02);
    const keptShare = at(true).filter((v) => v !== 0).length / n;
    expect(Math.abs(keptShare - 0.4)).toBeLessThan(5 * Math.sqrt(0.24 / n));
    expect(at(true, 1)).not.toEqual(at(true));
    expect(at(true)).toEqual(at(true));
  });

  Deno.test(`${method} draws other masks for other models and tensors, and says with which seed`, () => {
    const ones = new Float32Array(400).fill(1);
    const given = {
      models: [new Float32Array(400), ones],
      base: 0,
      own: { weight: 1, density: 0.5, epsilon: 0.1 },
      parameters: { random_seed: 5 },
    };
    const names = ["base", "x"];
    const merged = mixValues(method, { ...given, modelNames: names });
    expect(mixOf(method, { ...given, modelNames: names }).seed).toBe(5);
    expect(mixValues(method, { ...given, modelNames: ["another base", "x"] })).toEqual(merged);
    expect(mixValues(method, { ...given, modelNames: ["base", "y"] })).not.toEqual(merged);
    expect(mixValues(method, { ...given, modelNames: names, name: "other" })).not.toEqual(merged);
  });
}
