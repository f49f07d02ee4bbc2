/** A checkpoint folder → the decode forms and prompt tiles that are quickest on the device, kept for the loads to come. */
import { ConfigError } from "../errors.ts";
import { openCheckpoint } from "../formats/checkpoint.ts";
import type { GpuDevice } from "../gpu/device.ts";
import { formPlaces, type TunedFamily } from "../kernels/forms.ts";
import { addingIn, type DeviceTuning, ROLES } from "../kernels/tuning.ts";
import { type LoadOptions, requirePrecision, tuningFor, uploadWeights } from "./load.ts";
import { LoadMeter } from "./load_meter.ts";
import { fitModel } from "./memory.ts";
import { MistralRunner } from "./mistral.ts";
import type { ModelRunner, RunnerLimits } from "./runner.ts";
import { findFlaw } from "./self_check.ts";
import { promptTimer, stepTimer, type TimerOptions, type TimeSteps } from "./step_timer.ts";
import { searchForms, type SearchOptions, type TunedStep } from "./tune.ts";
import { KEPT, TuneRecord, type TuneRecordOptions } from "./tune_record.ts";
import {
  searchTiles,
  startTiles,
  tiledRoles,
  type TileSearchOptions,
  type TriedTile,
  withoutTiles,
} from "./tune_tiles.ts";
import { familyOf, formLimits, pairsByRole, requireWritable, withTunedForms } from "./tuned_forms.ts";
import { checkSupported, headTakesHalves } from "./sizes.ts";
import { checkTensors, formatsOf } from "./weights.ts";

export interface TuneOptions extends
  Pick<
    LoadOptions,
    | "quantization"
    | "precision"
    | "kvCacheDtype"
    | "accumulation"
    | "memoryBytes"
    | "log"
    | "onProgress"
    | "signal"
  >,
  Pick<SearchOptions, "maxTries" | "onTry">,
  Pick<TuneRecordOptions, "retries" | "onKept">,
  Partial<TimerOptions> {
  /** Where the forms are kept. */
  readonly tunedDir: string;
  /** Numbers of rows; all that the kernels have forms for unless given. */
  readonly rows?: readonly number[] | undefined;
  /**
   * Rows of prompts; those of {@link PROMPT_ROWS} that a step has room for unless given. None where there are no tiles to
   * choose from.
   */
  readonly prompts?: readonly number[] | undefined;
  readonly onTryTile?: (tried: TriedTile) => void;
  /** In place of the one for the device. */
  readonly tuning?: DeviceTuning;
}

export interface Tuned {
  /** The file that was written. */
  readonly path: string;
  readonly steps: readonly TunedStep[];
  readonly prompts: readonly TunedStep[];
}

export const PROMPT_ROWS: readonly number[] = [16, 32, 64, 128, 256, 512];

/** Tokens of a sequence's context: room for the largest prompt, which is next to nothing of what a decode step reads. */
const MAX_CONTEXT = 544;
const TIMERS: Readonly<Record<"gpu" | "software", TimerOptions>> = {
  gpu: { leastMs: 200, leastSubmits: 4 },
  // Whoever tunes one wants to see it work, for what it finds there is of little use.
  software: { leastMs: 40, leastSubmits: 3 },
};

/**
 * Begins with the forms and tiles that are kept already, if there are some. Throws as loadModel() and requireWritable() do,
 * ConfigError for rows that no kernel has forms for and for prompts that no step has room for, and what stepTimer() rejects
 * with. However it ends, what it has found for the places that were searched through by then is kept (tune_record.ts).
 */
export async function tuneModel(device: GpuDevice, dir: string, options: TuneOptions): Promise<Tuned> {
  const { precision, quantization, tunedDir, signal } = options;
  signal?.throwIfAborted();
  requirePrecision(device, precision);
  using source = await openCheckpoint(dir, signal ? { signal } : {});
  const { config } = source;
  checkSupported(config);
  checkTensors(source, quantization);
  const { maxBindableBytes } = device;
  const formats = formatsOf(source, quantization);
  const maxContext = Math.min(MAX_CONTEXT, config.maxPositionEmbeddings);
  let table = await tuningFor(device, source, { ...options, maxContext, maxSequences: 1 });
  const mostRows = Math.max(...formPlaces(table, "matrices").map(({ rows }) => rows));
  const fit = (tuning: DeviceTuning) =>
    fitModel(config, {
      ...{ precision, maxContext, maxSequences: mostRows, maxBindableBytes, tuning, formats },
      ...options.kvCacheDtype !== undefined && { kvCacheDtype: options.kvCacheDtype },
      memoryBytes: options.memoryBytes,
    });
  rowsOf(table, familyOf(fit(table).sizes), options.rows);
  promptsOf(fit(table).sizes.limits, options.prompts);
  await requireWritable(tunedDir); // not in the end, after minutes

  using owned = new DisposableStack();
  const meter = new LoadMeter(options.onProgress);
  const plan = { quantization, maxBindableBytes, meter, entry: null, owned, ...signal && { signal } };
  const weights = await uploadWeights(device, source, plan);
  const make = async (tuning: DeviceTuning): Promise<ModelRunner> => {
    signal?.throwIfAborted();
    using own = new DisposableStack(); // Buffers of the step; the weights stay.
    return await MistralRunner.create({
      ...{ device, config, weights, precision, tuning, ...fit(tuning) },
      owned: own,
    });
  };

  // As a load will find it.
  if (!device.info.software && fit(table).sizes.halves) {
    using runner = await make(table);
    if (await findFlaw(runner, signal) !== null) {
      options.log?.(`"${device.info.adapter}" cannot add in pairs of f16 here: tuning products in f32`);
      table = addingIn("f32", table);
    }
  }
  const { sizes } = fit(table);
  const { halves } = sizes;
  const shape = { device: device.info, config, formats, precision, halves };
  const family = familyOf(shape);
  const rows = rowsOf(table, family, options.rows);
  const headIsOurs = !halves || headTakesHalves(sizes, formats.head ?? formats.embedding);
  const timing = { ...TIMERS[device.info.software ? "software" : "gpu"], ...options };
  const time = stepTimer(make, timing);
  const kept = await withTunedForms(tunedDir, shape, table).catch((error) => {
    options.log?.(error instanceof Error ? error.message : String(error));
    return table;
  });
  const record = await TuneRecord.open({ ...options, dir: tunedDir, shape }, kept);
  const roles = ROLES.filter((role) => role !== "head" || headIsOurs);
  const pairs = pairsByRole(config);
  const search = { family, roles, pairs, record };
  try {
    const begin = await beginning(time, { table, kept, rows, record, log: options.log });
    const limits = formLimits(device.info);
    const { tuning, steps } = await searchForms(time, begin, { ...options, ...search, rows, limits });
    const { steps: prompts } = await tunePrompts(promptTimer(make, timing), {
      ...{ table, kept: tuning, ...search, limits: sizes.limits, options },
    });
    return { path: await record.close(), steps, prompts };
  } catch (error) {
    await record.failed({ isOver: signal?.aborted === true })
      .catch((failure) => options.log?.(`What was tried last could not be noted: ${failure.message}`));
    throw error;
  }
}

/** Tiles, where there are some to choose from. */
async function tunePrompts(
  time: TimeSteps,
  { table, kept: found, family, record, limits, options, ...search }:
    & Pick<TileSearchOptions, "family" | "roles" | "pairs">
    & {
      readonly record: TuneRecord;
      readonly table: DeviceTuning;
      readonly kept: DeviceTuning;
      readonly limits: RunnerLimits;
      readonly options: TuneOptions;
    },
): Promise<{ readonly tuning: DeviceTuning; readonly steps: readonly TunedStep[] }> {
  const { log, signal, onTryTile } = options;
  const wanted = promptsOf(limits, options.prompts);
  if (wanted.length === 0 || tiledRoles(table, family).length === 0) {
    if (options.prompts?.length) log?.("The kernels have no tiles to choose from here: no prompts are timed");
    return { tuning: found, steps: [] };
  }
  const tiled = tiledRoles(table, family);
  let kept = found;
  const hasTiles = tiled.some((role) => found[family]?.[role].tiles !== undefined);
  if (hasTiles && !await record.mayTry(KEPT.tiles)) {
    log?.(`An earlier search ended with ${KEPT.tiles}: this one begins without`);
    kept = withoutTiles(found, family, tiled);
  }
  const most = limits.maxPromptTokens;
  const { tuning, sizes } = await startTiles(time, { table, kept, family, sizes: wanted, most, log });
  if (hasTiles) await record.keep(kept, { isPlace: false });
  const onTry = onTryTile === undefined ? {} : { onTry: onTryTile };
  const searched = await searchTiles(time, tuning, { ...search, family, sizes, signal, record, ...onTry });
  await record.keep(searched.tuning, { isPlace: false });
  return searched;
}

/** What is kept, as long as it still gives the table's bits, and no earlier search ended with it. */
async function beginning(
  time: TimeSteps,
  { table, kept, rows, record, log }: Parameters<typeof runs>[1] & {
    readonly record: TuneRecord;
    readonly log: TuneOptions["log"];
  },
): Promise<DeviceTuning> {
  if (kept === table) return table;
  if (!await record.mayTry(KEPT.forms)) {
    log?.(`An earlier search ended with ${KEPT.forms}: this one begins without`);
    await record.keep(table, { isPlace: false });
    return table;
  }
  const isSound = await runs(time, { table, kept, rows });
  await record.keep(kept, { isPlace: false }); // until something else is found
  if (isSound) return kept;
  log?.("The forms that are kept do not run here any more, or not with the same bits");
  return table;
}

/** Whether the forms that are kept still give the table's bits; a driver may have changed since. Those must be seen first. */
async function runs(
  time: TimeSteps,
  { table, kept, rows }: {
    readonly table: DeviceTuning;
    readonly kept: DeviceTuning;
    readonly rows: readonly number[];
  },
): Promise<boolean> {
  for (const count of rows) {
    if (await time(table, count) === null || await time(kept, count) === null) return false;
  }
  return true;
}

/** Those that are wanted, or all. Throws ConfigError for one that no kernel has a form for. */
function rowsOf(
  tuning: DeviceTuning,
  family: TunedFamily,
  wanted: readonly number[] | undefined,
): readonly number[] {
  const known = [...new Set(formPlaces(tuning, family).map(({ rows }) => rows))];
  const unknown = wanted?.find((rows) => !known.includes(rows));
  if (unknown === undefined) return wanted ?? known;
  throw new ConfigError(`Cannot tune for ${unknown} rows: the kernels have forms for ${known.join(", ")}`, {
    ...{ field: "rows", found: unknown, expected: known },
  });
}

/** Those that are wanted, or that there is room for, ascending. Throws ConfigError for more than a step takes. */
function promptsOf(
  { maxPromptTokens }: RunnerLimits,
  wanted: readonly number[] | undefined,
): readonly number[] {
  const prompts = wanted ?? PROMPT_ROWS.filter((rows) => rows <= maxPromptTokens);
  const tooLong = prompts.find((rows) => rows > maxPromptTokens);
  if (tooLong === undefined) return prompts.toSorted((a, b) => a - b);
  throw new ConfigError(
    `Cannot tune for prompts of ${tooLong} tokens: a step takes ${maxPromptTokens} of them at most`,
    { field: "prompts", found: tooLong, expected: maxPromptTokens },
  );
}
