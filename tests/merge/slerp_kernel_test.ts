// The WebAssembly loops against one line of arithmetic each, on arbitrary bit patterns.
import { expect } from "@std/expect";
import fc from "fast-check";
import { SlerpKernel } from "../../src/merge/slerp_kernel.ts";
import { bfloat16FromBits } from "../../src/tensor/bfloat16.ts";
import { BLOCK_ELEMENTS } from "../../src/tensor/convert.ts";

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
const isNaNCode = (code: number) => (code & 0x7fff) > 0x7f80;

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
      if (Number.isNaN(Math.fround(mixed))) expect(isNaNCode(found[i]!)).toBe(true);
      else expect(found[i]).toBe(code(mixed));
    }
    expect(found.length).toBe(count);
  }));
});

Deno.test("SlerpKernel.sums() are float64 sums of exactly the first elements", () => {
  const kernel = new SlerpKernel();
  const finite = fc.uint16Array({ minLength: 1, maxLength: 300, max: 0x4fff });
  fc.assert(fc.property(finite, finite, (left, right) => {
    const count = Math.min(left.length, right.length);
    kernel.a.fill(0x7f); // what a longer block before may have left
    kernel.b.fill(0x7f);
    fill(kernel, left.slice(0, count), right.slice(0, count));
    const sums = kernel.sums(count);
    const sum = (x: Uint16Array, y: Uint16Array) =>
      x.slice(0, count).reduce((total, code, i) => total + value(code) * value(y[i]!), 0);
    for (const [found, expected] of [[sums.aa, sum(left, left)], [sums.bb, sum(right, right)]]) {
      expect(Math.abs(found! - expected!)).toBeLessThanOrEqual(expected! * 1e-13);
    }
    expect(Math.abs(sums.ab - sum(left, right))).toBeLessThanOrEqual(Math.sqrt(sums.aa * sums.bb) * 1e-13);
  }));
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
  expect(isNaNCode(new Uint16Array(kernel.combine(1, 1, 1).slice().buffer)[0]!)).toBe(true);
  fill(kernel, left, right);
  const sums = kernel.sums(2);
  expect([sums.aa, sums.bb, sums.ab]).toEqual([Infinity, NaN, NaN]);
});
