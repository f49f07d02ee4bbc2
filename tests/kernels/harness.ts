/**
 * Runs one kernel over plain arrays. Outputs start as NaN and end in canaries that no kernel may touch, since robust
 * buffer access would hide a stray write. Also packs weights as the kernels read them, by a way of its own.
 */
import { expect } from "@std/expect";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { StepEncoder } from "../../src/gpu/encoder.ts";
import type { KernelDeclaration, KernelVariant } from "../../src/gpu/kernel.ts";
import { ParamsArena } from "../../src/gpu/params.ts";
import { ReadbackRing } from "../../src/gpu/readback.ts";
import {
  FP8_SCALE_FACTOR,
  type LinearTuning,
  linearVariant,
  takesRow,
  type WeightFormat,
} from "../../src/kernels/linear.ts";
import { fitShape, portableTuning, subgroupTuning, variantFor } from "../../src/kernels/tuning.ts";
import { subgroupSize } from "../gpu/device.ts";
import { type Matrix, matrix } from "../oracle/ops.ts";
import { quantizeRows } from "../oracle/fp8.ts";

type Words = Uint8Array | Uint16Array | Uint32Array | Float16Array | Float32Array;

/** An output of so many elements; `initial` for one that is also read, or whose untouched parts must stay. */
export interface Output {
  readonly elements: number;
  readonly type?: "f32" | "f16";
  readonly initial?: ArrayLike<number>;
}

/** What a linear kernel is told of its step: there are rows to compute. */
export const LIVE = Uint32Array.of(1);

/** Not a NaN: adding to one leaves its bits as they are. */
const CANARY = 0x12345678;
const CANARY_WORDS = 64;

/** Dispatches once; the contents of every output as f32. */
export async function runKernel<B extends string, P extends string, O extends string>(
  device: GpuDevice,
  kernel: KernelDeclaration<B, P, O>,
  variant: NoInfer<KernelVariant<O>>,
  buffers: NoInfer<Readonly<Record<B, Words | Output>>>,
  params: NoInfer<Readonly<Record<P, number>>>,
): Promise<Partial<Record<B, Float32Array>>> {
  using owned = new DisposableStack();
  const compiled = await device.compile(kernel, variant);
  const parts = Object.entries<Words | Output>(buffers).map(([name, content]) => {
    const bytes = ArrayBuffer.isView(content) ? toBytes(content) : outputBytes(content);
    const { STORAGE, UNIFORM, COPY_DST, COPY_SRC } = GPUBufferUsage;
    const kind = kernel.bindings[name as B] === "uniform" ? UNIFORM : STORAGE;
    const usage = kind | COPY_DST | COPY_SRC;
    const buffer = owned.use(device.createBuffer({ label: name, bytes: bytes.byteLength, usage }));
    device.handle.queue.writeBuffer(buffer.handle, 0, bytes);
    return { name: name as B, content, buffer };
  });
  const bound = compiled.bind(
    Object.fromEntries(parts.map(({ name, buffer }) => [name, buffer])) as Record<
      B,
      typeof parts[0]["buffer"]
    >,
  );
  const arena = owned.use(new ParamsArena(device, 1));
  const outputs = parts.flatMap(({ name, content, buffer }) =>
    ArrayBuffer.isView(content) ? [] : [{ name, content, buffer }]
  );
  // One for all: each that is made sleeps 10 ms, see readback.ts, which tests of many dispatches would mostly wait for.
  const total = outputs.reduce((sum, { buffer }) => sum + buffer.bytes, 0);
  const ring = owned.use(await ReadbackRing.create(device, { depth: 1, bytes: total }));
  const step = new StepEncoder(device, arena);
  step.dispatch(bound, params);
  const [first, ...others] = outputs.map(({ buffer }) => buffer);
  let ticket = ring.enqueue(step, first!, 0, first!.bytes);
  for (const source of others) {
    ticket = ring.append(ticket, step, { source, offset: 0, bytes: source.bytes });
  }
  step.submit();
  const all = await ring.read(ticket);
  const result: Partial<Record<B, Float32Array>> = {};
  let end = 0;
  for (const { name, content, buffer } of outputs) {
    const bytes = all.slice(end, end += buffer.bytes);
    const tail = new Uint32Array(bytes, bytes.byteLength - CANARY_WORDS * 4);
    expect(tail.every((word) => word === CANARY)).toBe(true);
    result[name] = content.type === "f16"
      ? Float32Array.from(new Float16Array(bytes, 0, content.elements))
      : new Float32Array(bytes, 0, content.elements);
  }
  return result;
}

function toBytes(words: Words): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.max(4, Math.ceil(words.byteLength / 4) * 4));
  bytes.set(new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
  return bytes;
}

function outputBytes({ elements, type = "f32", initial }: Output): Uint8Array<ArrayBuffer> {
  const size = type === "f16" ? 2 : 4;
  const used = Math.ceil(elements * size / 4) * 4;
  const bytes = new Uint8Array(used + CANARY_WORDS * 4);
  const values = type === "f16"
    ? new Float16Array(bytes.buffer, 0, used / 2)
    : new Float32Array(bytes.buffer, 0, used / 4);
  if (initial === undefined) values.fill(NaN);
  else values.set(initial);
  new Uint32Array(bytes.buffer, used).fill(CANARY);
  return bytes;
}

/** Values whose worst deviation from `expected` is a tolerance or less; the failure says where and how much. */
export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  let index = 0;
  let worst = -1;
  for (let i = 0; i < expected.length; i++) {
    const error = Object.is(actual[i], expected[i]) ? 0 : Math.abs(actual[i]! - expected[i]!);
    if (!(error <= worst)) [index, worst] = [i, Number.isNaN(error) ? Infinity : error];
  }
  if (worst > tolerance) {
    throw new Error(
      `Element ${index} of ${expected.length} is ${actual[index]}, expected ${
        expected[index]
      } ± ${tolerance}`,
    );
  }
}

/** Rows, columns and tokens that hit no tile, lane or group evenly, and some that do. */
export const SHAPES = [
  { rows: 1, outputs: 1, inputs: 1 },
  { rows: 1, outputs: 7, inputs: 13 },
  { rows: 2, outputs: 33, inputs: 17 },
  { rows: 5, outputs: 64, inputs: 128 },
  { rows: 9, outputs: 67, inputs: 611 },
] as const;

/** Of the device that tests run on. */
export const SUBGROUP = subgroupSize ?? 8;
const withSubgroups = subgroupTuning(SUBGROUP).matrices.output;

/** Of several rows; for a single one see row_core_test. */
const several = subgroupTuning(SUBGROUP).halves!.output.decode.filter((tuning) => !takesRow(tuning));
const halves = {
  decode: [{ core: "core_subgroup_f16", WORKGROUP: 4 * SUBGROUP, LANES: SUBGROUP } as const, ...several],
};

/** Every way to run a linear kernel, by the rows at once; all must be right on every device. */
export const TUNINGS: Readonly<Record<string, readonly LinearTuning[]>> = {
  software: portableTuning(true).matrices.output.decode,
  "a GPU without subgroups": portableTuning(false).matrices.output.decode,
  subgroups: withSubgroups.decode,
  "split subgroups": withSubgroups.decode.map((tuning) => ({
    ...tuning,
    LANES: 2 * SUBGROUP,
    SPLIT: 2,
    UNROLL: 2,
    PAIRS: 1,
  })),
  ...Object.fromEntries(withSubgroups.prompt.map((tuning, index) => [`tiles (${index + 1})`, [tuning]])),
};

/** Every way to run a linear kernel in FP8 whose inputs lie as products in pairs of f16 want them. */
export const HALF_TUNINGS: Readonly<Record<string, readonly LinearTuning[]>> = {
  "pairs of f16": halves.decode,
  "pairs of f16, two subgroups a product": [1, 2, 4, 8].map((TOKENS) => ({
    core: "core_subgroup_f16",
    WORKGROUP: 4 * SUBGROUP,
    LANES: 2 * SUBGROUP,
    SPLIT: 2,
    TOKENS,
    PAIRS: Math.min(2, SUBGROUP / TOKENS),
  })),
};

/** The variant that a model would run so many rows of so many inputs with. */
export function variantOf(
  format: WeightFormat,
  variants: readonly LinearTuning[],
  rows: number,
  inputs: number,
): ReturnType<typeof linearVariant> {
  return linearVariant(
    format,
    fitShape(variants[variantFor(variants, { rows, pairs: 1 })]!, { groups: padded(inputs) / 16, pairs: 1 }),
  );
}

/** Seeded noise in −1 … 1 that f16 and bf16 hold exactly. */
export function noise(count: number, seed: number): Float64Array {
  let state = seed * 2654435761 >>> 0;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 24) - 127.5) / 128;
  });
}

export function noiseMatrix(rows: number, columns: number, seed: number): Matrix {
  return matrix(rows, columns, noise(rows * columns, seed));
}

export const padded = (columns: number) => Math.ceil(columns / 16) * 16;

/** Rows padded with zeros to whole groups of sixteen. */
export function padColumns({ rows, columns, data }: Matrix): Float32Array<ArrayBuffer> {
  const stride = padded(columns);
  const result = new Float32Array(rows * stride);
  for (let row = 0; row < rows; row++) {
    result.set(data.subarray(row * columns, (row + 1) * columns), row * stride);
  }
  return result;
}

export const hiddenPadded = (columns: number) => Math.ceil(columns / 512) * 512;

/** Rows as the residual stream and its gains have them: padded to whole blocks, in their order. */
export function hiddenRows({ rows, columns, data }: Matrix): Float32Array<ArrayBuffer> {
  const stride = hiddenPadded(columns);
  const result = new Float32Array(rows * stride);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < columns; k++) {
      const [block, group, quarter] = [Math.floor(k / 512), Math.floor(k % 512 / 16), Math.floor(k % 16 / 4)];
      result[row * stride + block * 512 + quarter * 128 + group * 4 + k % 4] = data[row * columns + k]!;
    }
  }
  return result;
}

/** Rows as products in pairs of f16 take them: padded to whole blocks, in their order. */
export function halfRows({ rows, columns, data }: Matrix): Float16Array<ArrayBuffer> {
  const stride = hiddenPadded(columns);
  const result = new Float16Array(rows * stride);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < columns; k++) {
      const [block, group, quad] = [Math.floor(k / 512), Math.floor(k % 512 / 16), Math.floor(k % 16 / 4)];
      // Elements 0, 2, 1, 3 of a quad; two quads in a unit; first all first units of a block's groups.
      const unit = block * 64 + (quad >> 1) * 32 + group;
      result[row * stride + unit * 8 + quad % 2 * 4 + [0, 2, 1, 3].indexOf(k % 4)] = data[row * columns + k]!;
    }
  }
  return result;
}

export interface PackedWeights {
  readonly weights: Words;
  readonly channels: Float32Array<ArrayBuffer>;
  /** What the packed numbers stand for; differs from the source in fp8. */
  readonly exact: Matrix;
}

/** Packs the rows of a matrix in order; an odd number is completed by a row of zeros. */
export function packWeights(format: WeightFormat, weight: Matrix, bias?: ArrayLike<number>): PackedWeights {
  const rows = Math.ceil(weight.rows / 2) * 2;
  const all = matrix(rows, weight.columns);
  all.data.set(weight.data);
  const { bytes, scales, dequantized } = quantizeRows(all.data, rows);
  const channels = new Float32Array(rows * 2);
  for (let row = 0; row < rows; row++) {
    channels[row * 2] = format === "fp8" ? scales[row]! * FP8_SCALE_FACTOR : 1;
    channels[row * 2 + 1] = bias?.[row] ?? 0;
  }
  const values = padColumns(all);
  const exact = format === "fp8"
    ? matrix(weight.rows, weight.columns, dequantized.subarray(0, weight.data.length))
    : weight;
  switch (format) {
    case "f32":
      return { weights: values, channels, exact };
    case "f16":
      return { weights: Float16Array.from(values), channels, exact };
    case "bf16":
      return { weights: new Uint16Array(values.buffer).filter((_, i) => i % 2 === 1), channels, exact };
    case "fp8": {
      const codes = new Uint8Array(rows * padded(weight.columns));
      for (let row = 0; row < rows; row++) {
        codes.set(
          bytes.subarray(row * weight.columns, (row + 1) * weight.columns),
          row * padded(weight.columns),
        );
      }
      return { weights: codes, channels, exact };
    }
  }
}

/** Rows of two matrices in turn: how gate and up, and the halves of a head, are stored. */
export function interleave(a: Matrix, b: Matrix): Matrix {
  const result = matrix(a.rows * 2, a.columns);
  for (let row = 0; row < a.rows; row++) {
    result.data.set(a.data.subarray(row * a.columns, (row + 1) * a.columns), 2 * row * a.columns);
    result.data.set(b.data.subarray(row * a.columns, (row + 1) * a.columns), (2 * row + 1) * a.columns);
  }
  return result;
}
