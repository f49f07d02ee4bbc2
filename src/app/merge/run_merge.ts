/**
 * The parts of a merge into the model library: what is checked before it is accepted, the work itself, and what is
 * written when the folder is there: in one transaction, its provenance and the registrations of parents and result.
 * When each of them happens is up to job.ts.
 */
import { join, resolve } from "node:path";
import { ConfigError } from "../../errors.ts";
import { PROVENANCE_FILE, sha256 } from "../../formats/artifact.ts";
import { type ModelConfig, parseModelConfig } from "../../formats/config.ts";
import { parseJsonObject } from "../../formats/json.ts";
import { requireFreeTarget } from "../../formats/staged_folder.ts";
import type { MergeConfig } from "../../merge/merge_config.ts";
import { findParents, readMergeConfig } from "../../merge/find_parents.ts";
import type { ModelResolver } from "../../merge/model_paths.ts";
import { outputConfigJson, outputDtypeName } from "../../merge/output_config.ts";
import { type MergePlan, modelNames, planMerge } from "../../merge/plan.ts";
import type { MergeRecord, SourceRecord } from "../../merge/record.ts";
import { type MergeProgress, runMerge as mergeCheckpoints } from "../../merge/run.ts";
import type { Quantization } from "../../model/runner.ts";
import { configDtypeName } from "../../tensor/dtype.ts";
import { toTime } from "../../store/codec.ts";
import type { Db } from "../../store/database.ts";
import { type MergeRow, unfinishedMergeInto, updateMerge } from "../../store/merges.ts";
import { unfinishedPullOf } from "../../store/model_jobs.ts";
import { findModel, findModelByManifest, hasFolder, type ModelRow } from "../../store/models.ts";
import { VERSION } from "../../version.ts";
import { insertRecordParts, recordColumns } from "../merge_rows.ts";
import {
  nameByPlace,
  parseName,
  prepareRegistration,
  type RegisterOptions,
  type Registration,
  requireArchitecture,
  toName,
  writeRegistration,
} from "../register.ts";
import { findMissingWeights } from "../weights.ts";

export interface RunMergeInput {
  /** mergekit YAML. */
  readonly config: string;
  /** How messages call it. */
  readonly configName: string;
  /** `owner/name`, or a name alone, of the result, which is also its place in the library. */
  readonly name: string;
  /** From a name in the configuration to a folder. */
  readonly resolve: ModelResolver;
  /** Names to register parents under, by their names in the configuration; others are called as their folders. */
  readonly parentNames?: ReadonlyMap<string, string>;
  /** How the weights of result and newly registered parents are held; the gateway's default where absent. */
  readonly quantization?: Quantization;
  readonly onProgress?: (progress: MergeProgress) => void;
}

/**
 * Everything that can be wrong with configuration, parents and target comes out here, before there is a row. What is
 * returned is that row, not yet written; `durable` lets the queue take it up again after a restart, where the same names
 * mean the same folders.
 */
export async function acceptMerge(
  options: RegisterOptions,
  input: RunMergeInput,
  { durable, signal }: { readonly durable: boolean; readonly signal?: AbortSignal },
): Promise<MergeRow> {
  const { db, clock, ids } = options;
  const known = await requireFreeName(db, input.name, outDirOf(options, input));
  const config = await readMergeConfig(input.config, input.configName, input.resolve);
  const dtype = await checkPlan(config, input, { known, signal });
  return {
    id: ids(),
    status: "QUEUED",
    method: config.method,
    base_model_name: config.baseModel,
    dtype,
    config_yaml: input.config,
    config_sha256: sha256(input.config),
    parameters: "[]",
    curves: "[]",
    tool_version: VERSION,
    artifact_sha256: null,
    error: null,
    created_at: toTime(clock.now()),
    started_at: null,
    finished_at: null,
    target_name: durable ? input.name : null,
    target_quantization: durable ? input.quantization ?? null : null,
    gateway_id: null,
    cancel_requested_at: null,
  };
}

/**
 * Plans what can be planned before anything is merged, and resolves with the result's dtype as far as it is known: a
 * document that builds on the result of another is planned when that is there.
 */
async function checkPlan(
  config: MergeConfig,
  { resolve }: RunMergeInput,
  { known, signal }: { readonly known: ModelRow | undefined; readonly signal: AbortSignal | undefined },
): Promise<string> {
  const made = new Set(config.before.map(({ name }) => name));
  let dtype = configDtypeName(config.outDtype ?? config.dtype ?? "BF16");
  const parents = await findParents([...config.before, config], resolve, made);
  for (const document of [...config.before, config]) {
    if (modelNames(document).some((name) => made.has(name))) continue;
    using plan = await planMerge(document, parents.resolve, signal === undefined ? {} : { signal });
    const { architecture } = requireServable(plan);
    if (document !== config) continue;
    dtype = outputDtypeName(plan);
    if (known !== undefined) requireArchitecture(known, architecture);
  }
  return dtype;
}

/** What is merged into the library is registered, which takes a model that runs here: better refused now than then. */
function requireServable(plan: MergePlan): ModelConfig {
  return parseModelConfig(
    parseJsonObject(new TextEncoder().encode(outputConfigJson(plan)), RESULT_CONFIG),
    RESULT_CONFIG,
  );
}
const RESULT_CONFIG = "config.json of the result";

/** A merge that is on disk and ready to be written down. */
export interface MergeResult {
  readonly record: MergeRecord;
  /** Parents that were not registered yet, then the result. */
  readonly registrations: readonly Registration[];
}

/** Merges into the library. Throws what merging and registering throw, and the signal's reason. */
export async function executeMerge(
  options: RegisterOptions,
  input: RunMergeInput,
  { signal, onProgress }: {
    readonly signal: AbortSignal;
    readonly onProgress: (progress: MergeProgress) => void;
  },
): Promise<MergeResult> {
  const outDir = outDirOf(options, input);
  const { config, configName } = input;
  const record = await mergeCheckpoints({
    ...{ config, configName, outDir, resolve: input.resolve, signal, onProgress },
  });
  const parents = await prepareParents(options, input, record);
  const result = await prepareRegistration(options, {
    path: outDir,
    name: input.name,
    ...quantizationOf(input),
  }, record.artifact.files);
  return { record, registrations: [...parents, result] };
}

/** Provenance and models, in the transaction that ends the merge, under oneActAtATime(); the last row is the result. */
export async function writeResult(
  options: RegisterOptions,
  trx: Db,
  { id, at, result }: { readonly id: string; readonly at: Date; readonly result: MergeResult },
): Promise<readonly ModelRow[]> {
  const { record, registrations } = result;
  await updateMerge(trx, id, { status: "SUCCEEDED", ...recordColumns(record), finished_at: toTime(at) });
  await insertRecordParts(trx, id, record);
  const rows: ModelRow[] = [];
  for (const registration of registrations) rows.push(await writeRegistration(options, trx, registration));
  return rows;
}

function outDirOf({ dataDir }: RegisterOptions, { name }: RunMergeInput): string {
  return resolve(dataDir, "models", parseName(name));
}

/** Of two merges into one name, the second one is refused, and so is one into a name that a pull brings. */
export async function requireUnclaimed(db: Db, name: string): Promise<void> {
  const merge = await unfinishedMergeInto(db, name);
  if (merge !== undefined) {
    throw new ConfigError(`Cannot merge into "${name}": a merge of that name is on its way`, {
      ...{ field: "name", name, mergeId: merge.id },
    });
  }
  const pull = await unfinishedPullOf(db, name);
  if (pull === undefined) return;
  throw new ConfigError(`Cannot merge into "${name}": a pull of that name is on its way`, {
    ...{ field: "name", name, jobId: pull.id },
  });
}

/**
 * A merge may only take the place of its own result, where that was deleted, or of a model without weights. The model of
 * this name, if there is one.
 */
async function requireFreeName(db: Db, name: string, outDir: string): Promise<ModelRow | undefined> {
  await requireUnclaimed(db, name);
  const known = await findModel(db, { name });
  if (
    known === undefined || !hasFolder(known) ||
    (known.path === outDir && await findMissingWeights(known) !== null)
  ) {
    await requireFreePlace(name, outDir);
    return known;
  }
  throw new ConfigError(
    `Cannot merge into "${name}": there is a model of that name. ` +
      "Remove it first (removeModel), or merge into another name",
    { field: "name", name, path: known.path },
  );
}

/** A process that was killed between a merge's last file and its registration has left a whole model behind. */
async function requireFreePlace(name: string, outDir: string): Promise<void> {
  try {
    await requireFreeTarget(outDir);
  } catch (error) {
    const isWhole = await Deno.stat(join(outDir, PROVENANCE_FILE)).then((info) => info.isFile, () => false);
    if (!isWhole) throw error;
    throw new ConfigError(
      `Cannot merge into "${name}": "${outDir}" holds a finished merge that is not registered. ` +
        "Register it with registerModel, or remove the folder",
      { name, path: outDir },
      { cause: error },
    );
  }
}

/** Parents whose very weights are registered under any name stay as they are. */
async function prepareParents(
  options: RegisterOptions,
  input: RunMergeInput,
  record: MergeRecord,
): Promise<readonly Registration[]> {
  const registrations: Registration[] = [];
  const taken = new Set([input.name]);
  for (const source of keptSources(record)) {
    const given = input.parentNames?.get(source.name);
    const known = await findModelByManifest(options.db, source.manifestSha256);
    if (known !== undefined && (given === undefined || given === known.name)) continue;
    const path = await input.resolve(source.name);
    const name = given ?? await freeName(options, path, { manifestSha256: source.manifestSha256, taken });
    taken.add(name);
    registrations.push(
      await prepareRegistration(options, { path, name, ...quantizationOf(input) }, source.files),
    );
  }
  return registrations;
}

/** All sources that are still there: what a stage has made is not, what it was made from is. */
function keptSources(record: MergeRecord): readonly SourceRecord[] {
  const stages = record.stages ?? [];
  const made = new Set(stages.map(({ name }) => name));
  const all = [...record.sources, ...stages.flatMap((stage) => stage.record.sources)];
  return [
    ...new Map(all.filter(({ name }) => !made.has(name)).map((source) => [source.name, source])).values(),
  ];
}

function quantizationOf({ quantization }: RunMergeInput): { readonly quantization?: Quantization } {
  return quantization === undefined ? {} : { quantization };
}

/** A folder's own name as far as names go, told apart by its content where another model has it, or another parent. */
async function freeName(
  { db, dataDir }: RegisterOptions,
  path: string,
  { manifestSha256, taken }: { readonly manifestSha256: string; readonly taken: ReadonlySet<string> },
): Promise<string> {
  const name = toName(nameByPlace(path, dataDir));
  const holder = taken.has(name) ? undefined : await findModel(db, { name });
  const isFree = !taken.has(name) && (holder === undefined || !hasFolder(holder));
  return isFree ? name : `${name}-${manifestSha256.slice(0, 8)}`;
}
