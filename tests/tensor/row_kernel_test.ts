// The WebAssembly loops against the plain ones: every value of the 16-bit types, and arbitrary bits, lengths and scales.
import { expect } from "@std/expect";
import fc from "fast-check";
import { BLOCK_ELEMENTS, toFloat32 } from "../../src/tensor/convert.ts";
import { bytesPerElement, type WeightDtype } from "../../src/tensor/dtype.ts";
import { RowKernel } from "../../src/tensor/row_kernel.ts";
import { quantizeRow } from "../../src/tensor/row_quantize.ts";
import { runs } from "../support/properties.ts";

const kernel = new RowKernel();

/** Holds the kernel to quantizeRow(); a NaN of binary16 may lose its sign on the way through float32. */
function check(dtype: WeightDtype, row: Uint8Array): void {
  const values = new Float32Array(row.byteLength / bytesPerElement(dtype));
  toFloat32(dtype, row, values);
  const expected = new Uint8Array(values.length);
  const scale = quantizeRow(values, expected);
  const codes = new Uint8Array(values.length).fill(0xaa);
  expect(Object.is(kernel.quantize(dtype, row, codes), scale)).toBe(true);
  const isNaN = (code: number) => (code & 0x7f) === 0x7f;
  expect(kernel.sawNaN).toBe(expected.some(isNaN));
  for (let i = 0; i < codes.length; i++) {
    const same = dtype === "F16" && isNaN(codes[i]!) ? isNaN(expected[i]!) : codes[i] === expected[i];
    if (!same) throw new Error(`Code ${i} of ${dtype} ${values[i]} is ${codes[i]}, expected ${expected[i]}`);
  }
}

const bytesOf = (values: Uint16Array | Uint32Array | Float32Array) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

for (const dtype of ["BF16", "F16"] as const) {
  Deno.test(`RowKernel.quantize() is exact for every ${dtype} value under many scales`, () => {
    const all = Uint16Array.from({ length: 65536 }, (_, code) => code);
    check(dtype, bytesOf(all));
    // Rows whose largest magnitude is small to large, so that quotients fall everywhere in the range of a code.
    const finite = dtype === "BF16" ? 0x7f80 : 0x7c00;
    for (let most = 1; most < finite; most += dtype === "BF16" ? 397 : 331) {
      const magnitudes = Uint16Array.from({ length: most + 1 }, (_, code) => code | (code % 2) << 15);
      check(dtype, bytesOf(magnitudes));
    }
  });
}

Deno.test("RowKernel.quantize() equals quantizeRow() for arbitrary float32 bits", () => {
  const anyBits = fc.uint32Array({ minLength: 1, maxLength: 100 });
  const near = fc.array(fc.float({ min: -1, max: 1 }), { minLength: 1, maxLength: 100 });
  fc.assert(fc.property(anyBits, (bits) => check("F32", bytesOf(bits))), { numRuns: runs(500) });
  fc.assert(fc.property(near, (row) => check("F32", bytesOf(Float32Array.from(row)))), {
    numRuns: runs(500),
  });
});

Deno.test("RowKernel.quantize() rounds the quotient to float32 first, and ties to even", () => {
  // With 448 in the row the scale is 1: every float32 around every tie between two codes comes up.
  const values = [448, -448];
  const bits = new Uint32Array(1);
  const single = new Float32Array(bits.buffer);
  for (let code = 0; code < 0x7e; code++) {
    const at = (code: number) => code < 8 ? code * 2 ** -9 : (8 + code % 8) * 2 ** ((code >> 3) - 10);
    single[0] = (at(code) + at(code + 1)) / 2;
    for (const shift of [-1, 0, 1]) {
      const word = bits[0]!;
      bits[0] = word + shift;
      values.push(single[0]!, -single[0]!);
      bits[0] = word;
    }
  }
  check("F32", bytesOf(Float32Array.from(values)));
});

Deno.test("RowKernel.quantize() takes rows of any length, blocks and a rest", () => {
  for (const dtype of ["BF16", "F16", "F32"] as const) {
    for (const length of [1, 15, 16, 17, BLOCK_ELEMENTS - 1, BLOCK_ELEMENTS, 2 * BLOCK_ELEMENTS + 5]) {
      const values = Float32Array.from({ length }, (_, i) => Math.sin(i * i) * (1 + i / length));
      const row = dtype === "F32"
        ? bytesOf(values)
        // Any bits of small magnitude will do.
        : bytesOf(Uint16Array.from(values, (value) => 0x3000 + Math.floor(value * 2000)));
      check(dtype, row);
    }
  }
});

Deno.test("RowKernel.hasNaN() finds a NaN code anywhere", () => {
  for (const length of [1, 16, 33, 300_000]) {
    const codes = new Uint8Array(length).fill(0x7e);
    expect(kernel.hasNaN(codes)).toBe(false);
    for (const [place, code] of [[0, 0x7f], [length - 1, 0xff]] as const) {
      const spoiled = codes.slice();
      spoiled[place] = code;
      expect(kernel.hasNaN(spoiled)).toBe(true);
    }
  }
});

Deno.test("RowKernel.checksum() changes with any word, its place and the length", () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i * i);
  const sum = kernel.checksum(bytes);
  expect(kernel.checksum(bytes.slice())).toBe(sum);
  expect(kernel.checksum(bytes.subarray(0, 999))).not.toBe(sum);
  for (let i = 0; i < bytes.length; i++) {
    const spoiled = bytes.slice();
    spoiled[i]! ^= 1 << i % 8;
    expect(kernel.checksum(spoiled)).not.toBe(sum);
  }
  const swapped = bytes.slice();
  swapped.copyWithin(0, 16, 32);
  swapped.set(bytes.subarray(0, 16), 16);
  expect(kernel.checksum(swapped)).not.toBe(sum);
});
