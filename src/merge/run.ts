/**
 * Carries out a merge: sources are hashed, each step is read, mixed and written block by block, and the folder appears
 * at the end, complete with configuration, tokenizer, model card and provenance, or not at all. Memory holds the input
 * tensors of one step as stored, plus blocks and what a method notes (at most a bit an element of each model): it is
 * bounded by the largest tensor, not by the model.
 */
import { type FileHash, hashArtifact, PROVENANCE_FILE } from "../formats/artifact.ts";
import { CheckpointWriter } from "../formats/checkpoint_writer.ts";
import { bytesPerElement } from "../tensor/dtype.ts";
import type { ArchitectureDefinition } from "./architecture_definition.ts";
import { type MergeConfig, parseMergeConfig } from "./config.ts";
import { MODEL_CARD_FILE, modelCard } from "./model_card.ts";
import type { ModelResolver } from "./model_paths.ts";
import { outputConfigJson } from "./output_config.ts";
import { type MergePlan, planMerge } from "./plan.ts";
import { buildRecord } from "./provenance.ts";
import type { MergeRecord, StageRecord, TensorRecord } from "./record.ts";
import { mergeInStages } from "./stages.ts";
import { companionFiles } from "./tokenizer_files.ts";
import { elementsOf, mixedBlocks, mixStep, tensorRecord } from "./step.ts";

/** The configuration as given, kept in the output under mergekit's name for it. */
export const CONFIG_FILE = "mergekit_config.yml";

export interface MergeProgress {
  readonly stage: "hashing" | "merging";
  /** Of this stage. Hashing counts source bytes read, merging counts output bytes written. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly doneTensors: number;
  readonly totalTensors: number;
  /** Being worked on: a source's name or an output tensor's. */
  readonly item: string;
}

export interface RunMergeOptions {
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
  readonly onProgress?: (progress: MergeProgress) => void;
  readonly signal?: AbortSignal;
}

/**
 * Merges and returns the record, which also lies in the output as provenance.json. Throws ConfigError for the
 * configuration or the target, MergeError for models that do not fit, FormatError or NotFoundError for a bad source,
 * and the signal's reason.
 */
export async function runMerge(options: RunMergeOptions): Promise<MergeRecord> {
  const config = parseMergeConfig(options.config, options.configName ?? "merge configuration");
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
  const shardOption = options.shardBytes === undefined ? {} : { shardBytes: options.shardBytes };
  await using writer = await CheckpointWriter.create(options.outDir, plan.steps, shardOption);

  const sourceFiles = await hashSources(plan, options);
  const tensors = await mergeTensors(plan, writer, options);
  await writer.finishTensors();
  await writer.writeFile("config.json", outputConfigJson(plan));
  for (const { name, content } of companions) await writer.writeFile(name, content);
  await writer.writeFile(CONFIG_FILE, config.text);
  await writer.writeFile(MODEL_CARD_FILE, modelCard(plan));
  const record = buildRecord(plan, { tensors, sourceFiles, files: [...writer.files], stages });
  await writer.writeFile(PROVENANCE_FILE, JSON.stringify(record, null, 1) + "\n");
  signal?.throwIfAborted();
  await writer.commit();
  return record;
}

async function hashSources(
  plan: MergePlan,
  { onProgress, signal }: RunMergeOptions,
): Promise<ReadonlyMap<string, readonly FileHash[]>> {
  const weights = [...plan.checkpoints.values()].flatMap((checkpoint) => [...checkpoint.tensors.values()]);
  const totalBytes = weights.reduce((sum, tensor) => sum + tensor.byteLength, 0);
  const hashes = new Map<string, readonly FileHash[]>();
  let doneBytes = 0;
  for (const [item, checkpoint] of plan.checkpoints) {
    const onBytes = (bytes: number) => {
      doneBytes = Math.min(doneBytes + bytes, totalBytes); // headers and small files are not in the estimate
      onProgress?.({
        stage: "hashing",
        item,
        doneBytes,
        totalBytes,
        doneTensors: 0,
        totalTensors: plan.steps.length,
      });
    };
    hashes.set(
      item,
      await hashArtifact(checkpoint.folder, signal === undefined ? { onBytes } : { onBytes, signal }),
    );
  }
  return hashes;
}

async function mergeTensors(
  plan: MergePlan,
  writer: CheckpointWriter,
  { onProgress, signal }: RunMergeOptions,
): Promise<readonly TensorRecord[]> {
  const signalOption = signal === undefined ? {} : { signal };
  const totalBytes = plan.steps.reduce(
    (sum, step) => sum + elementsOf(step) * bytesPerElement(step.dtype),
    0,
  );
  const records: TensorRecord[] = [];
  let doneBytes = 0;
  for (const [doneTensors, step] of plan.steps.entries()) {
    const mix = await mixStep(plan, step, signalOption);
    const report = (bytes: number) => {
      doneBytes += bytes;
      const totalTensors = plan.steps.length;
      onProgress?.({ stage: "merging", item: step.name, doneBytes, totalBytes, doneTensors, totalTensors });
    };
    const outputSha256 = await writer.writeTensor(step.name, mixedBlocks(step, mix, report), signalOption);
    records.push(tensorRecord(step, mix, outputSha256));
  }
  return records;
}
