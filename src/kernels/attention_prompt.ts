/** Attention of prompt rows with subgroups, tiles of rows sharing tiles of keys (shaders/attention_prompt.wgsl). */
import { defineKernel } from "../gpu/kernel.ts";
import { CACHE_LIBS, headBundle } from "./attention.ts";
import { FLASH_HEAD_STEP } from "./attention_flash.ts";
import { ACT_LIBS } from "./linear.ts";

export const attentionPrompt = defineKernel({
  name: "attention_prompt",
  bindings: {
    queries: "read", // [rows, queryStride]
    cache: "read", // [blocks, k|v, kvHeads, …], see shaders/lib/cache_*.wgsl
    plan: "read", // u32, see src/model/plan.ts; the prompt rows come first
    attended: "write", // [rows, queryStride]
  },
  params: {
    rows: "u32",
    queryHeads: "u32",
    kvHeads: "u32",
    columns: "u32",
    queryStride: "u32",
    blockSize: "u32",
    window: "u32",
    scale: "f32",
  },
  overrides: { QUERIES: 1, HEADS: 1, CHUNKS: 1, SPAN: 1, SLICES: 1 },
  libs: { act: ACT_LIBS, cache: CACHE_LIBS },
  grid: (
    { rows, queryHeads, kvHeads },
    { QUERIES, HEADS },
  ) => [kvHeads * Math.ceil(queryHeads / kvHeads / HEADS), Math.ceil(rows * HEADS / (TEAMS * QUERIES))],
});

/** Of eight invocations, in a workgroup. */
const TEAMS = 16;

/** Keys that a workgroup goes over at a time, from positions that are multiples of it. */
export const PROMPT_KEYS = 32;

/** Invocations of a workgroup. */
export const PROMPT_WORKGROUP = TEAMS * 8;

interface HeadShape {
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** Tunables for a model's heads and so many query vectors an invocation, 1, 2 or 4, which change no bit. */
export function promptOverrides({ queryHeads, kvHeads, headDim }: HeadShape, QUERIES: number) {
  const CHUNKS = headDim / FLASH_HEAD_STEP;
  const SPAN = CHUNKS % 2 === 0 ? 2 : 1;
  return { QUERIES, HEADS: headBundle(queryHeads, kvHeads), CHUNKS, SPAN, SLICES: CHUNKS / SPAN };
}

/** Workgroup memory: query vectors, a slice of a tile's keys or values, and its weights. */
export function promptBytes(shape: HeadShape, queries: number): number {
  const { CHUNKS, SPAN } = promptOverrides(shape, queries);
  return 16 * (128 * queries * CHUNKS + 256 * SPAN + 128 * queries);
}
