import { expect } from "@std/expect";
import fc from "fast-check";
import { bfloat16FromBits, decodeBfloat16, encodeBfloat16 } from "../../src/tensor/bfloat16.ts";
import { fromFloat32, roundTo, toFloat32 } from "../../src/tensor/convert.ts";
import { bytesPerElement, type FloatDtype } from "../../src/tensor/dtype.ts";
import { float16FromBits, float16ToNumber } from "../../src/tensor/float16.ts";
import { float8FromBits, float8ToNumber } from "../../src/tensor/float8.ts";
import { quantizeRows } from "../../src/tensor/row_quantize.ts";
import { floats, loadTensors } from "../support/safetensors.ts";

const FP8 = new URL("../fixtures/fp8/", import.meta.url).pathname;
const readJson = async (name: string) => JSON.parse(await Deno.readTextFile(FP8 + name));

function bitsOf(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0]!;
}

Deno.test("float8FromBits() equals the golden table", async () => {
  for (const { f32_bits, byte } of await readJson("e4m3fn-encode.json")) {
    expect([f32_bits, float8FromBits(Number(f32_bits))]).toEqual([f32_bits, byte]);
  }
});

Deno.test("float8ToNumber() equals the golden table", async () => {
  const golden: (number | string | null)[] = await readJson("e4m3fn-decode.json");
  expect(golden.length).toBe(256);
  golden.forEach((value, code) => {
    const found = float8ToNumber(code);
    if (typeof value === "number") expect([code, Object.is(found, value)]).toEqual([code, true]);
    else expect([code, found]).toEqual([code, NaN]);
  });
});

Deno.test("quantizeRows() equals the golden codes and scales bit for bit", async () => {
  const golden = await loadTensors(FP8 + "row-quant.safetensors");
  const [rows] = golden.get("weight")!.shape as [number, number];
  const { codes, scales } = quantizeRows(floats(golden.get("weight")!), rows);
  expect(codes).toEqual(golden.get("quantized")!.bytes);
  expect(new Uint8Array(scales.buffer)).toEqual(golden.get("scale")!.bytes);
  const columns = codes.length / rows;
  const dequantized = Float32Array.from(
    codes,
    (code, i) => float8ToNumber(code) * scales[Math.floor(i / columns)]!,
  );
  expect(new Uint8Array(dequantized.buffer)).toEqual(golden.get("dequantized")!.bytes);
});

Deno.test("quantizeRows() gives a row too small for a scale, and one of zeros, scale 1", () => {
  const { codes, scales } = quantizeRows(Float32Array.of(2 ** -149, 0, 0, -0), 2);
  expect([...scales]).toEqual([1, 1]);
  expect([...codes]).toEqual([0, 0, 0, 0x80]);
});

// Every code decodes and encodes to itself; every other float32 must go to the nearer neighbour, ties to the even code.
const ENCODERS: readonly [string, (bits: number) => number, (code: number) => number, number][] = [
  ["float16FromBits()", float16FromBits, float16ToNumber, 0x7c00],
  ["float8FromBits()", float8FromBits, float8ToNumber, 0x7f],
  [
    "bfloat16FromBits()",
    bfloat16FromBits,
    (code) => new Float32Array(Uint32Array.of(code << 16).buffer)[0]!,
    0x7f80,
  ],
];
for (const [name, encode, decode, firstSpecial] of ENCODERS) {
  Deno.test(`${name} keeps every representable value`, () => {
    for (let code = 0; code < firstSpecial; code++) {
      const bits = bitsOf(decode(code));
      if (encode(bits) !== code) expect([code, encode(bits)]).toEqual([code, code]);
    }
  });

  Deno.test(`${name} rounds midpoints to even and everything else to the nearer code`, () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: firstSpecial - 2 }),
        fc.integer({ min: 1, max: 5 }),
        (code, ulps) => {
          const [low, high] = [decode(code), decode(code + 1)];
          const middle = bitsOf((low + high) / 2); // representable: float32 has more mantissa bits
          expect(encode(middle)).toBe(code % 2 === 0 ? code : code + 1);
          expect(encode(middle + ulps)).toBe(code + 1);
          expect(encode(middle - ulps)).toBe(code);
        },
      ),
      { examples: [[0, 1], [firstSpecial - 2, 1]] },
    );
  });

  Deno.test(`${name} keeps signs and NaN`, () => {
    fc.assert(fc.property(fc.float({ noNaN: true }), (value) => {
      const sign = firstSpecial > 0xff ? 0x8000 : 0x80;
      expect(encode(bitsOf(-value)) ^ encode(bitsOf(value))).toBe(sign);
    }));
    expect(decode(encode(0x7fc00000))).toBe(NaN);
    expect(decode(encode(0x7f800001))).toBe(NaN);
    expect(decode(encode(0xff800001))).toBe(NaN);
  });
}

Deno.test("float16FromBits() and bfloat16FromBits() overflow to infinity, float8FromBits() saturates", () => {
  expect(float16ToNumber(float16FromBits(bitsOf(65519.99)))).toBe(65504);
  expect(float16ToNumber(float16FromBits(bitsOf(65520)))).toBe(Infinity);
  expect(bfloat16FromBits(bitsOf(3.4028234663852886e38))).toBe(0x7f80);
  expect(float8ToNumber(float8FromBits(bitsOf(-Infinity)))).toBe(-448);
});

Deno.test("toFloat32() and fromFloat32() round-trip bytes of every float dtype, aligned or not", () => {
  const cases: [FloatDtype, number][] = [["BF16", 2], ["F16", 2], ["F32", 4], ["F8_E4M3", 1]];
  for (const [dtype, size] of cases) {
    const values = Float32Array.of(0, 1, -1.5, 0.25, -448, 2 ** -6);
    const bytes = new Uint8Array(values.length * size + 1);
    expect(fromFloat32(dtype, values, bytes)).toBe(values.length * size);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const decoded = new Float32Array(values.length);
    expect(toFloat32(dtype, shifted.subarray(1, 1 + values.length * size), decoded)).toBe(values.length);
    expect(decoded).toEqual(values);
  }
  expect(() => toFloat32("F32", new Uint8Array(8), new Float32Array(1))).toThrow(RangeError);
  expect(() => fromFloat32("F32", new Float32Array(2), new Uint8Array(7))).toThrow(RangeError);
});

Deno.test("roundTo() makes values representable and is idempotent", () => {
  const scratch = new Uint8Array(4);
  for (const dtype of ["BF16", "F16", "F8_E4M3"] as const) {
    fc.assert(fc.property(fc.float(), (value) => {
      const once = Float32Array.of(value);
      roundTo(dtype, once, scratch);
      const twice = once.slice();
      roundTo(dtype, twice, scratch);
      expect(twice).toEqual(once);
    }));
  }
});

Deno.test("decodeBfloat16() and encodeBfloat16() are inverse on all codes but NaN", () => {
  const codes = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const values = new Float32Array(65536);
  decodeBfloat16(codes, values);
  const back = new Uint16Array(65536);
  encodeBfloat16(values, back);
  for (let i = 0; i < 65536; i++) if (!Number.isNaN(values[i]!) && back[i] !== i) expect(back[i]).toBe(i);
});

Deno.test("roundTo() gives what encoding and decoding gives, whatever the values", () => {
  const values = fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(values, fc.constantFrom<FloatDtype>("BF16", "F16", "F8_E4M3", "F32"), (bits, dtype) => {
      const given = new Float32Array(Uint32Array.from(bits).buffer);
      const bytes = new Uint8Array(given.length * bytesPerElement(dtype));
      const wanted = new Float32Array(given.length);
      fromFloat32(dtype, given, bytes);
      toFloat32(dtype, bytes, wanted);
      const found = Float32Array.from(given);
      roundTo(dtype, found, new Uint8Array(bytes.length));
      expect([...found]).toEqual([...wanted]);
    }),
  );
});
