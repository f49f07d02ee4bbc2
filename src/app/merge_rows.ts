/**
 * A merge's record as rows, and rows as the use cases show them. A record without a run of ours behind it (a folder that
 * the command line or another machine has merged) becomes a merge that succeeded, at times nobody knows.
 */
import type { ErrorRecord } from "../errors.ts";
import type { MergeRecord } from "../merge/record.ts";
import { fromJson, fromJsonOrNull, fromTime, fromTimeOrNull, toJson, toTime } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import {
  findMergeByResult,
  insertMerge,
  insertMergeSources,
  insertMergeTensors,
  type MergeRow,
  type MergeSourceRow,
  type MergeTensorRow,
} from "../store/merges.ts";
import type { Clock } from "./clock.ts";
import type { Ids } from "./ids.ts";
import type { Merge, MergeMode, MergeSource, MergeStatus, MergeTensor } from "./types.ts";

/** What a record says about the merge itself. */
export function recordColumns(record: MergeRecord) {
  return {
    method: record.method,
    base_model_name: record.baseModel,
    dtype: record.dtype,
    config_yaml: record.configuration.text,
    config_sha256: record.configuration.sha256,
    parameters: toJson(
      record.parameters.map(({ name, filter, value, gradient }) => ({ name, filter, value, gradient })),
    ),
    curves: toJson(record.curves.map(({ filter, t }) => ({ filter, t }))),
    tool_version: record.toolVersion,
    artifact_sha256: record.artifact.manifestSha256,
  };
}

/** A source in a slice. */
interface SourceUse {
  readonly model: string;
  readonly layerRange: readonly [number, number];
  readonly isBase: boolean;
  readonly artifactSha256: string;
}

function usesOf({ sources, configuration }: MergeRecord): readonly SourceUse[] {
  const manifests = new Map(sources.map((source) => [source.name, source.manifestSha256]));
  return configuration.resolved.slices.flatMap((slice) =>
    slice.sources.map(({ model, layerRange }) => ({
      ...{ model, layerRange, isBase: model === slice.baseModel },
      artifactSha256: manifests.get(model) ?? "",
    }))
  );
}

/** What only the documents before the output read: parents all the same. None of them is the output's base. */
function usesInStages(record: MergeRecord): readonly SourceUse[] {
  const stages = record.stages ?? [];
  const known = new Set([...stages, ...record.sources].map(({ name }) => name));
  return stages.flatMap((stage) => usesOf(stage.record))
    .filter(({ model }) => !known.has(model) && known.add(model))
    .map((use) => ({ ...use, isBase: false }));
}

/** Sources and tensors of a merge whose row is there. Call it in the transaction that ends the merge. */
export async function insertRecordParts(trx: Db, mergeId: string, record: MergeRecord): Promise<void> {
  const sources = [...usesOf(record), ...usesInStages(record)];
  await insertMergeSources(
    trx,
    sources.map(({ model, layerRange, isBase, artifactSha256 }, ordinal) => ({
      merge_id: mergeId,
      ordinal,
      name: model,
      layer_start: layerRange[0],
      layer_end: layerRange[1],
      is_base: isBase ? 1 : 0,
      artifact_sha256: artifactSha256,
    })),
  );
  await insertMergeTensors(
    trx,
    record.tensors.map((tensor, ordinal) => ({
      merge_id: mergeId,
      ordinal,
      name: tensor.name,
      layer: tensor.layer,
      filter: tensor.filter,
      t: tensor.t,
      mode: tensor.mode,
      cosine: tensor.cosine,
      output_sha256: tensor.outputSha256,
    })),
  );
}

/** The merge that made this result: one that is known already, or new rows from the record. */
export async function ensureMergeOfRecord(
  trx: Db,
  record: MergeRecord,
  { clock, ids }: { readonly clock: Clock; readonly ids: Ids },
): Promise<string> {
  const known = await findMergeByResult(trx, record.artifact.manifestSha256);
  if (known?.config_sha256 === record.configuration.sha256) return known.id;
  const id = ids();
  await insertMerge(trx, {
    id,
    status: "SUCCEEDED",
    ...recordColumns(record),
    error: null,
    created_at: toTime(clock.now()),
    started_at: null,
    finished_at: null,
    target_name: null,
    target_quantization: null,
  });
  await insertRecordParts(trx, id, record);
  return id;
}

export interface MergeParts {
  readonly sources: readonly MergeSourceRow[];
  readonly modelId: string | null;
  readonly position: number | null;
}

export function toMerge(row: MergeRow, { sources, modelId, position }: MergeParts): Merge {
  return {
    id: row.id,
    status: row.status as MergeStatus,
    method: row.method,
    modelId,
    targetName: row.target_name,
    position,
    baseModelName: row.base_model_name,
    sources: sources.map(toSource),
    dtype: row.dtype,
    configYaml: row.config_yaml,
    configSha256: row.config_sha256,
    parameters: fromJson(row.parameters),
    curves: fromJson(row.curves),
    toolVersion: row.tool_version,
    error: fromJsonOrNull<ErrorRecord>(row.error),
    createdAt: fromTime(row.created_at),
    startedAt: fromTimeOrNull(row.started_at),
    finishedAt: fromTimeOrNull(row.finished_at),
  };
}

export function toMergeTensor(row: MergeTensorRow): MergeTensor {
  return {
    name: row.name,
    layer: row.layer,
    filter: row.filter,
    t: row.t,
    mode: row.mode as MergeMode,
    cosine: row.cosine,
    outputSha256: row.output_sha256,
  };
}

function toSource(row: MergeSourceRow): MergeSource {
  const { layer_start: start, layer_end: end } = row;
  return {
    name: row.name,
    modelId: row.model_id,
    layerRange: start === null || end === null ? null : [start, end],
    isBase: row.is_base === 1,
    artifactSha256: row.artifact_sha256,
  };
}
