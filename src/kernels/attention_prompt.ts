/** Attention of prompt rows with subgroups, tiles of rows sharing tiles of keys (shaders/attention_prompt.wgsl). */
import { defineKernel } from "../gpu/kernel.ts";
import { CACHE_LIBS, headBundle } from "./attention.ts";
import { FLASH_HEAD_STEP } from "./attention_flash.ts";
import { ACT_LIBS, PLACE_LIBS } from "./linear.ts";

export const attentionPrompt = defineKernel({
  name: "attention_prompt",
  bindings: {
    queries: "read", // [rows, queryStride]
    cache: "read", // [blocks, k|v, kvHeads, …], see shaders/lib/cache_*.wgsl
    plan: "read", // u32, see src/model/plan.ts; the prompt rows come first
    attended: "write", // [rows, queryStride]
    parts: "write", // [rows, splits, queryHeads, headDim] f32
    part_terms: "write", // [rows, splits, queryHeads] f32
  },
  params: {
    rows: "u32",
    firstRow: "u32",
    queryHeads: "u32",
    kvHeads: "u32",
    columns: "u32",
    queryStride: "u32",
    blockSize: "u32",
    window: "u32",
    splits: "u32",
    splitLog2: "u32",
    mostLog2: "u32",
    scale: "f32",
  },
  overrides: { QUERIES: 1, HEADS: 1, CHUNKS: 1, SPAN: 1, SLICES: 1, PAIR: 1 },
  libs: { act: ACT_LIBS, cache: CACHE_LIBS, half: ["half_order"], place: PLACE_LIBS, parts: ["row_parts"] },
  grid: workgroups,
});

/** Of eight invocations, in a workgroup. */
const TEAMS = 16;

/** Query vectors of an invocation: what a device has memory for. */
const QUERIES = [1, 2, 4] as const;

/** Two for each multiprocessor of an H100: large tiles load least, but fewer leave some of them idle. */
const WORKGROUPS_THAT_FILL = 240;

/** A model's heads, and a device's subgroups. */
export interface PromptShape {
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly subgroup: number;
}

export interface PromptTuning {
  readonly QUERIES: number;
  readonly HEADS: number;
  readonly CHUNKS: number;
  readonly SPAN: number;
  readonly SLICES: number;
  readonly PAIR: number;
}

/**
 * In ascending order the tunings that fit so much workgroup memory, which nothing checks when the pipeline is made. They
 * differ in no bit. None where heads are no multiples of {@link FLASH_HEAD_STEP}, or too large.
 */
export function promptTunings(shape: PromptShape, memoryBytes: number): PromptTuning[] {
  if (shape.headDim % FLASH_HEAD_STEP !== 0) return [];
  return QUERIES.map((queries) => promptTuning(shape, queries))
    .filter((tuning) => promptBytes(tuning) <= memoryBytes);
}

/** Rows, of which one has so many parts, and none more. */
interface PromptRows {
  readonly rows: number;
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly splits: number;
}

/** The largest tuning that makes enough workgroups of so many rows; the smallest where none does. */
export function tuningForRows(tunings: readonly PromptTuning[], rows: PromptRows): number {
  const filling = tunings.findLastIndex((tuning) => {
    const [x, y, z] = workgroups(rows, tuning);
    return x * y * z >= WORKGROUPS_THAT_FILL;
  });
  return Math.max(0, filling);
}

export function promptTuning(shape: PromptShape, queries: number): PromptTuning {
  const CHUNKS = shape.headDim / FLASH_HEAD_STEP;
  const SPAN = CHUNKS % 2 === 0 ? 2 : 1;
  return {
    QUERIES: queries,
    HEADS: headBundle(shape.queryHeads, shape.kvHeads),
    CHUNKS,
    SPAN,
    SLICES: CHUNKS / SPAN,
    PAIR: shape.subgroup >= 16 ? 2 : 1,
  };
}

/** Workgroup memory: query vectors, a slice of a tile's keys or values, and its weights. */
export function promptBytes({ QUERIES, CHUNKS, SPAN }: PromptTuning): number {
  return 16 * (128 * QUERIES * CHUNKS + 256 * SPAN + 128 * QUERIES);
}

function workgroups(
  { rows, queryHeads, kvHeads, splits }: PromptRows,
  { QUERIES, HEADS }: { readonly QUERIES: number; readonly HEADS: number },
): [x: number, y: number, z: number] {
  const bundles = Math.ceil(queryHeads / kvHeads / HEADS);
  return [kvHeads * bundles, Math.ceil(rows * HEADS / (TEAMS * QUERIES)), splits];
}
