/** Rows quantized on the device: the oracle's codes, and bit for bit those of the loops that run on the host. */
import { expect } from "@std/expect";
import fc from "fast-check";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { FP8_SCALE_FACTOR } from "../../src/kernels/linear.ts";
import { NO_ROW, quantizeRows } from "../../src/kernels/quantize_rows.ts";
import { toFloat32 } from "../../src/tensor/convert.ts";
import { bytesPerElement, type WeightDtype } from "../../src/tensor/dtype.ts";
import { RowKernel } from "../../src/tensor/row_kernel.ts";
import { gpuTest } from "../gpu/device.ts";
import { readSafetensors } from "../oracle/checkpoint.ts";
import { quantizeRows as quantizeRowsOracle } from "../oracle/fp8.ts";
import { padded, runKernel } from "./harness.ts";
import { runs } from "../support/properties.ts";

const VARIANTS = { BF16: "raw_bf16", F16: "raw_f16", F32: "raw_f32" } as const;

interface Rows {
  readonly dtype: WeightDtype;
  readonly columns: number;
  /** As a file has them, one after the other. */
  readonly bytes: Uint8Array;
}

interface Quantized {
  /** Per packed row, padding included. */
  readonly codes: Uint8Array;
  /** Bits of (scale, bias) per packed row. */
  readonly channels: Uint32Array;
}

/** Packed rows in the order of `places`; `firstRow` rows before them, and the biases, must stay as they are. */
async function quantize(
  device: GpuDevice,
  { dtype, columns, bytes }: Rows,
  { places = everyRow(bytes, dtype, columns), firstRow = 0, WORKGROUP = 64 } = {},
): Promise<Quantized> {
  const words = padded(columns) / 4;
  const rows = firstRow + places.length;
  const initial = new Float32Array(rows * 2).fill(0.5);
  const { codes, channels } = await runKernel(
    device,
    quantizeRows,
    { libs: { raw: VARIANTS[dtype] }, overrides: { WORKGROUP } },
    {
      source: bytes,
      places: Uint32Array.from(places),
      codes: { elements: rows * words, initial: new Float32Array(rows * words) },
      channels: { elements: rows * 2, initial },
    },
    { firstRow, rows: places.length, inputs: columns, groups: words / 4 },
  );
  return {
    codes: new Uint8Array(codes!.buffer, 0, rows * words * 4),
    channels: new Uint32Array(channels!.buffer, 0, rows * 2),
  };
}

function everyRow(bytes: Uint8Array, dtype: WeightDtype, columns: number): number[] {
  const rows = bytes.byteLength / (columns * bytesPerElement(dtype));
  return Array.from({ length: rows }, (_, row) => row * columns);
}

const bitsOf = (value: number) => new Uint32Array(Float32Array.of(value).buffer)[0]!;
const host = new RowKernel();

/** Holds the device to what the host gives: every code, sign of NaN included, and every scale. */
async function check(device: GpuDevice, rows: Rows, options: { WORKGROUP?: number } = {}): Promise<void> {
  const { dtype, columns, bytes } = rows;
  const found = await quantize(device, rows, options);
  const rowBytes = columns * bytesPerElement(dtype);
  const expected = new Uint8Array(columns);
  for (let row = 0; row * rowBytes < bytes.byteLength; row++) {
    const source = bytes.subarray(row * rowBytes, (row + 1) * rowBytes);
    const scale = host.quantize(dtype, source, expected);
    const channel = bitsOf(host.sawNaN ? NaN : scale * FP8_SCALE_FACTOR);
    if (found.channels[row * 2] !== channel) {
      throw new Error(`Row ${row} of ${dtype}: scale ${found.channels[row * 2]}, expected ${channel}`);
    }
    const codes = found.codes.subarray(row * padded(columns), (row + 1) * padded(columns));
    for (let i = 0; i < columns; i++) {
      if (codes[i] === expected[i]) continue;
      const values = new Float32Array(columns);
      toFloat32(dtype, source, values);
      throw new Error(
        `Row ${row}, code ${i} of ${dtype} ${values[i]} / ${scale} is ${codes[i]}, expected ${expected[i]}`,
      );
    }
    expect(codes.subarray(columns).every((code) => code === 0)).toBe(true);
  }
}

const bytesOf = (values: Uint16Array | Uint32Array | Float32Array) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

gpuTest("quantize_rows gives the golden codes and scales", async (device) => {
  const golden = await readSafetensors(new URL("../fixtures/fp8/row-quant.safetensors", import.meta.url));
  const { shape: [rows, columns], bytes } = golden.get("weight")!;
  const found = await quantize(device, { dtype: "BF16", columns: columns!, bytes });
  const scales = new Float32Array(golden.get("scale")!.bytes.buffer);
  const codes = golden.get("quantized")!.bytes;
  for (let row = 0; row < rows!; row++) {
    expect(found.channels[row * 2]).toBe(bitsOf(scales[row]! * FP8_SCALE_FACTOR));
    expect(found.codes.subarray(row * padded(columns!), row * padded(columns!) + columns!))
      .toEqual(codes.subarray(row * columns!, (row + 1) * columns!));
  }
});

gpuTest("quantize_rows equals the oracle on rows of a trained model's magnitudes", async (device) => {
  const columns = 611;
  const values = Float32Array.from({ length: 5 * columns }, (_, i) => Math.sin(i * i) * 0.02 ** (1 + i % 3));
  const expected = quantizeRowsOracle(values, 5);
  const found = await quantize(device, { dtype: "F32", columns, bytes: bytesOf(values) });
  for (let row = 0; row < 5; row++) {
    expect(found.codes.subarray(row * padded(columns), row * padded(columns) + columns))
      .toEqual(expected.bytes.subarray(row * columns, (row + 1) * columns));
    expect(found.channels[row * 2]).toBe(bitsOf(expected.scales[row]! * FP8_SCALE_FACTOR));
  }
});

for (const dtype of ["BF16", "F16"] as const) {
  gpuTest(`quantize_rows is exact for every ${dtype} value under many scales`, async (device) => {
    const all = Uint16Array.from({ length: 65536 }, (_, code) => code);
    await check(device, { dtype, columns: all.length, bytes: bytesOf(all) });
    // Rows that end in ever larger magnitudes, so that quotients fall everywhere in the range of a code. The number
    // of columns is odd: every other row begins in the middle of a word.
    const columns = 4097;
    const ends = Array.from(
      { length: 61 },
      (_, i) => Math.floor((dtype === "BF16" ? 0x7f7f : 0x7bff) * (i + 1) / 61),
    );
    const codes = Uint16Array.from(
      ends.flatMap((end) => Array.from({ length: columns }, (_, i) => Math.max(0, end - i) | (i % 2) << 15)),
    );
    await check(device, { dtype, columns, bytes: bytesOf(codes) });
  });
}

gpuTest("quantize_rows equals the host for arbitrary float32 bits", async (device) => {
  const rows = fc.integer({ min: 1, max: 70 }).chain((columns) =>
    fc.record({
      columns: fc.constant(columns),
      WORKGROUP: fc.constantFrom(1, 2, 64),
      bits: fc.array(
        fc.oneof(
          fc.uint32Array({ minLength: columns, maxLength: columns }),
          fc.float32Array({ minLength: columns, maxLength: columns, noNaN: true, min: -2, max: 2 }),
          // Subnormal all of them.
          fc.uint32Array({ minLength: columns, maxLength: columns, max: 0x7fffff }),
        ).map((row) => Array.from(new Uint32Array(row.buffer, row.byteOffset, columns))),
        { minLength: 1, maxLength: 12 },
      ),
    })
  );
  await fc.assert(
    fc.asyncProperty(rows, async ({ columns, bits, WORKGROUP }) => {
      const bytes = bytesOf(Uint32Array.from(bits.flat()));
      await check(device, { dtype: "F32", columns, bytes }, { WORKGROUP });
    }),
    { numRuns: runs(40) },
  );
});

gpuTest("quantize_rows rounds to float32 before it rounds to a code, and ties to even", async (device) => {
  // Around each midpoint between two codes, under scales whose quotients are exact, rounded, huge and subnormal.
  const at = (code: number) => code < 8 ? code * 2 ** -9 : (8 + code % 8) * 2 ** ((code >> 3) - 10);
  const largest = [448, 447.99996948, 1, 0.0123, 3.4e38, 448 * 2 ** -126, 2 ** -126, 5e-41, 3 * 2 ** -149, 0];
  const random = Array.from(
    { length: 50 },
    (_, i) => Math.fround(Math.abs(Math.sin(i * i + 1)) * 10 ** (i % 9 - 5)),
  );
  const columns = 1 + 126 * 2 * 9;
  const rows = [...largest, ...random].map((most) => {
    const scale = Math.fround(Math.fround(most) / 448) || 1;
    const row = new Float32Array(columns);
    const bits = new Uint32Array(row.buffer);
    row[0] = most;
    let next = 1;
    for (let code = 0; code < 126; code++) {
      for (let ulps = -4; ulps <= 4; ulps++) {
        for (const sign of [0, 0x80000000]) {
          row[next] = (at(code) + at(code + 1)) / 2 * scale;
          bits[next] = Math.max(0, bits[next]! + ulps) + sign;
          next++;
        }
      }
    }
    return row;
  });
  const bytes = new Uint8Array(rows.length * columns * 4);
  rows.forEach((row, i) => bytes.set(bytesOf(row), i * columns * 4));
  await check(device, { dtype: "F32", columns, bytes });
});

gpuTest(
  "quantize_rows keeps the sign of zero, and one NaN or infinity spoils its row's scale",
  async (device) => {
    const nan = new Float32Array(Uint32Array.of(0xffc00001).buffer)[0]!;
    const rows = [
      [0, -0, 0, -0, 0],
      [-0, -0, -0, -0, -0],
      [1, -2, NaN, 0, -0],
      [1, -2, 3, Infinity, -0],
      [-Infinity, -2, 3, nan, -0],
      [NaN, NaN, NaN, NaN, NaN],
      [2 ** -149, -(2 ** -149), 0, 0, 0],
      [3.4028234663852886e38, -3.4028234663852886e38, 1, 2 ** -149, 0],
    ];
    const bytes = bytesOf(Float32Array.from(rows.flat()));
    new Uint32Array(bytes.buffer)[23] = 0xffc00001; // Typed arrays may give a NaN other bits.
    await check(device, { dtype: "F32", columns: 5, bytes });
    const { channels } = await quantize(device, { dtype: "F32", columns: 5, bytes });
    expect([...new Float32Array(channels.buffer, 0, 16)].filter((_, i) => i % 2 === 0).map(Number.isNaN))
      .toEqual([false, false, true, true, true, true, false, false]);
  },
);

for (const dtype of ["BF16", "F32"] as const) {
  gpuTest(
    `quantize_rows puts ${dtype} rows where the layout has them and leaves the others`,
    async (device) => {
      for (const columns of [1, 3, 16, 29]) {
        const elements = 6 * columns + 1;
        const values = Float32Array.from({ length: elements }, (_, i) => Math.cos(i * i));
        const narrow = Uint16Array.from(new Uint32Array(values.buffer), (bits) => bits >>> 16);
        const bytes = bytesOf(dtype === "F32" ? values : narrow);
        // From an odd element on, backwards, one twice and one not at all.
        const places = [5, 3, 3, 0].map((row) => 1 + row * columns);
        const found = await quantize(device, { dtype, columns, bytes }, {
          places: [...places, NO_ROW],
          firstRow: 3,
        });
        const size = bytesPerElement(dtype);
        const expected = new Uint8Array(columns);
        const stride = padded(columns);
        expect(found.codes.subarray(0, 3 * stride).every((code) => code === 0)).toBe(true);
        for (const [index, place] of places.entries()) {
          const row = bytes.slice(place * size, (place + columns) * size);
          const scale = host.quantize(dtype, row, expected);
          const at = (3 + index) * stride;
          expect(found.codes.subarray(at, at + columns)).toEqual(expected);
          expect(found.codes.subarray(at + columns, at + stride).every((code) => code === 0)).toBe(true);
          expect(found.channels[(3 + index) * 2]).toBe(bitsOf(scale * FP8_SCALE_FACTOR));
        }
        expect(found.codes.subarray(7 * stride).every((code) => code === 0)).toBe(true);
        const terms = new Float32Array(found.channels.buffer, 0, 16);
        expect([...terms.subarray(0, 6)]).toEqual(Array(6).fill(0.5));
        expect(terms[14]).toBe(1);
        expect([7, 9, 11, 13, 15].map((i) => terms[i])).toEqual(Array(5).fill(0.5));
      }
    },
  );
}
