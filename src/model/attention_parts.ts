/** How the keys of a row's attention are shared out over workgroups, and how many parts of rows there is room for. */
import type { ModelConfig } from "../formats/config.ts";
import { FLASH_HEAD_STEP, type KeyShares, mostSplits, splitsAt } from "../kernels/attention_flash.ts";
import type { AttentionTuning } from "../kernels/tuning.ts";
import type { RunnerLimits } from "./runner.ts";

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

export function promptShares({ promptKeys, maxSplits }: AttentionTuning): KeyShares {
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
  { limits, parts }: {
    readonly limits: Pick<RunnerLimits, "maxContext" | "maxPromptTokens">;
    readonly parts: PartSizes;
  },
  tuning: AttentionTuning,
): number {
  const splits = mostSplits(limits.maxContext, promptShares(tuning), config.slidingWindow);
  return splits === 1 ? 1 : 2 * Math.ceil(limits.maxPromptTokens / turnRows(splits, parts));
}

/** Prompt rows of at most so many parts each that there is room for. */
export function turnRows(splits: number, { partRows, maxSplits }: PartSizes): number {
  const rows = Math.floor(partRows * maxSplits / splits);
  return rows < TURN_ROWS ? rows : rows - rows % TURN_ROWS;
}
