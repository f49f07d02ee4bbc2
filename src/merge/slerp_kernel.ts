/**
 * The two inner loops of SLERP over bfloat16 in WebAssembly SIMD. Data lies in the kernel's own memory: callers read
 * blocks straight into `a` and `b` and take results out of `out`, so nothing is copied. Both results are the same to
 * the bit on every machine, and to what slerp_loops.ts gives. Why not plain TypeScript: see bench/RESULTS.md.
 */
import { BLOCK_ELEMENTS } from "../tensor/convert.ts";
import {
  and,
  assemble,
  type Code,
  doWhile,
  f32Splat,
  f32x4Add,
  f32x4Mul,
  f64x2Add,
  get,
  i16x8Add,
  i16x8Blend,
  i16x8ShrU,
  i16x8SubSaturated,
  i32,
  i32Add,
  i32LessThan,
  i32Splat,
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
import { type BlockSums, combineCodes, wideSums } from "./slerp_loops.ts";

const BLOCK_BYTES = BLOCK_ELEMENTS * 2;
const A = 0;
const B = BLOCK_BYTES;
const OUT = 2 * BLOCK_BYTES;
const RESULTS = 3 * BLOCK_BYTES;
const RESULT_BYTES = 96;
const VECTOR_BYTES = 16;

/**
 * Vectors of eight elements whose products are added up in float32 before they go on in float64. A product of two
 * bfloat16 values is exact in float32 (significands of 8 bits make one of 16), so that only additions round. A term
 * goes through at most 16 of those (15 within its lane, one where even and odd elements meet) and the sum is off by at
 * most 16 × 2^-24 = 2^-20 of the sum of the terms' magnitudes. numpy's pairwise float32 sum, which is mergekit's, rounds
 * a term at least 18 times on its way through 128 elements and once more for each doubling after that. In practice the
 * roundings of many runs cancel, all but the squares': an odd square is 1 modulo 8, and what is cut off is rounded down
 * more often than up. That makes sums of squares 1.4e-8 too small for normally distributed values, a quarter of the
 * step in which the cosine is recorded.
 * Below 2^-126 products are rounded to multiples of 2^-149. That is of no account: norms up to 1e-8 count as 1, so all
 * that a tensor's cosine can be off by is its elements × 2^-150 / 1e-16.
 */
const RUN_VECTORS = 16;
/** Blocks are filled up with zeros to a multiple. */
const RUN_ELEMENTS = RUN_VECTORS * VECTOR_BYTES / 2;
/** Vectors of one turn of the weighted sum. */
const COMBINE_VECTORS = 4;

export class SlerpKernel {
  /** Room for a block of either input, as stored. */
  readonly a: Uint8Array;
  readonly b: Uint8Array;
  readonly #out: Uint8Array;
  readonly #sumLanes: Float64Array;
  readonly #checks: Float32Array;
  readonly #sums: (end: number) => void;
  readonly #combine: (end: number, s0: number, s1: number) => void;

  constructor() {
    const { exports } = new WebAssembly.Instance(
      slerpModule ??= assemble([sums(), combine()], RESULTS + RESULT_BYTES),
    );
    const { buffer } = exports.memory as WebAssembly.Memory;
    this.a = new Uint8Array(buffer, A, BLOCK_BYTES);
    this.b = new Uint8Array(buffer, B, BLOCK_BYTES);
    this.#out = new Uint8Array(buffer, OUT, BLOCK_BYTES);
    this.#sumLanes = new Float64Array(buffer, RESULTS, 12);
    this.#checks = new Float32Array(buffer, RESULTS, 8);
    this.#sums = exports.sums as (end: number) => void;
    this.#combine = exports.combine as (end: number, s0: number, s1: number) => void;
  }

  /**
   * Of the first `count` elements (at least one) of `a` and `b`. Where a product or a run of them is too large for
   * float32, or an element is none, float64 has the word: infinity and NaN get through to the sums and show there.
   */
  sums(count: number): BlockSums {
    this.#sums(this.#padded(count) * 2);
    const lanes = this.#sumLanes as unknown as number[];
    const total = (at: number) => lanes[at]! + lanes[at + 1]! + (lanes[at + 2]! + lanes[at + 3]!);
    const [aa, bb, ab] = [total(0), total(4), total(8)];
    if (Number.isFinite(aa) && Number.isFinite(bb) && Number.isFinite(ab)) return { aa, bb, ab };
    return wideSums(codes(this.a, count), codes(this.b, count));
  }

  /** bfloat16(float32(float32(s0 a) + float32(s1 b))); the view is good until the next call. */
  combine(count: number, s0: number, s1: number): Uint8Array {
    this.#combine(this.#padded(count) * 2, s0, s1);
    const out = this.#out.subarray(0, count * 2);
    // The loop knows no NaN; zero times every result is NaN where one of them is, or infinity.
    if (this.#checks.some(Number.isNaN)) {
      combineCodes(codes(this.a, count), codes(this.b, count), { s0, s1 }, codes(out, count));
    }
    return out;
  }

  #padded(count: number): number {
    const padded = Math.ceil(count / RUN_ELEMENTS) * RUN_ELEMENTS;
    if (padded !== count) {
      this.a.fill(0, count * 2, padded * 2);
      this.b.fill(0, count * 2, padded * 2);
    }
    return padded;
  }
}
let slerpModule: WebAssembly.Module | undefined;

function codes({ buffer, byteOffset }: Uint8Array, count: number): Uint16Array {
  return new Uint16Array(buffer, byteOffset, count);
}

let shared: SlerpKernel | undefined;
/** The kernel of this thread. Nothing is kept in it from one call to the next, so all may use it. */
export function slerpKernel(): SlerpKernel {
  return shared ??= new SlerpKernel();
}

// A register of eight bfloat16 values holds, as four 32-bit words, even elements in the low halves and odd ones in the
// high halves: shifted left by 16, and with the low half cleared, they are two registers of float32. Constants are
// set once: the compiler makes them anew wherever they stand.
const HIGH_HALVES = 0xffff0000 | 0;

/** sums(end): float64 lanes of Σa², Σb², Σab over bytes [0, end) of both inputs, a run at a time. */
function sums(): WasmFunction {
  const [end, at, high, a, b, a0, a1, b0, b1] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const pairs = [[9, a0, a1, a0, a1], [11, b0, b1, b0, b1], [13, a0, a1, b0, b1]] as const;
  const totals = [15, 16, 17, 18, 19, 20];
  const vector = (index: number): Code => {
    const accumulate = (sum: number, x: number, y: number) => {
      const product = f32x4Mul(get(x), get(y));
      return set(sum, index === 0 ? product : f32x4Add(get(sum), product));
    };
    return [
      ...set(a, load(get(at), A + index * VECTOR_BYTES)),
      ...set(b, load(get(at), B + index * VECTOR_BYTES)),
      ...set(a0, i32x4Shl(get(a), 16)),
      ...set(a1, and(get(a), get(high))),
      ...set(b0, i32x4Shl(get(b), 16)),
      ...set(b1, and(get(b), get(high))),
      ...pairs.flatMap(([sum, x0, x1, y0, y1]) => [
        ...accumulate(sum, x0, y0),
        ...accumulate(sum + 1, x1, y1),
      ]),
    ];
  };
  const promoted = pairs.flatMap(([sum], i) => [
    ...set(sum, f32x4Add(get(sum), get(sum + 1))),
    ...set(totals[2 * i]!, f64x2Add(get(totals[2 * i]!), promoteLow(get(sum)))),
    ...set(totals[2 * i + 1]!, f64x2Add(get(totals[2 * i + 1]!), promoteHigh(get(sum)))),
  ]);
  return {
    name: "sums",
    parameters: ["i32"],
    locals: ["i32", ...Array<"v128">(19).fill("v128")],
    body: [
      ...set(high, i32Splat(HIGH_HALVES)),
      ...doWhile([
        ...Array.from({ length: RUN_VECTORS }, (_, index) => vector(index)).flat(),
        ...promoted,
        ...set(at, i32Add(get(at), i32(RUN_VECTORS * VECTOR_BYTES))),
      ], i32LessThan(get(at), get(end))),
      ...totals.flatMap((total, i) => store(i32(RESULTS), get(total), i * VECTOR_BYTES)),
    ],
  };
}

/**
 * combine(end, s0, s1): out = s0 a + s1 b over bytes [0, end), rounded to nearest even where it is a number. With the
 * upper and lower halves of the float32 results apart, each in 16-bit lanes in the order of the elements, it is
 * upper + 1 where lower | (upper & 1) > 0x8000, and that is where one less than it, but not less than zero, has its
 * highest bit set: half of what rounding word by word takes.
 */
function combine(): WasmFunction {
  const [end, s0, s1, at, high, one, factor0, factor1] = [0, 1, 2, 3, 4, 5, 6, 7];
  const [a, b, even, odd, upper, lower, checkEven, checkOdd] = [8, 9, 10, 11, 12, 13, 14, 15];
  const mix = (half: (words: Code) => Code): Code =>
    f32x4Add(f32x4Mul(get(factor0), half(get(a))), f32x4Mul(get(factor1), half(get(b))));
  const vector = (index: number): Code => [
    ...set(a, load(get(at), A + index * VECTOR_BYTES)),
    ...set(b, load(get(at), B + index * VECTOR_BYTES)),
    ...set(even, mix((words) => i32x4Shl(words, 16))),
    ...set(odd, mix((words) => and(words, get(high)))),
    ...set(checkEven, f32x4Mul(get(checkEven), get(even))),
    ...set(checkOdd, f32x4Mul(get(checkOdd), get(odd))),
    ...set(upper, i16x8Blend(i32x4ShrU(get(even), 16), get(odd))),
    ...set(lower, i16x8Blend(get(even), i32x4Shl(get(odd), 16))),
    ...set(lower, i16x8SubSaturated(or(get(lower), and(get(upper), get(one))), get(one))),
    ...store(get(at), i16x8Add(get(upper), i16x8ShrU(get(lower), 15)), OUT + index * VECTOR_BYTES),
  ];
  return {
    name: "combine",
    parameters: ["i32", "f32", "f32"],
    locals: ["i32", ...Array<"v128">(12).fill("v128")],
    body: [
      ...set(high, i32Splat(HIGH_HALVES)),
      ...set(one, i32Splat(0x10001)),
      ...set(factor0, f32Splat(get(s0))),
      ...set(factor1, f32Splat(get(s1))),
      ...doWhile([
        ...Array.from({ length: COMBINE_VECTORS }, (_, index) => vector(index)).flat(),
        ...set(at, i32Add(get(at), i32(COMBINE_VECTORS * VECTOR_BYTES))),
      ], i32LessThan(get(at), get(end))),
      ...store(i32(RESULTS), get(checkEven)),
      ...store(i32(RESULTS), get(checkOdd), VECTOR_BYTES),
    ],
  };
}
