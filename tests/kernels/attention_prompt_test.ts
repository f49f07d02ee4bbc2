/** Attention of prompt rows in parts: right for every shape, and a row's bits are its own. */
import { expect } from "@std/expect";
import * as fc from "fast-check";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { NO_WINDOW } from "../../src/kernels/attention.ts";
import {
  attentionCombine,
  type KeyShares,
  shareParams,
  splitsAt,
  WHOLE,
} from "../../src/kernels/attention_flash.ts";
import {
  attentionPrompt,
  promptBytes,
  promptTuning,
  promptTunings,
  tuningForRows,
} from "../../src/kernels/attention_prompt.ts";
import { shaderText } from "../../src/gpu/shader.ts";
import { STOPPED } from "../../src/model/plan.ts";
import { gpuTest } from "../gpu/device.ts";
import { attention as attentionOracle, type Matrix, matrix } from "../oracle/ops.ts";
import { expectClose, noiseMatrix, runKernel, SUBGROUP } from "./harness.ts";
import { pageCache, type PagedCache } from "./paged_cache.ts";
import { runs } from "../support/properties.ts";

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

/** Two parts of 64 keys from the 65th on, of 128 from the 129th. */
const SHARES: KeyShares = { splitKeys: 64, maxSplits: 2 };

function sequence(heads: Heads, tokens: number, seed: number, format: Format = "f32"): Sequence {
  const { queryHeads, kvHeads, headDim } = heads;
  const keys = noiseMatrix(tokens, kvHeads * headDim, seed + 1);
  const values = noiseMatrix(tokens, kvHeads * headDim, seed + 2);
  const queries = noiseMatrix(tokens, queryHeads * headDim, seed);
  return { queries, paged: pageCache(keys, values, heads, format) };
}

/** The chunks' rows, in order; `positions` puts others in place of some rows' own. */
async function run(
  device: GpuDevice,
  { headDim, kvHeads, queryHeads, blockSize, window }: Heads,
  sequences: readonly Sequence[],
  chunks: readonly Chunk[],
  queriesPerLane: number,
  { positions = {}, precision = "f32", firstRow = 0, shares = SHARES, room = 0 }: {
    readonly positions?: Readonly<Record<number, number>>;
    readonly precision?: "f32" | "f16";
    /** The rows before it are left out. */
    readonly firstRow?: number;
    readonly shares?: KeyShares;
    /** For more parts than rows have. */
    readonly room?: number;
  } = {},
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
      queries.set(
        sequences[of]!.queries.data.subarray(position * stride, (position + 1) * stride),
        row * stride,
      );
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
  const stored = (words: Float32Array<ArrayBuffer>) => precision === "f16" ? Float16Array.from(words) : words;
  const plan = Uint32Array.from([...words, ...tables]);
  const rowSplits = Array.from({ length: rows }, (_, row) => words[row * 4 + 2]!)
    .map((position) => position === STOPPED ? 0 : splitsAt(position, shares, window));
  const splits = Math.max(1, ...rowSplits.slice(firstRow)) + room;
  const shared = {
    ...{ rows: rows - firstRow, firstRow, queryHeads, columns: headDim / 4, queryStride: stride },
    ...{ window: window ?? NO_WINDOW, splits, ...shareParams(shares) },
  };
  const heads = (rows - firstRow) * splits * queryHeads;
  const act = `act_${precision}`;
  const output = { elements: rows * stride, type: precision };
  const { attended, parts, part_terms } = await runKernel(
    device,
    attentionPrompt,
    {
      libs: { act, cache: cache instanceof Uint32Array ? "cache_fp8" : "cache_act" },
      overrides: promptTuning({ queryHeads, kvHeads, headDim, subgroup: SUBGROUP }, queriesPerLane),
    },
    {
      queries: stored(queries),
      cache: cache instanceof Float32Array ? stored(cache) : cache,
      plan,
      attended: output,
      parts: { elements: heads * headDim },
      part_terms: { elements: heads },
    },
    { ...shared, kvHeads, blockSize, scale: headDim ** -0.5 },
  );
  // Nothing is written for parts that a row has not.
  for (let row = firstRow; row < rows; row++) {
    const at = (row - firstRow) * splits * queryHeads;
    const written = rowSplits[row]! > 1 ? rowSplits[row]! * queryHeads : 0;
    expect(part_terms!.slice(at + written, at + splits * queryHeads).every(Number.isNaN)).toBe(true);
  }
  if (splits === 1) return attended!;
  const joined = await runKernel(device, attentionCombine, { libs: { act } }, {
    parts: parts as Float32Array<ArrayBuffer>,
    part_terms: part_terms as Float32Array<ArrayBuffer>,
    plan,
    attended: { ...output, initial: attended! },
  }, shared);
  return joined.attended!;
}

/** What the rows of the chunks should be. */
function expected(heads: Heads, sequences: readonly Sequence[], chunks: readonly Chunk[]): Float64Array {
  const stride = heads.queryHeads * heads.headDim;
  const parts = chunks.flatMap(({ of, start, count }) => {
    const { queries, paged } = sequences[of]!;
    const data = queries.data.slice(start * stride, (start + count) * stride);
    const positions = Array.from({ length: count }, (_, i) => start + i);
    return [
      ...attentionOracle(matrix(count, stride, data), paged.keys, paged.values, { ...heads, positions }).data,
    ];
  });
  return Float64Array.from(parts);
}

const HEADS: Heads = { queryHeads: 4, kvHeads: 1, headDim: 32, blockSize: 16, window: null };
const MISTRAL: Heads = { ...HEADS, queryHeads: 8, kvHeads: 2, headDim: 128 };

interface Case extends Heads {
  /** Tokens of each sequence, whole in one step. */
  readonly lengths: readonly number[];
  /** Query vectors of an invocation. */
  readonly queries: readonly number[];
  readonly format?: Format;
}

const CASES: Readonly<Record<string, Case>> = {
  "one key": { ...HEADS, lengths: [1], queries: [4] },
  "Mistral's heads": { ...MISTRAL, lengths: [71], queries: [2] },
  "Mistral's heads in FP8": { ...MISTRAL, lengths: [35, 12], queries: [1], format: "fp8" },
  "a head a key": { ...MISTRAL, kvHeads: 8, headDim: 64, blockSize: 3, lengths: [70, 5], queries: [4] },
  "two heads a key": { ...HEADS, kvHeads: 2, headDim: 96, lengths: [33, 1, 34], queries: [4] },
  "three heads a key": { ...HEADS, queryHeads: 3, lengths: [1, 1, 65, 2], queries: [1, 2, 4] },
  "eight heads a key": { ...HEADS, queryHeads: 8, blockSize: 64, lengths: [129], queries: [1, 2, 4] },
  "a window": { ...HEADS, queryHeads: 8, kvHeads: 2, window: 5, lengths: [70, 40], queries: [4] },
  "a window over tiles": { ...HEADS, window: 45, lengths: [150], queries: [1, 2, 4] },
  "a window over tiles in FP8": { ...HEADS, window: 45, lengths: [150], queries: [4], format: "fp8" },
  "a window of one": { ...HEADS, blockSize: 4, window: 1, lengths: [67], queries: [4] },
};

for (const [name, { lengths, queries, format, ...heads }] of Object.entries(CASES)) {
  gpuTest(`attention_prompt equals the oracle: ${name}`, async (device) => {
    const sequences = lengths.map((tokens, index) => sequence(heads, tokens, 10 * index, format));
    const chunks = lengths.map((count, of) => ({ of, start: 0, count }));
    const wanted = expected(heads, sequences, chunks);
    let first: Float32Array | null = null;
    for (const each of queries) {
      const attended = await run(device, heads, sequences, chunks, each);
      expectClose(attended, wanted, 1e-5);
      expect(attended).toEqual(first ??= attended);
    }
    expectClose(await run(device, heads, sequences, chunks, queries[0]!, { shares: WHOLE }), wanted, 1e-5);
  }, { subgroups: true });
}

gpuTest("attention_prompt rounds to f16 but once", async (device) => {
  const sequences = [sequence(HEADS, 40, 1)];
  const chunks = [{ of: 0, start: 0, count: 40 }];
  const attended = await run(device, HEADS, sequences, chunks, 2, { precision: "f16" });
  expectClose(attended, expected(HEADS, sequences, chunks), 2 ** -11);
}, { subgroups: true, feature: "shader-f16" });

for (const [queryHeads, window] of [[3, null], [4, 37]] as const) {
  gpuTest(
    `attention_prompt gives a row the same bits however prompts are cut and mixed, ${queryHeads} heads a key`,
    async (device) => {
      const heads = { ...HEADS, queryHeads, window };
      const lengths = [150, 67, 33];
      const sequences = lengths.map((tokens, index) => sequence(heads, tokens, 10 * index));
      const stride = heads.queryHeads * heads.headDim;
      const whole = await Promise.all(
        lengths.map((count, of) => run(device, heads, sequences, [{ of, start: 0, count }], 4)),
      );
      const chunk = fc.record({ of: fc.nat(2), start: fc.nat(149), count: fc.integer({ min: 1, max: 70 }) })
        .map(({ of, start, count }): Chunk => {
          const from = start % lengths[of]!;
          return { of, start: from, count: Math.min(count, lengths[of]! - from) };
        });
      await fc.assert(
        fc.asyncProperty(
          fc.array(chunk, { minLength: 1, maxLength: 6 }),
          fc.constantFrom(1, 2, 4),
          fc.nat(150),
          fc.nat(2),
          async (chunks, queries, from, room) => {
            const rows = chunks.reduce((sum, { count }) => sum + count, 0);
            const firstRow = from % rows;
            const attended = await run(device, heads, sequences, chunks, queries, { firstRow, room });
            expect(attended.slice(0, firstRow * stride).every(Number.isNaN)).toBe(true);
            let row = 0;
            for (const { of, start, count } of chunks) {
              const skipped = Math.min(count, Math.max(0, firstRow - row));
              expect(attended.slice((row + skipped) * stride, (row + count) * stride))
                .toEqual(whole[of]!.slice((start + skipped) * stride, (start + count) * stride));
              row += count;
            }
          },
        ),
        { numRuns: runs(25) },
      );
    },
    { subgroups: true },
  );
}

for (const [queryHeads, tunings] of [[4, [1, 4]], [1, [4]]] as const) {
  for (const part of ["keys", "values"] as const) {
    gpuTest(
      `a NaN among a prompt's ${part} reaches every row that sees it, and no other, ${queryHeads} heads a key`,
      async (device) => {
        const heads = { ...HEADS, queryHeads, window: 20 };
        const { headDim } = heads;
        const source = { keys: noiseMatrix(100, headDim, 1), values: noiseMatrix(100, headDim, 2) };
        const queries = noiseMatrix(100, queryHeads * headDim, 3);
        const chunks = [{ of: 0, start: 0, count: 100 }];
        const clean = { queries, paged: pageCache(source.keys, source.values, heads) };
        const wanted = await run(device, heads, [clean], chunks, 4);
        source[part].data[37 * headDim + 5] = NaN;
        const spoilt = { queries, paged: pageCache(source.keys, source.values, heads) };
        for (const each of tunings) {
          const attended = await run(device, heads, [spoilt], chunks, each);
          for (let row = 0; row < 100; row++) {
            const [from, to] = [row * queryHeads * headDim, (row + 1) * queryHeads * headDim];
            if (row >= 37 && row < 57) expect(attended[from + 5]).toBe(NaN);
            else expect(attended.slice(from, to)).toEqual(wanted.slice(from, to));
          }
        }
      },
      { subgroups: true },
    );
  }
}

gpuTest("attention_prompt leaves out rows that have stopped, and nothing else", async (device) => {
  const sequences = [sequence(HEADS, 70, 1), sequence(HEADS, 9, 2)];
  const chunks = [{ of: 0, start: 0, count: 70 }, { of: 1, start: 0, count: 9 }];
  const stride = HEADS.queryHeads * HEADS.headDim;
  const wanted = await run(device, HEADS, sequences, chunks, 4);
  const stopped = [3, 69, ...Array.from({ length: 9 }, (_, i) => 70 + i)];
  for (const row of stopped) wanted.fill(NaN, row * stride, (row + 1) * stride);
  const positions = Object.fromEntries(stopped.map((row) => [row, STOPPED]));
  expect(await run(device, HEADS, sequences, chunks, 4, { positions })).toEqual(wanted);
}, { subgroups: true });

gpuTest("attention_prompt compiles for Mistral's heads in every tuning of a GPU", async (device) => {
  const heads = { queryHeads: 32, kvHeads: 8, headDim: 128, subgroup: 32 };
  for (const overrides of promptTunings(heads, 49_152)) await device.compile(attentionPrompt, { overrides });
}, { subgroups: true });

Deno.test("promptTunings() gives what fits the memory, and nothing for heads that it cannot take", () => {
  const queries = (headDim: number, memory: number) =>
    promptTunings({ queryHeads: 32, kvHeads: 8, headDim, subgroup: 32 }, memory).map(({ QUERIES }) =>
      QUERIES
    );
  expect(queries(128, 49_152)).toEqual([1, 2, 4]);
  expect(queries(128, 32_768)).toEqual([1, 2]);
  expect(queries(128, 16_384)).toEqual([]);
  expect(queries(32, 16_384)).toEqual([1, 2]);
  expect(queries(256, 49_152)).toEqual([1, 2]);
  expect(queries(80, 49_152)).toEqual([]);
  // As the shader declares it.
  const text = shaderText("attention_prompt");
  const declared = [...text.matchAll(/^var<workgroup> \w+: (array<.*>);/gm)].map(([, type]) => type);
  expect(declared).toEqual([
    "array<array<array<vec4<f32>, 128>, $QUERIES>, $CHUNKS>",
    "array<array<array<vec4<f32>, 64>, 4>, $SPAN>",
    "array<array<vec4<f32>, 128>, $QUERIES>",
  ]);
  const [tuning] = promptTunings({ queryHeads: 1, kvHeads: 1, headDim: 96, subgroup: 8 }, 49_152);
  expect(promptBytes(tuning!)).toBe(16 * (128 * 3 + 64 * 4 + 128));
});

Deno.test("tuningForRows() takes the largest tiles that make enough workgroups", () => {
  const heads = { queryHeads: 32, kvHeads: 8, headDim: 128, subgroup: 32 };
  const tunings = promptTunings(heads, 49_152);
  const queries = (rows: number, splits = 1) =>
    tunings[tuningForRows(tunings, { rows, splits, ...heads })]!.QUERIES;
  expect([1, 40, 128, 240, 256, 480, 512, 1024].map((rows) => queries(rows))).toEqual([
    1,
    1,
    1,
    2,
    2,
    4,
    4,
    4,
  ]);
  expect([1, 40, 64, 128].map((rows) => queries(rows, 8))).toEqual([1, 2, 4, 4]);
});
