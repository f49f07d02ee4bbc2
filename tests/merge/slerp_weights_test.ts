import { expect } from "@std/expect";
import { Operand } from "../../src/merge/operand.ts";
import { slerpWeights, weightsAt } from "../../src/merge/slerp.ts";

const CASES = new URL("../fixtures/merge/cases/", import.meta.url);

interface Resolved {
  readonly t: number;
  readonly dot: number;
  readonly branch: "slerp" | "lerp";
  readonly s0?: number | null;
  readonly s1?: number | null;
}

Deno.test("weightsAt() gives mergekit's factors for mergekit's cosine, mostly to the bit", async () => {
  let [compared, equal] = [0, 0];
  for await (const { name } of Deno.readDir(CASES)) {
    if (!name.startsWith("slerp-")) continue;
    const text = await Deno.readTextFile(new URL(`${name}/resolved.json`, CASES));
    for (const golden of Object.values(JSON.parse(text) as Record<string, Resolved>)) {
      if (golden.branch !== "slerp" || typeof golden.s0 !== "number") continue;
      const { branch, s0, s1 } = weightsAt(Math.fround(golden.dot), golden.t);
      expect(branch).toBe("SLERP");
      // Errors of the angle in its last bit, over the sine of the smallest angle there is: acos 0.9995.
      for (const [found, wanted] of [[s0, golden.s0], [s1, golden.s1!]] as const) {
        expect(Math.abs(found - wanted)).toBeLessThanOrEqual(2 ** -23 / Math.sin(Math.acos(0.9995)));
      }
      compared++;
      if (s0 === golden.s0 && s1 === golden.s1) equal++;
    }
  }
  expect(compared).toBeGreaterThan(500);
  expect(equal / compared).toBeGreaterThan(0.7); // 0.79; in float64 0.35
});

Deno.test("weightsAt() goes straight beyond the threshold, not at it, by factors that are float32", () => {
  const threshold = Math.fround(0.9995);
  const beyond = threshold + 2 ** -24; // the next float32
  expect([threshold, beyond, -threshold, -beyond].map((cosine) => weightsAt(cosine, 0.5).branch))
    .toEqual(["SLERP", "LERP", "SLERP", "LERP"]);
  expect(weightsAt(1, 0.1)).toEqual({ branch: "LERP", s0: Math.fround(0.9), s1: Math.fround(0.1) });
});

Deno.test("slerpWeights() takes a vector of a norm up to float32(1e-8) as it is", () => {
  const cosine = (...v0: readonly number[]) => {
    const operand = (values: readonly number[]) =>
      new Operand(new Uint8Array(Float32Array.from(values).buffer), "F32", null);
    return slerpWeights(operand(v0), operand([1, 0]), 0.5).cosine;
  };
  const tiny = Math.fround(1e-8);
  expect(cosine(tiny, 0)).toBe(tiny);
  expect(cosine(tiny, tiny / 2 ** 13)).toBe(tiny); // the norm is larger, and the same as float32
  expect(cosine(tiny + 2 ** -50, 0)).toBe(1);
});
