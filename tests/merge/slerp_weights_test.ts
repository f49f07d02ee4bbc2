import { expect } from "@std/expect";
import { weightsAt } from "../../src/merge/slerp.ts";

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
