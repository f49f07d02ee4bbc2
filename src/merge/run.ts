/**
 * Carries out a merge: the weights are made by worker threads (see weights.ts), and the folder appears at the end,
 * complete with configuration, tokenizer, model card and provenance, or not at all. A merge that is cancelled or fails
 * leaves nothing; one whose process dies is taken up by the next merge of the same models to the same place.
 */
import { type FileHash, PROVENANCE_FILE } from "../formats/artifact.ts";
import { INDEX_FILE } from "../formats/shard_index.ts";
import { DEFAULT_SHARD_BYTES, shardIndexJson } from "../formats/shard_plan.ts";
import { writeStagedFile } from "../formats/staged_file.ts";
import { StagedFolder } from "../formats/staged_folder.ts";
import type { ArchitectureDefinition } from "./architecture_definition.ts";
import type { MergeConfig } from "./merge_config.ts";
import { readMergeConfig } from "./find_parents.ts";
import { removeJournal } from "./journal.ts";
import { MODEL_CARD_FILE, modelCard } from "./model_card.ts";
import type { ModelResolver } from "./model_paths.ts";
import { outputConfigJson } from "./output_config.ts";
import { planMerge } from "./plan.ts";
import type { MergeProgress } from "./progress_meter.ts";
import { buildRecord } from "./provenance.ts";
import type { MergeRecord, StageRecord } from "./record.ts";
import type { ResourceLimits } from "./resources.ts";
import { mergeInStages } from "./stages.ts";
import { companionFiles } from "./tokenizer_files.ts";
import { mergeWeights } from "./weights.ts";

export type { MergeProgress } from "./progress_meter.ts";

/** The configuration as given, kept in the output under mergekit's name for it. */
export const CONFIG_FILE = "mergekit_config.yml";

export interface RunMergeOptions extends ResourceLimits {
  /** YAML text. */
  readonly config: string;
  /** How messages call the configuration; a path or a title. */
  readonly configName?: string;
  /** The folder to create; must not exist or be empty. */
  readonly outDir: string;
  readonly resolve: ModelResolver;
  /** Descriptions of architectures beside the shipped ones, which they may replace. */
  readonly architectures?: readonly ArchitectureDefinition[];
  /** Limit of tensor bytes in an output file; mergekit's default where absent. */
  readonly shardBytes?: number;
  /** false: what a merge to the same place that died had finished is thrown away. */
  readonly resume?: boolean;
  readonly onProgress?: (progress: MergeProgress) => void;
  readonly signal?: AbortSignal;
}

/**
 * Merges and returns the record, which also lies in the output as provenance.json. Throws ConfigError for the
 * configuration or the target, MergeError for models that do not fit, FormatError or NotFoundError for a bad source,
 * and the signal's reason.
 */
export async function runMerge(options: RunMergeOptions): Promise<MergeRecord> {
  const { configName = "merge configuration", resolve } = options;
  const config = await readMergeConfig(options.config, configName, resolve);
  if (config.before.length === 0) return await mergeOne(config, options, []);
  return await mergeInStages(config, options, mergeOne);
}

/** One document, whose inputs are all there. `stages` are the records of those that were made for it. */
async function mergeOne(
  config: MergeConfig,
  options: RunMergeOptions,
  stages: readonly StageRecord[],
): Promise<MergeRecord> {
  const { signal, architectures } = options;
  const signalOption = signal === undefined ? {} : { signal };
  using plan = await planMerge(config, options.resolve, {
    ...(architectures && { architectures }),
    ...signalOption,
  });
  const companions = await companionFiles(plan);
  await using folder = await StagedFolder.claim(options.outDir);
  if (options.resume === false) await folder.clear();
  const { shards, tensors, sourceFiles, files: weights } = await mergeWeights(plan, folder, {
    ...options,
    shardBytes: options.shardBytes ?? DEFAULT_SHARD_BYTES,
  });

  const files: FileHash[] = [...weights];
  const write = async (name: string, content: string | Uint8Array) => {
    files.push(await writeStagedFile(folder, name, content));
  };
  if (shards.length > 1) await write(INDEX_FILE, shardIndexJson(shards));
  await write("config.json", outputConfigJson(plan));
  for (const { name, content } of companions) await write(name, content);
  await write(CONFIG_FILE, config.text);
  await write(MODEL_CARD_FILE, modelCard(plan));
  const record = buildRecord(plan, { tensors, sourceFiles, files, stages });
  await writeStagedFile(folder, PROVENANCE_FILE, JSON.stringify(record, null, 1) + "\n");
  signal?.throwIfAborted();
  await folder.commit();
  await removeJournal(folder); // not before: killed in between, all shards would have to be made again
  return record;
}
