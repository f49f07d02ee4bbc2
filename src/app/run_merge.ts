/**
 * Runs a merge into the model library and writes down what happened: a row while it runs, and when the folder is there,
 * in one transaction, its provenance and the registrations of parents and result. A merge that fails leaves its row with
 * the error and no folder; one whose process dies is marked at the next start.
 */
import { resolve } from "node:path";
import { ConfigError, type ErrorRecord, toErrorRecord } from "../errors.ts";
import { sha256 } from "../formats/artifact.ts";
import { parseMergeConfig } from "../merge/config.ts";
import type { ModelResolver } from "../merge/model_paths.ts";
import { outputDtypeName } from "../merge/output_config.ts";
import { planMerge } from "../merge/plan.ts";
import type { MergeRecord } from "../merge/record.ts";
import { type MergeProgress, runMerge as mergeCheckpoints } from "../merge/run.ts";
import type { Quantization } from "../model/runner.ts";
import { toJson, toTime } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import { insertMerge, unfinishedMerges, updateMerge } from "../store/merges.ts";
import { findModel, findModelByManifest, type ModelRow } from "../store/models.ts";
import { VERSION } from "../version.ts";
import type { Clock } from "./clock.ts";
import { INTERRUPTED } from "./generate/recovery.ts";
import { insertRecordParts, recordColumns } from "./merge_rows.ts";
import {
  nameByPlace,
  noteRegistered,
  parseName,
  prepareRegistration,
  type RegisterOptions,
  type Registration,
  writeRegistration,
} from "./register.ts";
import { requireRole } from "./roles.ts";
import type { Principal } from "./types.ts";
import { findMissingWeights } from "./weights.ts";

export interface RunMergeInput {
  /** mergekit YAML. */
  readonly config: string;
  /** How messages call it. */
  readonly configName: string;
  /** `owner/name` of the result, which is also its place in the library. */
  readonly name: string;
  /** From a name in the configuration to a folder. */
  readonly resolve: ModelResolver;
  /** Names to register parents under, by their names in the configuration; others are called as their folders. */
  readonly parentNames?: ReadonlyMap<string, string>;
  /** How the weights of result and newly registered parents are held; the gateway's default where absent. */
  readonly quantization?: Quantization;
  readonly onProgress?: (progress: MergeProgress) => void;
  readonly signal?: AbortSignal;
}

/** Resolves with the registered result. Throws what is wrong with configuration, parents or target. */
export async function runMerge(
  options: RegisterOptions,
  principal: Principal,
  input: RunMergeInput,
): Promise<ModelRow> {
  requireRole(principal, "ADMIN", "merge models");
  const { db, clock, ids } = options;
  const signal = input.signal === undefined ? {} : { signal: input.signal };
  const outDir = resolve(options.dataDir, "models", parseName(input.name));
  await requireFreeName(db, input.name, outDir);
  const config = parseMergeConfig(input.config, input.configName);
  // Every mismatch between configuration and models comes out here, before there is a row.
  using plan = await planMerge(config, input.resolve, signal);
  const id = ids();
  const startedAt = toTime(clock.now());
  await insertMerge(db, {
    id,
    status: "RUNNING",
    method: config.method,
    base_model_name: config.baseModel,
    dtype: outputDtypeName(plan),
    config_yaml: input.config,
    config_sha256: sha256(input.config),
    parameters: "[]",
    curves: "[]",
    tool_version: VERSION,
    artifact_sha256: null,
    error: null,
    created_at: startedAt,
    started_at: startedAt,
    finished_at: null,
  });
  try {
    const { onProgress } = input;
    const record = await mergeCheckpoints({
      ...{ config: input.config, configName: input.configName, outDir, resolve: input.resolve, ...signal },
      ...(onProgress && { onProgress }),
    });
    return await recordResult(options, input, { id, outDir, record });
  } catch (error) {
    if (input.signal?.aborted) await endMerge(db, clock, id, "CANCELLED", null);
    else await endMerge(db, clock, id, "FAILED", toErrorRecord(error));
    throw error;
  }
}

/** Merges that a dead process was running; how many there were. */
export async function endInterruptedMerges(db: Db, clock: Clock): Promise<number> {
  const merges = await unfinishedMerges(db);
  for (const { id } of merges) await endMerge(db, clock, id, "FAILED", INTERRUPTED);
  return merges.length;
}

/** A merge may only take the place of its own result, where that was deleted. */
async function requireFreeName(db: Db, name: string, outDir: string): Promise<void> {
  const known = await findModel(db, { name });
  if (known === undefined || (known.path === outDir && await findMissingWeights(known) !== null)) return;
  throw new ConfigError(`Cannot merge into "${name}": there is a model of that name`, {
    name,
    path: known.path,
  });
}

async function recordResult(
  options: RegisterOptions,
  input: RunMergeInput,
  { id, outDir, record }: { readonly id: string; readonly outDir: string; readonly record: MergeRecord },
): Promise<ModelRow> {
  const { db, clock } = options;
  const parents = await prepareParents(options, input, record);
  const result = await prepareRegistration(options, {
    path: outDir,
    name: input.name,
    ...quantizationOf(input),
  }, record.artifact.files);
  const rows = await db.transaction().execute(async (trx) => {
    const finishedAt = toTime(clock.now());
    await updateMerge(trx, id, { status: "SUCCEEDED", ...recordColumns(record), finished_at: finishedAt });
    await insertRecordParts(trx, id, record);
    const written: ModelRow[] = [];
    for (const registration of [...parents, result]) {
      written.push(await writeRegistration(options, trx, registration));
    }
    return written;
  });
  for (const row of rows) await noteRegistered(options, row);
  return rows.at(-1)!;
}

/** Parents whose very weights are registered under any name stay as they are. */
async function prepareParents(
  options: RegisterOptions,
  input: RunMergeInput,
  record: MergeRecord,
): Promise<readonly Registration[]> {
  const registrations: Registration[] = [];
  for (const source of record.sources) {
    const given = input.parentNames?.get(source.name);
    const known = await findModelByManifest(options.db, source.manifestSha256);
    if (known !== undefined && (given === undefined || given === known.name)) continue;
    const path = await input.resolve(source.name);
    const name = given ?? await freeName(options, nameByPlace(path, options.dataDir), source.manifestSha256);
    registrations.push(
      await prepareRegistration(options, { path, name, ...quantizationOf(input) }, source.files),
    );
  }
  return registrations;
}

function quantizationOf({ quantization }: RunMergeInput): { readonly quantization?: Quantization } {
  return quantization === undefined ? {} : { quantization };
}

/** A folder's own name, told apart by its content where another model has it. */
async function freeName({ db }: RegisterOptions, name: string, manifestSha256: string): Promise<string> {
  return await findModel(db, { name }) === undefined ? name : `${name}-${manifestSha256.slice(0, 8)}`;
}

async function endMerge(
  db: Db,
  clock: Clock,
  id: string,
  status: "FAILED" | "CANCELLED",
  error: ErrorRecord | null,
): Promise<void> {
  await updateMerge(db, id, { status, error: error && toJson(error), finished_at: toTime(clock.now()) });
}
