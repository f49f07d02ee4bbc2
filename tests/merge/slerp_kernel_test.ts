// The WebAssembly loops against plain arithmetic in the order they promise, on arbitrary bit patterns.
import { expect } from "@std/expect";
import fc from "fast-check";
import { SlerpKernel } from "../../src/merge/slerp_kernel.ts";
import { bfloat16FromBits } from "../../src/tensor/bfloat16.ts";
import { BLOCK_ELEMENTS } from "../../src/tensor/convert.ts";
import { runs } from "../support/properties.ts";

const word = new Uint32Array(1);
const single = new Float32Array(word.buffer);
function value(code: number): number {
  word[0] = code << 16;
  return single[0]!;
}
function code(value: number): number {
  single[0] = value;
  return bfloat16FromBits(word[0]!);
}
const QUIET_NAN = 0x7fc0;

const codes = fc.uint16Array({ minLength: 1, maxLength: 300 });
const factor = fc.float({ noNaN: true });

function fill(kernel: SlerpKernel, a: Uint16Array, b: Uint16Array): void {
  kernel.a.set(new Uint8Array(a.buffer, a.byteOffset, a.byteLength));
  kernel.b.set(new Uint8Array(b.buffer, b.byteOffset, b.byteLength));
}

Deno.test("SlerpKernel.combine() rounds as the plain formula does, for all values and lengths", () => {
  const kernel = new SlerpKernel();
  fc.assert(fc.property(codes, codes, factor, factor, (left, right, s0, s1) => {
    const count = Math.min(left.length, right.length);
    fill(kernel, left, right);
    const found = new Uint16Array(kernel.combine(count, s0, s1).slice().buffer);
    for (let i = 0; i < count; i++) {
      const mixed = Math.fround(s0 * value(left[i]!)) + Math.fround(s1 * value(right[i]!));
      expect(found[i]).toBe(Number.isNaN(mixed) ? QUIET_NAN : code(mixed));
    }
    expect(found.length).toBe(count);
  }));
});

/** The sum of products in the order that SlerpKernel promises, with a rounding wherever it promises one. */
function sumInRuns(x: Uint16Array, y: Uint16Array, count: number): number {
  const lanes = [0, 0, 0, 0];
  for (let run = 0; run < count; run += 128) {
    for (let lane = 0; lane < 4; lane++) {
      const chain = (first: number) => {
        let sum = 0;
        for (let i = first; i < run + 128 && i < count; i += 8) {
          sum = Math.fround(sum + Math.fround(value(x[i]!) * value(y[i]!)));
        }
        return sum;
      };
      lanes[lane]! += Math.fround(chain(run + 2 * lane) + chain(run + 2 * lane + 1));
    }
  }
  return lanes[0]! + lanes[1]! + (lanes[2]! + lanes[3]!);
}
function sumInFloat64(x: Uint16Array, y: Uint16Array, count: number): number {
  return x.slice(0, count).reduce((total, code, i) => total + value(code) * value(y[i]!), 0);
}

Deno.test("SlerpKernel.sums() round and add in the promised order, to the bit, and in float64 where float32 overflows", () => {
  const kernel = new SlerpKernel();
  // Finite: magnitudes from zero and subnormal up to `max`, either sign.
  const finite = (max: number) =>
    fc.uint16Array({ minLength: 1, maxLength: 400 }).map((codes) =>
      codes.map((code) => code & 0x8000 | (code & 0x7fff) % (max + 1))
    );
  const ranges = fc.constantFrom(code(2 ** -100), code(2 ** -50), code(1e9), code(2 ** 62), 0x7f7f)
    .chain((max) => fc.tuple(finite(max), finite(max)));
  let overflows = 0;
  fc.assert(
    fc.property(ranges, ([left, right]) => {
      const count = Math.min(left.length, right.length);
      kernel.a.fill(0x7f); // what a longer block before may have left
      kernel.b.fill(0x7f);
      fill(kernel, left.slice(0, count), right.slice(0, count));
      const pairs = [[left, left], [right, right], [left, right]] as const;
      const inRuns = pairs.map(([x, y]) => sumInRuns(x, y, count));
      const fits = inRuns.every(Number.isFinite);
      if (!fits) overflows++;
      const { aa, bb, ab } = kernel.sums(count);
      const expected = fits ? inRuns : pairs.map(([x, y]) => sumInFloat64(x, y, count));
      expect([aa, bb, ab]).toEqual(expected.map((sum) => sum + 0)); // a sum of lanes is never -0
      expect([aa, bb, ab].every(Number.isFinite)).toBe(true);
    }),
    { numRuns: runs(500) },
  );
  expect(overflows).toBeGreaterThan(50);
});

Deno.test("SlerpKernel.sums() are within 2^-20 of the magnitudes, for values as models have them within 2^-24", () => {
  const kernel = new SlerpKernel();
  let state = 1;
  const random = () => (state = Math.imul(state, 1664525) + 1013904223 | 0) / 2 ** 31;
  const draw = (value: () => number) => Uint16Array.from({ length: BLOCK_ELEMENTS }, () => code(value()));
  const normal = () => (random() + random() + random()) / 30;
  const worst = () => 1 + 2 ** -7; // every addition in a lane rounds the same way
  for (const [draws, allowed] of [[normal, 2 ** -24], [worst, 2 ** -20]] as const) {
    const [x, y] = [draw(draws), draw(draws)];
    fill(kernel, x, y);
    const { aa, bb, ab } = kernel.sums(BLOCK_ELEMENTS);
    const norms = Math.sqrt(aa * bb);
    expect(Math.abs(aa / sumInFloat64(x, x, x.length) - 1)).toBeLessThan(allowed);
    expect(Math.abs(bb / sumInFloat64(y, y, y.length) - 1)).toBeLessThan(allowed);
    expect(Math.abs(ab - sumInFloat64(x, y, x.length)) / norms).toBeLessThan(allowed);
  }
});

Deno.test("SlerpKernel works on a whole block, and spreads NaN and infinity", () => {
  const kernel = new SlerpKernel();
  const ones = new Uint16Array(BLOCK_ELEMENTS).fill(code(1));
  fill(kernel, ones, ones);
  expect(kernel.sums(BLOCK_ELEMENTS)).toEqual({ aa: BLOCK_ELEMENTS, bb: BLOCK_ELEMENTS, ab: BLOCK_ELEMENTS });
  const mixed = new Uint16Array(kernel.combine(BLOCK_ELEMENTS, 0.25, 0.5).slice().buffer);
  expect(new Set(mixed)).toEqual(new Set([code(0.75)]));
  const [left, right] = [Uint16Array.of(code(Infinity), code(1)), Uint16Array.of(code(-Infinity), code(NaN))];
  fill(kernel, left, right);
  expect(new Uint16Array(kernel.combine(1, 1, 1).slice().buffer)[0]).toBe(QUIET_NAN);
  fill(kernel, left, right);
  const sums = kernel.sums(2);
  expect([sums.aa, sums.bb, sums.ab]).toEqual([Infinity, NaN, NaN]);
});
