/**
 * The two inner loops of SLERP over bfloat16 in WebAssembly SIMD, bit for bit what the loops of slerp.ts give apart from
 * the order of the float64 sums, which is fixed. Data lies in the kernel's own memory: callers read blocks straight
 * into `a` and `b` and take results out of `out`, so nothing is copied. Why not plain TypeScript: see bench/RESULTS.md.
 */
import { BLOCK_ELEMENTS } from "../tensor/convert.ts";
import {
  and,
  assemble,
  bitselect,
  type Code,
  doWhile,
  f32Splat,
  f32x4Add,
  f32x4Mul,
  f32x4Ne,
  f64x2Add,
  f64x2Mul,
  get,
  i32,
  i32Add,
  i32LessThan,
  i32Splat,
  i32x4Add,
  i32x4Shl,
  i32x4ShrU,
  load,
  or,
  promoteHigh,
  promoteLow,
  set,
  store,
  type WasmFunction,
} from "../tensor/wasm.ts";

const BLOCK_BYTES = BLOCK_ELEMENTS * 2;
const A = 0;
const B = BLOCK_BYTES;
const OUT = 2 * BLOCK_BYTES;
const SUMS = 3 * BLOCK_BYTES;
/** Elements of one 128-bit load; blocks are filled up with zeros to a multiple. */
const LANES = 8;

/** Three sums over a block. */
export interface BlockSums {
  readonly aa: number;
  readonly bb: number;
  readonly ab: number;
}

export class SlerpKernel {
  /** Room for a block of either input, as stored. */
  readonly a: Uint8Array;
  readonly b: Uint8Array;
  readonly #out: Uint8Array;
  readonly #lanes: Float64Array;
  readonly #sums: (end: number) => void;
  readonly #combine: (end: number, s0: number, s1: number) => void;

  constructor() {
    const { exports } = new WebAssembly.Instance(slerpModule ??= assemble([sums(), combine()], SUMS + 96));
    const { buffer } = exports.memory as WebAssembly.Memory;
    this.a = new Uint8Array(buffer, A, BLOCK_BYTES);
    this.b = new Uint8Array(buffer, B, BLOCK_BYTES);
    this.#out = new Uint8Array(buffer, OUT, BLOCK_BYTES);
    this.#lanes = new Float64Array(buffer, SUMS, 12);
    this.#sums = exports.sums as (end: number) => void;
    this.#combine = exports.combine as (end: number, s0: number, s1: number) => void;
  }

  /** Of the first `count` elements (at least one) of `a` and `b`, in float64. */
  sums(count: number): BlockSums {
    this.#sums(this.#padded(count) * 2);
    const [aa0, aa1, bb0, bb1, ab0, ab1, aa2, aa3, bb2, bb3, ab2, ab3] = this.#lanes as unknown as number[];
    return {
      aa: aa0! + aa1! + (aa2! + aa3!),
      bb: bb0! + bb1! + (bb2! + bb3!),
      ab: ab0! + ab1! + (ab2! + ab3!),
    };
  }

  /** bfloat16(float32(float32(s0 a) + float32(s1 b))); the view is good until the next call. */
  combine(count: number, s0: number, s1: number): Uint8Array {
    this.#combine(this.#padded(count) * 2, s0, s1);
    return this.#out.subarray(0, count * 2);
  }

  #padded(count: number): number {
    const padded = Math.ceil(count / LANES) * LANES;
    if (padded !== count) {
      this.a.fill(0, count * 2, padded * 2);
      this.b.fill(0, count * 2, padded * 2);
    }
    return padded;
  }
}
let slerpModule: WebAssembly.Module | undefined;

let shared: SlerpKernel | undefined;
/** The kernel of this thread. Nothing is kept in it from one call to the next, so all may use it. */
export function slerpKernel(): SlerpKernel {
  return shared ??= new SlerpKernel();
}

// A register of eight bfloat16 values holds, as four 32-bit words, even elements in the low halves and odd ones in the
// high halves: shifted left by 16, and with the low half cleared, they are two registers of float32.
const evens = (words: Code) => i32x4Shl(words, 16);
const odds = (words: Code) => and(words, i32Splat(0xffff0000 | 0));

/** sums(end): float64 lanes of Σa², Σb², Σab over bytes [0, end) of both inputs. Two chains of each hide latency. */
function sums(): WasmFunction {
  const [end, at, a, b, left, right] = [0, 1, 2, 3, 4, 5];
  const accumulators = [6, 7, 8, 9, 10, 11];
  const add = (sum: number, x: number, y: number) => set(sum, f64x2Add(get(sum), f64x2Mul(get(x), get(y))));
  const quarters = [[evens, promoteLow], [evens, promoteHigh], [odds, promoteLow], [
    odds,
    promoteHigh,
  ]] as const;
  const body = quarters.flatMap(([half, promote], i) => {
    const [aa, bb, ab] = accumulators.slice(i % 2 * 3);
    return [
      ...set(left, promote(half(get(a)))),
      ...set(right, promote(half(get(b)))),
      ...add(aa!, left, left),
      ...add(bb!, right, right),
      ...add(ab!, left, right),
    ];
  });
  return {
    name: "sums",
    parameters: ["i32"],
    locals: ["i32", ...Array<"v128">(4 + accumulators.length).fill("v128")],
    body: [
      ...doWhile([
        ...set(a, load(get(at), A)),
        ...set(b, load(get(at), B)),
        ...body,
        ...set(at, i32Add(get(at), i32(16))),
      ], i32LessThan(get(at), get(end))),
      ...accumulators.flatMap((sum, i) => store(i32(SUMS), get(sum), i * 16)),
    ],
  };
}

/** combine(end, s0, s1): out = s0 a + s1 b over bytes [0, end), rounded to nearest even; a NaN stays one, quiet. */
function combine(): WasmFunction {
  const [end, s0, s1, at, a, b, mixed, rounded, factor0, factor1] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const mix = (half: (words: Code) => Code): Code => [
    ...set(
      mixed,
      f32x4Add(f32x4Mul(get(factor0), half(get(a))), f32x4Mul(get(factor1), half(get(b)))),
    ),
  ];
  const lowestKept = and(i32x4ShrU(get(mixed), 16), i32Splat(1));
  const roundedBits = i32x4Add(i32x4Add(get(mixed), i32Splat(0x7fff)), lowestKept);
  const quiet = or(get(mixed), i32Splat(0x400000));
  const bits = bitselect(quiet, roundedBits, f32x4Ne(get(mixed), get(mixed)));
  return {
    name: "combine",
    parameters: ["i32", "f32", "f32"],
    locals: ["i32", "v128", "v128", "v128", "v128", "v128", "v128"],
    body: [
      ...set(factor0, f32Splat(get(s0))),
      ...set(factor1, f32Splat(get(s1))),
      ...doWhile([
        ...set(a, load(get(at), A)),
        ...set(b, load(get(at), B)),
        ...mix(evens),
        ...set(rounded, i32x4ShrU(bits, 16)),
        ...mix(odds),
        ...store(get(at), or(get(rounded), and(bits, i32Splat(0xffff0000 | 0))), OUT),
        ...set(at, i32Add(get(at), i32(16))),
      ], i32LessThan(get(at), get(end))),
    ],
  };
}
