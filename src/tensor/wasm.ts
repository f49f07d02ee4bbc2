/**
 * A small assembler for WebAssembly SIMD: inner loops are written here in TypeScript, instruction by instruction, and
 * become a module when first used, so that the repository holds no binaries and needs no toolchain. Knows only the
 * instructions that those loops use; validation is left to the engine, which refuses a wrong module when it loads.
 */

/** Bytes of code; an expression leaves its value on the stack. */
export type Code = readonly number[];
export type ValueType = "i32" | "f32" | "v128";

const TYPES: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, v128: 0x7b };
const PAGE_BYTES = 65536;

/** An exported function without results: parameters, then locals, both by index from 0. */
export interface WasmFunction {
  readonly name: string;
  readonly parameters: readonly ValueType[];
  readonly locals: readonly ValueType[];
  readonly body: Code;
}

/** A module with `functions` and a memory of its own, exported as "memory", of at least `memoryBytes`. */
export function assemble(
  functions: readonly WasmFunction[],
  memoryBytes: number,
): WebAssembly.Module {
  const pages = Math.ceil(memoryBytes / PAGE_BYTES);
  const types = functions.map(({ parameters }) => [0x60, ...list(parameters.map((p) => [TYPES[p]])), 0]);
  const exports = functions.map(({ name }, i) => [...text(name), 0, ...unsigned(i)]);
  const bodies = functions.map(({ locals, body }) => {
    const code = [...list(locals.map((local) => [1, TYPES[local]])), ...body, 0x0b];
    return [...unsigned(code.length), ...code];
  });
  return new WebAssembly.Module(Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list(types)),
    ...section(3, list(functions.map((_, i) => unsigned(i)))),
    ...section(5, list([[1, ...unsigned(pages), ...unsigned(pages)]])),
    ...section(7, list([...exports, [...text("memory"), 2, 0]])),
    ...section(10, list(bodies)),
  ]));
}

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)];
export const i32 = (value: number): Code => [0x41, ...signed(value)];
export const f32Const = (value: number): Code => [
  0x43,
  ...new Uint8Array(Float32Array.of(value).buffer),
];
export const i32Add = (a: Code, b: Code): Code => [...a, ...b, 0x6a];
export const i32LessThan = (a: Code, b: Code): Code => [...a, ...b, 0x49];
/** Runs `body` at least once, and again as long as `condition` holds. */
export const doWhile = (body: Code, condition: Code): Code => [
  ...[0x03, 0x40],
  ...body,
  ...condition,
  ...[0x0d, 0],
  0x0b,
];

/** One value in all four lanes. */
export const i32Splat = (value: number): Code => [...i32(value), ...simd(0x11)];
export const f32Splat = (value: Code): Code => [...value, ...simd(0x13)];
export const load = (address: Code, offset = 0): Code => [...address, ...simd(0x00), 4, ...unsigned(offset)];
export const store = (address: Code, value: Code, offset = 0): Code => [
  ...address,
  ...value,
  ...simd(0x0b),
  4,
  ...unsigned(offset),
];
export const i32x4Shl = (value: Code, bits: number): Code => [...value, ...i32(bits), ...simd(0xab)];
export const i32x4ShrU = (value: Code, bits: number): Code => [...value, ...i32(bits), ...simd(0xad)];
export const i32x4Add = binary(0xae);
export const i16x8ShrU = (value: Code, bits: number): Code => [...value, ...i32(bits), ...simd(0x8d)];
export const i16x8Add = binary(0x8e);
/** Below zero it stops at zero. */
export const i16x8SubSaturated = binary(0x93);
export const and = binary(0x4e);
export const or = binary(0x50);
/** Bits of `a` where `mask` has ones, of `b` elsewhere. */
export const bitselect = (a: Code, b: Code, mask: Code): Code => [...a, ...b, ...mask, ...simd(0x52)];
export const xor = binary(0x51);
export const i32x4Sub = binary(0xb1);
export const i32x4Mul = binary(0xb5);
/** The smaller, as signed. */
export const i32x4Min = binary(0xb6);
export const i32x4Eq = binary(0x37);
/** As signed. */
export const i32x4LessThan = binary(0x39);
export const i8x16Eq = binary(0x23);
/** Eight words, signed, to eight unsigned halves; what does not fit becomes the nearest that does. */
export const i16x8NarrowI32x4 = binary(0x86);
/** Sixteen halves, signed, to sixteen unsigned bytes; what does not fit becomes the nearest that does. */
export const i8x16NarrowI16x8 = binary(0x66);
export const f32x4Mul = binary(0xe6);
export const f32x4Div = binary(0xe7);
export const f32x4Add = binary(0xe4);
export const f32x4Ne = binary(0x42);
export const f32x4Abs = (value: Code): Code => [...value, ...simd(0xe0)];
/** `b` where it is larger, else `a`: so `a` where either is NaN. */
export const f32x4PMax = binary(0xeb);
export const f64x2Add = binary(0xf0);
/** Bytes of `a` (0 to 15) and of `b` (16 to 31), one for each of the result's. */
export const shuffle = (a: Code, b: Code, bytes: readonly number[]): Code => [
  ...a,
  ...b,
  ...simd(0x0d),
  ...bytes,
];
/** Even 16-bit lanes of `a`, odd ones of `b`: one instruction on the processors that matter. */
export const i16x8Blend = (a: Code, b: Code): Code =>
  shuffle(a, b, [0, 1, 18, 19, 4, 5, 22, 23, 8, 9, 26, 27, 12, 13, 30, 31]);
/** Lanes 0 and 1 as float64. */
export const promoteLow = (value: Code): Code => [...value, ...simd(0x5f)];
/** Lanes 2 and 3 as float64. */
export const promoteHigh = (value: Code): Code =>
  promoteLow(shuffle(value, value, [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]));

function binary(opcode: number): (a: Code, b: Code) => Code {
  return (a, b) => [...a, ...b, ...simd(opcode)];
}

function simd(opcode: number): Code {
  return [0xfd, ...unsigned(opcode)];
}

function section(id: number, content: Code): Code {
  return [id, ...unsigned(content.length), ...content];
}

function list(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function text(value: string): Code {
  return list([...new TextEncoder().encode(value)].map((byte) => [byte]));
}

/** LEB128. */
function unsigned(value: number): Code {
  const bytes: number[] = [];
  for (; value >= 0x80; value >>>= 7) bytes.push(value & 0x7f | 0x80);
  return [...bytes, value];
}

function signed(value: number): Code {
  const bytes: number[] = [];
  for (; value < -0x40 || value >= 0x40; value >>= 7) bytes.push(value & 0x7f | 0x80);
  return [...bytes, value & 0x7f];
}
