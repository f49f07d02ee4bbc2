/**
 * Attention of one layer as an operation. With subgroups prompt rows go by tiles that share keys, decode rows one by one,
 * both in parts: a decode row's are joined by the last of their workgroups where the device allows it, otherwise, as a
 * prompt row's, by a second dispatch where there are several; without subgroups all go by the kernel that runs anywhere.
 */
import type { ModelConfig } from "../formats/config.ts";
import type { GpuBuffer } from "../gpu/buffer.ts";
import type { StepEncoder } from "../gpu/encoder.ts";
import type { BoundKernel } from "../gpu/kernel.ts";
import { attention, headBundle, NO_WINDOW } from "../kernels/attention.ts";
import {
  attentionCombine,
  attentionFlash,
  FLASH_HEAD_STEP,
  flashBundle,
  type KeyShares,
  mostSplits,
  shareParams,
  splitsAt,
  WHOLE,
} from "../kernels/attention_flash.ts";
import { attentionPrompt, promptTunings, tuningForRows } from "../kernels/attention_prompt.ts";
import type { AttentionTuning } from "../kernels/tuning.ts";
import type { Operation, OperationParts, RowRange } from "./operations.ts";
import type { ModelSizes } from "./sizes.ts";

/**
 * Bytes that the parts may take even where few sequences run at once: each turn of a long replay takes one or two
 * dispatches a layer, whose parameters would otherwise be the larger.
 */
const LEAST_PART_BYTES = 32 * 2 ** 20;

/** Prompt rows of a turn, where it has as many: tiles of any size are whole then. */
const TURN_ROWS = 64;

/**
 * Rows and splits that the parts of a step's attention have room for: a turn's. Decode rows beyond them take several turns;
 * prompt rows, which have fewer parts each, those that have more in all.
 */
export interface PartSizes {
  readonly partRows: number;
  readonly maxSplits: number;
}

/** No room is needed where {@link attend} takes no parts. */
export function partSizes(
  config: ModelConfig,
  tuning: AttentionTuning | null,
  { maxContext, maxSamples, maxRows, maxBindableBytes }: {
    readonly maxContext: number;
    /** Decode rows and drafts are no more than these. */
    readonly maxSamples: number;
    readonly maxRows: number;
    readonly maxBindableBytes: number;
  },
): PartSizes {
  if (!takesParts(config, tuning)) return { partRows: 0, maxSplits: 0 };
  const most = (shares: KeyShares) => mostSplits(maxContext, shares, config.slidingWindow);
  const maxSplits = Math.max(most(tuning), most(promptShares(tuning)));
  const rowBytes = maxSplits * config.queryHeads * config.headDim * 4;
  const wanted = Math.max(maxSamples, Math.min(maxRows, Math.floor(LEAST_PART_BYTES / rowBytes)));
  const partRows = Math.max(1, Math.min(wanted, Math.floor(maxBindableBytes / rowBytes)));
  return { partRows, maxSplits };
}

/** Whether a row's keys are shared out over workgroups. */
export function takesParts(
  { headDim }: ModelConfig,
  tuning: AttentionTuning | null,
): tuning is AttentionTuning {
  return tuning !== null && headDim % FLASH_HEAD_STEP === 0;
}

function promptShares({ promptKeys, maxSplits }: AttentionTuning): KeyShares {
  return { splitKeys: promptKeys, maxSplits };
}

/** Parts of a prompt row and of a decode row by its position; 1 where nothing is shared out. */
export function rowSplits(
  config: ModelConfig,
  tuning: AttentionTuning | null,
): Readonly<Record<"prompt" | "decode", (position: number) => number>> {
  if (!takesParts(config, tuning)) return { prompt: () => 1, decode: () => 1 };
  const by = (shares: KeyShares) => (position: number) => splitsAt(position, shares, config.slidingWindow);
  return { prompt: by(promptShares(tuning)), decode: by(tuning) };
}

/** Of a layer, where decode rows have parts to be joined. */
export function partDispatches(rows: number, { partRows }: PartSizes, { joins }: AttentionTuning): number {
  return (joins ? 1 : 2) * Math.ceil(rows / partRows);
}

/** Most of a layer for prompt rows. */
export function promptDispatches(
  config: ModelConfig,
  { limits, parts }: Pick<ModelSizes, "limits" | "parts">,
  tuning: AttentionTuning,
): number {
  const splits = mostSplits(limits.maxContext, promptShares(tuning), config.slidingWindow);
  return splits === 1 ? 1 : 2 * Math.ceil(limits.maxPromptTokens / turnRows(splits, parts));
}

/** Prompt rows of at most so many parts each that there is room for. */
function turnRows(splits: number, { partRows, maxSplits }: PartSizes): number {
  const rows = Math.floor(partRows * maxSplits / splits);
  return rows < TURN_ROWS ? rows : rows - rows % TURN_ROWS;
}

export async function attend(parts: OperationParts, cache: GpuBuffer): Promise<Operation> {
  const { config, tuning } = parts;
  return takesParts(config, tuning.attention)
    ? await attendInParts(parts, tuning.attention, cache)
    : await attendAnywhere(parts, cache);
}

function libsOf({ precision, sizes }: OperationParts) {
  return {
    act: `act_${precision}`,
    cache: sizes.kvCacheFormat === "fp8" ? "cache_fp8" : "cache_act",
    place: sizes.halves ? "place_half" : "place_natural",
  };
}

function shapeOf({ config, sizes }: OperationParts) {
  return {
    queryHeads: config.queryHeads,
    kvHeads: config.kvHeads,
    columns: config.headDim / 4,
    queryStride: sizes.queryStride,
    blockSize: sizes.limits.blockSize,
    window: config.slidingWindow ?? NO_WINDOW,
    scale: config.headDim ** -0.5,
  };
}

async function attendAnywhere(parts: OperationParts, cache: GpuBuffer): Promise<Operation> {
  const { device, config, buffers } = parts;
  const kernel = await device.compile(attention, {
    libs: libsOf(parts),
    overrides: { HEADS: headBundle(config.queryHeads, config.kvHeads) },
  });
  const { queries, plan, attended } = buffers;
  const bound = kernel.bind({ queries, cache, plan, attended });
  const shape = shapeOf(parts);
  return {
    dispatches: 1,
    encode: (step, { promptFrom, rows }) =>
      step.dispatch(bound, { rows: rows - promptFrom, firstRow: promptFrom, ...shape }),
  };
}

async function attendInParts(
  parts: OperationParts,
  attentionTuning: AttentionTuning,
  cache: GpuBuffer,
): Promise<Operation> {
  const { device, config, sizes, buffers } = parts;
  const libs = libsOf(parts);
  const { WORKGROUP, SUBGROUP, KEYS, joins } = attentionTuning;
  const lanes = { WORKGROUP, SUBGROUP, KEYS, JOINS: joins ? 1 : 0 };
  const HEADS = flashBundle(config, device.limits.maxComputeWorkgroupStorageSize);
  const CHUNKS = config.headDim / FLASH_HEAD_STEP;
  const flash = await device.compile(attentionFlash, { libs, overrides: { ...lanes, HEADS, CHUNKS } });
  const combine = await device.compile(attentionCombine, { libs: { act: libs.act, place: libs.place } });
  const { queries, plan, attended, parts: partsBuffer, partTerms: part_terms, tickets } = buffers;
  const boundFlash = flash.bind({ queries, cache, plan, attended, parts: partsBuffer, part_terms, tickets });
  const boundCombine = combine.bind({ parts: partsBuffer, part_terms, plan, attended });
  const shape = shapeOf(parts);
  const { queryHeads, columns, queryStride, window } = shape;
  const tiles = await promptsInTiles(parts, SUBGROUP, cache);
  const decodes: Family = {
    shares: shareParams(attentionTuning),
    rowsOf: () => sizes.parts.partRows,
    kernelOf: () => boundFlash,
    joins,
  };
  // Where prompt rows share no keys, a row's stay with one workgroup, of which there are enough.
  const prompts: Family = tiles === null
    ? { ...decodes, shares: shareParams(WHOLE) }
    : { ...tiles, shares: shareParams(promptShares(attentionTuning)), joins: false };
  /** Whatever is alone in its part is written at once, however many rows there are. */
  const attendIn = (family: Family, step: StepEncoder, { firstRow, rows }: RowRange, splits: number) => {
    const most = splits === 1 ? rows : family.rowsOf(splits);
    for (let first = firstRow, end = firstRow + rows; first < end; first += most) {
      const turn = { rows: Math.min(most, end - first), firstRow: first, splits, ...family.shares };
      step.dispatch(family.kernelOf(turn), { ...turn, ...shape });
      if (splits > 1 && !family.joins) {
        step.dispatch(boundCombine, { ...turn, queryHeads, columns, queryStride, window });
      }
    }
  };
  return {
    dispatches: promptDispatches(config, sizes, attentionTuning) +
      partDispatches(sizes.maxRows, sizes.parts, attentionTuning),
    encode(step, { promptFrom, promptRows, rows, promptSplits, splits }) {
      const promptRange = { firstRow: promptFrom, rows: promptRows - promptFrom };
      attendIn(prompts, step, promptRange, tiles === null ? 1 : promptSplits);
      attendIn(decodes, step, { firstRow: promptRows, rows: rows - promptRows }, splits);
    },
  };
}

/** How decode rows go, or prompt rows. */
interface Family {
  readonly shares: ReturnType<typeof shareParams>;
  /** Rows of so many parts that there is room for at a time. */
  readonly rowsOf: (splits: number) => number;
  readonly kernelOf: (
    turn: RowRange & { readonly splits: number },
  ) => BoundKernel<keyof typeof attentionPrompt.params>;
  /** The kernel joins the parts itself. */
  readonly joins: boolean;
}

/** By tiles that share keys, or null where even the smallest does not fit the device's workgroup memory. */
async function promptsInTiles(
  parts: OperationParts,
  subgroup: number,
  cache: GpuBuffer,
): Promise<Pick<Family, "rowsOf" | "kernelOf"> | null> {
  const { device, config, sizes, buffers } = parts;
  const tunings = promptTunings({ ...config, subgroup }, device.limits.maxComputeWorkgroupStorageSize);
  if (tunings.length === 0) return null;
  const { queries, plan, attended, parts: partsBuffer, partTerms: part_terms } = buffers;
  const compile = async (overrides: typeof tunings[number]) => {
    const kernel = await device.compile(attentionPrompt, { libs: libsOf(parts), overrides });
    return kernel.bind({ queries, cache, plan, attended, parts: partsBuffer, part_terms });
  };
  const bound = await Promise.all(tunings.map(compile));
  const { queryHeads, kvHeads } = config;
  return {
    rowsOf: (splits) => turnRows(splits, sizes.parts),
    kernelOf: ({ rows, splits }) => bound[tuningForRows(tunings, { rows, splits, queryHeads, kvHeads })]!,
  };
}
