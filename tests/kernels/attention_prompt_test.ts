/** Attention of prompt rows: right for every shape, and a row's bits are its own. */
import { expect } from "@std/expect";
import * as fc from "fast-check";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { NO_WINDOW } from "../../src/kernels/attention.ts";
import { attentionPrompt, promptBytes, promptOverrides } from "../../src/kernels/attention_prompt.ts";
import { STOPPED } from "../../src/model/plan.ts";
import { gpuTest } from "../gpu/device.ts";
import { attention as attentionOracle, type Matrix, matrix } from "../oracle/ops.ts";
import { expectClose, noiseMatrix, runKernel } from "./harness.ts";
import { pageCache, type PagedCache } from "./paged_cache.ts";

interface Heads {
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly blockSize: number;
  readonly window: number | null;
}

/** What is known of a sequence: a query for each of its positions, keys and values in a cache of its own. */
interface Sequence {
  readonly queries: Matrix;
  readonly paged: PagedCache;
}

/** Rows of a step: positions `start` … `start + count − 1` of one of the sequences. */
interface Chunk {
  readonly of: number;
  readonly start: number;
  readonly count: number;
}

type Format = "f32" | "fp8";

function sequence(heads: Heads, tokens: number, seed: number, format: Format = "f32"): Sequence {
  const { queryHeads, kvHeads, headDim } = heads;
  const keys = noiseMatrix(tokens, kvHeads * headDim, seed + 1);
  const values = noiseMatrix(tokens, kvHeads * headDim, seed + 2);
  const queries = noiseMatrix(tokens, queryHeads * headDim, seed);
  return { queries, paged: pageCache(keys, values, heads, format) };
}

/** One dispatch over the chunks' rows, in order; a position per row in place of its own, where `positions` has one. */
async function run(
  device: GpuDevice,
  { headDim, kvHeads, queryHeads, blockSize, window }: Heads,
  sequences: readonly Sequence[],
  chunks: readonly Chunk[],
  queriesPerLane: number,
  positions: Readonly<Record<number, number>> = {},
): Promise<Float32Array> {
  const blockWords = ({ cache, table }: PagedCache) => cache.length / (2 * table.length);
  const rows = chunks.reduce((sum, { count }) => sum + count, 0);
  const words: number[] = [];
  const tables: number[] = [];
  const tableAt: number[] = [];
  let blocks = 0;
  for (const { paged } of sequences) {
    tableAt.push(rows * 4 + tables.length);
    tables.push(...paged.table.map((block) => block + blocks));
    blocks += paged.cache.length / blockWords(paged);
  }
  const stride = queryHeads * headDim;
  const queries = new Float32Array(rows * stride);
  for (const { of, start, count } of chunks) {
    for (let position = start; position < start + count; position++) {
      const row = words.length / 4;
      words.push(0, 0, positions[row] ?? position, tableAt[of]!);
      queries.set(sequences[of]!.queries.data.subarray(position * stride, (position + 1) * stride), row * stride);
    }
  }
  const caches = sequences.map(({ paged }) => paged.cache);
  const Words = caches[0]!.constructor as Uint32ArrayConstructor;
  const cache = new Words(caches.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of caches) {
    cache.set(part, at);
    at += part.length;
  }
  const heads = { queryHeads, kvHeads, headDim };
  const { attended } = await runKernel(
    device,
    attentionPrompt,
    {
      libs: { cache: cache instanceof Uint32Array ? "cache_fp8" : "cache_act" },
      overrides: promptOverrides(heads, queriesPerLane),
    },
    {
      queries,
      cache,
      plan: Uint32Array.from([...words, ...tables]),
      attended: { elements: rows * stride },
    },
    {
      rows,
      queryHeads,
      kvHeads,
      columns: headDim / 4,
      queryStride: stride,
      blockSize,
      window: window ?? NO_WINDOW,
      scale: headDim ** -0.5,
    },
  );
  return attended!;
}

/** What the rows of the chunks should be. */
function expected(heads: Heads, sequences: readonly Sequence[], chunks: readonly Chunk[]): Float64Array {
  const stride = heads.queryHeads * heads.headDim;
  const parts = chunks.flatMap(({ of, start, count }) => {
    const { queries, paged } = sequences[of]!;
    const data = queries.data.slice(start * stride, (start + count) * stride);
    const positions = Array.from({ length: count }, (_, i) => start + i);
    return [...attentionOracle(matrix(count, stride, data), paged.keys, paged.values, { ...heads, positions }).data];
  });
  return Float64Array.from(parts);
}

const HEADS = { queryHeads: 4, kvHeads: 1, headDim: 32, blockSize: 16, window: null };

const CASES: Readonly<Record<string, Heads & { readonly lengths: readonly number[] }>> = {
  "Mistral's heads": { ...HEADS, queryHeads: 8, kvHeads: 2, headDim: 128, lengths: [71] },
  "a head a key": { ...HEADS, queryHeads: 3, kvHeads: 3, headDim: 64, blockSize: 3, lengths: [70, 5] },
  "two heads a key": { ...HEADS, queryHeads: 4, kvHeads: 2, headDim: 96, lengths: [33, 1, 34] },
  "three heads a key": { ...HEADS, queryHeads: 3, kvHeads: 1, lengths: [1, 1, 65, 2] },
  "eight heads a key": { ...HEADS, queryHeads: 8, kvHeads: 1, blockSize: 64, lengths: [129] },
  "a large head": { ...HEADS, headDim: 256, lengths: [40] },
  "a window": { ...HEADS, kvHeads: 2, window: 5, lengths: [70, 40] },
  "a window over tiles": { ...HEADS, window: 45, lengths: [150] },
  "a window of one": { ...HEADS, blockSize: 4, window: 1, lengths: [67] },
};

const fits = (heads: Heads, queriesPerLane: number) => promptBytes(heads, queriesPerLane) <= 32_768;

for (const [name, { lengths, ...heads }] of Object.entries(CASES)) {
  for (const format of ["f32", "fp8"] as const) {
    gpuTest(`attention_prompt equals the oracle, ${format}: ${name}`, async (device) => {
      const sequences = lengths.map((tokens, index) => sequence(heads, tokens, 10 * index, format));
      const chunks = lengths.map((count, of) => ({ of, start: 0, count }));
      const wanted = expected(heads, sequences, chunks);
      let first: Float32Array | null = null;
      for (const queriesPerLane of [1, 2, 4].filter((queries) => fits(heads, queries))) {
        const attended = await run(device, heads, sequences, chunks, queriesPerLane);
        expectClose(attended, wanted, 1e-5);
        expect(attended).toEqual(first ??= attended);
      }
    }, { subgroups: true });
  }
}
