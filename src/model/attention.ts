/**
 * Attention of one layer as an operation. With subgroups prompt rows go by tiles that share keys, decode rows in parts,
 * joined by the last of their workgroups where the device allows it, otherwise by a second dispatch where a row has more
 * than one; without subgroups all go by the kernel that runs anywhere.
 */
import type { ModelConfig } from "../formats/config.ts";
import type { GpuBuffer } from "../gpu/buffer.ts";
import type { StepEncoder } from "../gpu/encoder.ts";
import { attention, headBundle, NO_WINDOW } from "../kernels/attention.ts";
import {
  attentionCombine,
  attentionFlash,
  FLASH_HEAD_STEP,
  flashBundle,
  mostSplits,
  shareParams,
  splitsAt,
  WHOLE,
} from "../kernels/attention_flash.ts";
import { attentionPrompt, promptTunings, tuningForRows } from "../kernels/attention_prompt.ts";
import type { AttentionTuning } from "../kernels/tuning.ts";
import type { Operation, OperationParts, RowRange } from "./operations.ts";

/**
 * Bytes that the parts may take even where few sequences run at once: each turn of a long replay takes one or two
 * dispatches a layer, whose parameters would otherwise be the larger.
 */
const LEAST_PART_BYTES = 32 * 2 ** 20;

/** Rows and splits that the parts of a step's attention have room for; decode rows beyond them go in several turns. */
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
  const maxSplits = mostSplits(maxContext, tuning, config.slidingWindow);
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

/** Parts of a row by its position; 1 where nothing is shared out. */
export function rowSplits(
  config: ModelConfig,
  tuning: AttentionTuning | null,
): (position: number) => number {
  return takesParts(config, tuning)
    ? (position) => splitsAt(position, tuning, config.slidingWindow)
    : () => 1;
}

/** Of a layer, where decode rows have parts to be joined. */
export function partDispatches(rows: number, { partRows }: PartSizes, { joins }: AttentionTuning): number {
  return (joins ? 1 : 2) * Math.ceil(rows / partRows);
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
  const combine = joins
    ? null
    : await device.compile(attentionCombine, { libs: { act: libs.act, place: libs.place } });
  const { queries, plan, attended, parts: partsBuffer, partTerms: part_terms, tickets } = buffers;
  const boundFlash = flash.bind({ queries, cache, plan, attended, parts: partsBuffer, part_terms, tickets });
  const boundCombine = combine?.bind({ parts: partsBuffer, part_terms, plan, attended });
  const shape = shapeOf(parts);
  const { queryHeads, columns, queryStride, window } = shape;
  const { partRows } = sizes.parts;
  // Where prompt rows share no keys, a row's stay with one workgroup, of which there are enough.
  const [whole, shares] = [shareParams(WHOLE), shareParams(attentionTuning)];
  const attendPrompts = await promptsInTiles(parts, lanes.SUBGROUP, cache) ??
    ((step: StepEncoder, range: RowRange) =>
      step.dispatch(boundFlash, { ...range, splits: 1, ...whole, ...shape }));
  return {
    dispatches: 1 + partDispatches(sizes.maxRows, sizes.parts, attentionTuning),
    encode(step, { promptFrom, promptRows, rows, splits }) {
      if (promptRows > promptFrom) {
        attendPrompts(step, { firstRow: promptFrom, rows: promptRows - promptFrom });
      }
      // Whatever is alone in its part is written at once, however many rows there are.
      const most = splits === 1 ? rows : partRows;
      for (let firstRow = promptRows; firstRow < rows; firstRow += most) {
        const range = { rows: Math.min(most, rows - firstRow), firstRow, splits, ...shares };
        step.dispatch(boundFlash, { ...range, ...shape });
        if (splits > 1 && boundCombine !== undefined) {
          step.dispatch(boundCombine, { ...range, queryHeads, columns, queryStride, window });
        }
      }
    },
  };
}

/** One dispatch of prompt rows, or null where even the smallest tile of them does not fit the device's workgroup memory. */
async function promptsInTiles(
  parts: OperationParts,
  subgroup: number,
  cache: GpuBuffer,
): Promise<((step: StepEncoder, range: RowRange) => void) | null> {
  const { device, config, buffers } = parts;
  const tunings = promptTunings({ ...config, subgroup }, device.limits.maxComputeWorkgroupStorageSize);
  if (tunings.length === 0) return null;
  const { queries, plan, attended } = buffers;
  const compile = async (overrides: typeof tunings[number]) => {
    const kernel = await device.compile(attentionPrompt, { libs: libsOf(parts), overrides });
    return kernel.bind({ queries, cache, plan, attended });
  };
  const bound = await Promise.all(tunings.map(compile));
  const shape = shapeOf(parts);
  return (step, range) =>
    step.dispatch(bound[tuningForRows(tunings, { ...range, ...shape })]!, { ...range, ...shape });
}
