/** A paged KV cache as plain arrays, filled by a way of its own: rows scattered over blocks, everything else poison. */
import type { KvCacheFormat } from "../../src/model/runner.ts";
import { quantizeHead } from "../oracle/fp8.ts";
import { type Matrix, matrix } from "../oracle/ops.ts";

export interface CacheShape {
  readonly kvHeads: number;
  readonly headDim: number;
  readonly blockSize: number;
}

export interface PagedCache {
  readonly table: readonly number[];
  readonly cache: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;
  /** What is in the cache, as numbers: in fp8 not quite what was given. */
  readonly keys: Matrix;
  readonly values: Matrix;
}

const NAN_WORD = 0x7fc00000;

/** Blocks backwards, with gaps. */
export function scatteredTable(tokens: number, blockSize: number): number[] {
  const blocks = Math.ceil(tokens / blockSize);
  return Array.from({ length: blocks }, (_, i) => (blocks - 1 - i) * 2 + 1);
}

/** Words of a cache that a table of so many entries from {@link scatteredTable} reaches. */
export function cacheWords(
  blocks: number,
  { kvHeads, headDim, blockSize }: CacheShape,
  format: "f32" | "fp8",
) {
  return 2 * blocks * 2 * kvHeads * blockSize * (format === "fp8" ? headDim / 4 + 1 : headDim);
}

/** Rows of keys and values, [tokens, kvHeads · headDim], in a cache. */
export function pageCache(
  keys: Matrix,
  values: Matrix,
  shape: CacheShape,
  format: Exclude<KvCacheFormat, "f16"> = "f32",
): PagedCache {
  const { kvHeads, headDim, blockSize } = shape;
  const table = scatteredTable(keys.rows, blockSize);
  const words = cacheWords(table.length, shape, format);
  const cache = format === "fp8" ? new Uint32Array(words).fill(NAN_WORD) : new Float32Array(words).fill(NaN);
  const exact = [keys, values].map((part) => matrix(part.rows, part.columns, part.data));
  for (let token = 0; token < keys.rows; token++) {
    for (let head = 0; head < kvHeads; head++) {
      const block = table[Math.floor(token / blockSize)]!;
      exact.forEach(({ data, columns }, part) => {
        const section = (block * 2 + part) * kvHeads + head;
        const place = { section, token: token % blockSize, headDim, blockSize };
        const row = data.subarray(token * columns + head * headDim, token * columns + (head + 1) * headDim);
        if (cache instanceof Float32Array) cache.set(row, (section * blockSize + place.token) * headDim);
        else row.set(putFp8(cache, row, place));
      });
    }
  }
  return { table, cache, keys: exact[0]!, values: exact[1]! };
}

/** Writes one token's key or value of one head; what it now stands for. */
export function putFp8(
  cache: Uint32Array,
  row: ArrayLike<number>,
  { section, token, headDim, blockSize }: {
    readonly section: number;
    readonly token: number;
    readonly headDim: number;
    readonly blockSize: number;
  },
): readonly number[] {
  const { codes, scale, dequantized } = quantizeHead(row);
  const words = new Uint32Array(Uint8Array.from(codes).buffer);
  const first = section * blockSize * (headDim / 4 + 1);
  cache.set(words, first + token * (headDim / 4));
  // The kernels' decoding divides by 256.
  const scaleBits = new Uint32Array(Float32Array.of(scale * 256).buffer)[0]!;
  cache[first + blockSize * (headDim / 4) + token] = scaleBits;
  return dequantized;
}
