/**
 * Loops over the rows of a weight matrix in WebAssembly SIMD: quantization to FP8, bit for bit what row_quantize.ts
 * gives, a search for NaN codes, and a checksum at memory speed. Rows are copied into the kernel's own memory block by
 * block, so a row of any length works. Why not plain TypeScript: see bench/RESULTS.md.
 */
import { BLOCK_ELEMENTS } from "./convert.ts";
import { bytesPerElement, type WeightDtype } from "./dtype.ts";
import { FLOAT8_MAX } from "./float8.ts";
import {
  and,
  assemble,
  bitselect,
  type Code,
  doWhile,
  f32Const,
  f32Splat,
  f32x4Abs,
  f32x4Add,
  f32x4Div,
  f32x4Mul,
  f32x4Ne,
  f32x4PMax,
  get,
  i16x8NarrowI32x4,
  i32,
  i32Add,
  i32LessThan,
  i32Splat,
  i32x4Add,
  i32x4Eq,
  i32x4LessThan,
  i32x4Min,
  i32x4Mul,
  i32x4Shl,
  i32x4ShrU,
  i32x4Sub,
  i8x16Eq,
  i8x16NarrowI16x8,
  load,
  or,
  set,
  store,
  type WasmFunction,
  xor,
} from "./wasm.ts";

/** Elements that a turn of a loop handles; blocks are filled up with zeros to a multiple. */
const LANES = 16;
const IN = 0;
const OUT = BLOCK_ELEMENTS * 4;
const RESULT = OUT + BLOCK_ELEMENTS;

export class RowKernel {
  readonly #in: Uint8Array;
  readonly #out: Uint8Array;
  readonly #result: Float32Array;
  readonly #resultBits: Uint32Array;
  readonly #loops: WebAssembly.Exports;
  /** Whether the last row that was quantized has a NaN. */
  #sawNaN = false;

  constructor() {
    const { exports } = new WebAssembly.Instance(rowModule ??= assemble(LOOPS, RESULT + 16));
    const { buffer } = exports.memory as WebAssembly.Memory;
    this.#in = new Uint8Array(buffer, IN, OUT);
    this.#out = new Uint8Array(buffer, OUT, BLOCK_ELEMENTS);
    this.#result = new Float32Array(buffer, RESULT, 4);
    this.#resultBits = new Uint32Array(buffer, RESULT, 4);
    this.#loops = exports;
  }

  get sawNaN(): boolean {
    return this.#sawNaN;
  }

  /** Quantizes a row as stored into `codes` (one byte an element) and returns its scale, as quantizeRow() does. */
  quantize(dtype: WeightDtype, row: Uint8Array, codes: Uint8Array): number {
    const blockBytes = BLOCK_ELEMENTS * bytesPerElement(dtype);
    let largest = 0;
    let loaded = 0;
    for (let at = 0; at < row.byteLength; at += blockBytes) {
      loaded = this.#load(row.subarray(at, at + blockBytes), bytesPerElement(dtype) * LANES);
      this.#call(`largest${dtype}`, loaded);
      for (const lane of this.#result) largest = Math.max(largest, lane);
    }
    const scale = Math.fround(largest / FLOAT8_MAX) || 1;
    this.#sawNaN = false;
    for (let at = 0; at < row.byteLength; at += blockBytes) {
      const block = row.subarray(at, at + blockBytes);
      // A row of one block is still there.
      if (row.byteLength > blockBytes) loaded = this.#load(block, bytesPerElement(dtype) * LANES);
      this.#call(`encode${dtype}`, loaded, scale);
      this.#sawNaN ||= this.#resultBits.some((lane) => lane !== 0);
      const elements = block.byteLength / bytesPerElement(dtype);
      codes.set(this.#out.subarray(0, elements), at / bytesPerElement(dtype));
    }
    return scale;
  }

  /** Whether one of these E4M3 codes is NaN. */
  hasNaN(codes: Uint8Array): boolean {
    return this.#blocks(codes, "searchNaN").some((lanes) => lanes.some((lane) => lane !== 0));
  }

  /**
   * Four chains of FNV-1a over the 32-bit words in turn, put together: any change within one word changes it. Against
   * accidents, not against an adversary.
   */
  checksum(bytes: Uint8Array): number {
    let sum = bytes.byteLength | 0;
    for (const lanes of this.#blocks(bytes, "checksum")) {
      for (const lane of lanes) sum = Math.imul(sum ^ lane, FNV_PRIME);
    }
    return sum >>> 0;
  }

  /** The four words of the result for each block. */
  #blocks(bytes: Uint8Array, loop: string): Uint32Array[] {
    const results: Uint32Array[] = [];
    for (let at = 0; at < bytes.byteLength; at += OUT) {
      this.#call(loop, this.#load(bytes.subarray(at, at + OUT), 16));
      results.push(this.#resultBits.slice());
    }
    return results;
  }

  /** Copies a block in, with zeros up to a multiple of `unit` bytes, and returns where it ends. */
  #load(block: Uint8Array, unit: number): number {
    const end = Math.ceil(block.byteLength / unit) * unit;
    this.#in.set(block);
    this.#in.fill(0, block.byteLength, end);
    return end;
  }

  #call(loop: string, ...values: number[]): void {
    (this.#loops[loop] as (...values: number[]) => void)(...values);
  }
}
let rowModule: WebAssembly.Module | undefined;

let shared: RowKernel | undefined;
/** The kernel of this thread. Nothing but {@link RowKernel.sawNaN} is kept from one call to the next. */
export function rowKernel(): RowKernel {
  return shared ??= new RowKernel();
}

const FNV_PRIME = 0x01000193;
const MAX_BITS = 0x43e00000; // 448
const NORMAL_BITS = 0x3c800000; // 2^-6, the smallest normal E4M3
const SUBNORMAL_MAGIC = 16384; // its unit in the last place in float32 is 2^-9, the smallest subnormal
const SUBNORMAL_MAGIC_BITS = 0x46800000;

// A register of eight 16-bit elements holds, as four 32-bit words, even elements in the low halves and odd ones in the
// high halves. Their codes, put together the same way, are sixteen bits a word in the right order.
type Halves = readonly [evens: Code, odds: Code];
const HALVES: Readonly<Record<"BF16" | "F16", (words: Code) => Halves>> = {
  BF16: (words) => [i32x4Shl(words, 16), and(words, i32Splat(0xffff0000 | 0))],
  F16: (words) => [widenHalf(and(words, i32Splat(0xffff))), widenHalf(i32x4ShrU(words, 16))],
};

/** binary16 in the low half of each word → float32. The product is exact, for subnormals too. */
function widenHalf(words: Code): Code {
  const magnitude = and(words, i32Splat(0x7fff));
  const finite = f32x4Mul(i32x4Shl(magnitude, 13), f32Splat(f32Const(2 ** 112)));
  const special = i32x4Eq(and(words, i32Splat(0x7c00)), i32Splat(0x7c00));
  const sign = i32x4Shl(and(words, i32Splat(0x8000)), 16);
  const exponent = and(special, i32Splat(0x7f800000));
  // 65,536 and above have these exponent bits already, so that or-ing completes them; the fraction stays.
  return or(or(finite, exponent), sign);
}

/** largestX(end): per lane the largest magnitude over bytes [0, end); a NaN does not count. */
function largest(dtype: WeightDtype): WasmFunction {
  const [end, at, words, most] = [0, 1, 2, 3];
  const raise = (value: Code) => set(most, f32x4PMax(get(most), f32x4Abs(value)));
  const step = dtype === "F32"
    ? [0, 16, 32, 48].flatMap((offset) => raise(load(get(at), IN + offset)))
    : [0, 16].flatMap((offset) => [
      ...set(words, load(get(at), IN + offset)),
      ...HALVES[dtype](get(words)).flatMap(raise),
    ]);
  return {
    name: `largest${dtype}`,
    parameters: ["i32"],
    locals: ["i32", "v128", "v128"],
    body: [...over(at, end, LANES * bytesPerElement(dtype), step), ...store(i32(RESULT), get(most))],
  };
}

/** encodeX(end, scale): codes of bytes [0, end); the result is not zero where a quotient is NaN. */
function encode(dtype: WeightDtype): WasmFunction {
  const [end, scale, at, divisor, words, weight] = [0, 1, 2, 3, 4, 5];
  const [quotient, magnitude, nan, into, pair] = [6, 7, 8, 9, 10];
  /** Leaves the codes of four weights, one a word. */
  const code = (value: Code): Code => {
    const isNaN = f32x4Ne(get(quotient), get(quotient));
    const lastKept = and(i32x4ShrU(get(magnitude), 20), i32Splat(1));
    const normal = i32x4ShrU(
      i32x4Add(i32x4Add(get(magnitude), i32Splat(0x7ffff - 0x3c000000)), lastKept),
      20,
    );
    const subnormal = i32x4Sub(
      f32x4Add(get(magnitude), f32Splat(f32Const(SUBNORMAL_MAGIC))),
      i32Splat(SUBNORMAL_MAGIC_BITS),
    );
    const isSubnormal = i32x4LessThan(get(magnitude), i32Splat(NORMAL_BITS));
    const sign = and(i32x4ShrU(get(weight), 24), i32Splat(0x80));
    return [
      ...set(weight, value),
      ...set(quotient, f32x4Div(get(weight), get(divisor))),
      ...set(magnitude, i32x4Min(and(get(quotient), i32Splat(0x7fffffff)), i32Splat(MAX_BITS))),
      ...set(nan, or(get(nan), isNaN)),
      // A NaN has been cut to the code of 448; its mask is -1, and the next code is that of NaN.
      ...or(i32x4Sub(bitselect(subnormal, normal, isSubnormal), isNaN), sign),
    ];
  };
  const pairs = (offset: number): Code => {
    const [evens, odds] = HALVES[dtype as "BF16" | "F16"](get(words));
    return [
      ...set(words, load(get(at), IN + offset)),
      ...set(pair, code(evens)),
      ...or(get(pair), i32x4Shl(code(odds), 8)),
    ];
  };
  const codes = dtype === "F32"
    ? i8x16NarrowI16x8(
      i16x8NarrowI32x4(code(load(get(at), IN)), code(load(get(at), IN + 16))),
      i16x8NarrowI32x4(code(load(get(at), IN + 32)), code(load(get(at), IN + 48))),
    )
    : i16x8NarrowI32x4(pairs(0), pairs(16));
  return {
    name: `encode${dtype}`,
    parameters: ["i32", "f32"],
    locals: ["i32", "v128", "v128", "v128", "v128", "v128", "v128", "i32", "v128"],
    body: [
      ...set(divisor, f32Splat(get(scale))),
      ...over(at, end, LANES * bytesPerElement(dtype), [
        ...store(get(into), codes, OUT),
        ...set(into, i32Add(get(into), i32(LANES))),
      ]),
      ...store(i32(RESULT), get(nan)),
    ],
  };
}

/** searchNaN(end): the result is not zero where one of the codes in bytes [0, end) is NaN. */
const SEARCH_NAN: WasmFunction = {
  name: "searchNaN",
  parameters: ["i32"],
  locals: ["i32", "v128"],
  body: [
    ...over(
      1,
      0,
      16,
      set(2, or(get(2), i8x16Eq(and(load(get(1), IN), i32Splat(0x7f7f7f7f)), i32Splat(0x7f7f7f7f)))),
    ),
    ...store(i32(RESULT), get(2)),
  ],
};

/** checksum(end): FNV-1a of each lane over bytes [0, end), from zero. */
const CHECKSUM: WasmFunction = {
  name: "checksum",
  parameters: ["i32"],
  locals: ["i32", "v128"],
  body: [
    ...over(1, 0, 16, set(2, i32x4Mul(xor(get(2), load(get(1), IN)), i32Splat(FNV_PRIME)))),
    ...store(i32(RESULT), get(2)),
  ],
};

/** Runs `step` with `at` = 0, stride, … below `end`. */
function over(at: number, end: number, stride: number, step: Code): Code {
  return doWhile([...step, ...set(at, i32Add(get(at), i32(stride)))], i32LessThan(get(at), get(end)));
}

const DTYPES = ["BF16", "F16", "F32"] as const;
const LOOPS = [...DTYPES.map(largest), ...DTYPES.map(encode), SEARCH_NAN, CHECKSUM];
