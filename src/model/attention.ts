/**
 * Attention of one layer as an operation. With subgroups prompt rows go by tiles that share keys, decode rows one by one,
 * both in parts: a decode row's are joined by the last of their workgroups where the device allows it, otherwise, as a
 * prompt row's, by a second dispatch where there are several; without subgroups all go by the kernel that runs anywhere.
 */
import type { GpuBuffer } from "../gpu/buffer.ts";
import type { StepEncoder } from "../gpu/encoder.ts";
import type { BoundKernel } from "../gpu/kernel.ts";
import { attention, headBundle, NO_WINDOW } from "../kernels/attention.ts";
import {
  attentionCombine,
  attentionFlash,
  FLASH_HEAD_STEP,
  flashBundle,
  shareParams,
  WHOLE,
} from "../kernels/attention_flash.ts";
import { attentionPrompt, promptTunings, tuningForRows } from "../kernels/attention_prompt.ts";
import type { AttentionTuning } from "../kernels/tuning.ts";
import { partDispatches, promptDispatches, promptShares, takesParts, turnRows } from "./attention_parts.ts";
import type { Operation, OperationParts, RowRange } from "./operation.ts";

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
