/** Builds the record of a merge from its plan and what came out of it (see record.ts). */
import { type FileHash, manifestSha256, sha256 } from "../formats/artifact.ts";
import { configDtypeName } from "../tensor/dtype.ts";
import { VERSION } from "../version.ts";
import type { MergeConfig } from "./merge_config.ts";
import type { Parameters, Scalar } from "./settings.ts";
import type { ResolvedSlice } from "./layout.ts";
import { outputDtypeName } from "./output_config.ts";
import type { MergePlan } from "./plan.ts";
import type { VocabularyPlan } from "./plan_vocabulary.ts";
import {
  type CurveRecord,
  type MergeRecord,
  type ParameterRecord,
  RECORD_VERSION,
  type SourceRecord,
  type StageRecord,
  type TensorRecord,
  type TokenizerRecord,
} from "./record.ts";
import { formatPath } from "./yaml_source.ts";

export interface MergeOutcome {
  readonly tensors: readonly TensorRecord[];
  /** Of every source model, by name. */
  readonly sourceFiles: ReadonlyMap<string, readonly FileHash[]>;
  /** Of the output, provenance.json aside. */
  readonly files: readonly FileHash[];
  /** Of the documents before this one. */
  readonly stages: readonly StageRecord[];
}

export function buildRecord(plan: MergePlan, outcome: MergeOutcome): MergeRecord {
  const { config } = plan;
  const files = outcome.files.toSorted((a, b) => a.path < b.path ? -1 : 1);
  return {
    version: RECORD_VERSION,
    toolVersion: VERSION,
    method: plan.method.name,
    ...(plan.method.arithmetic > 1 && { arithmetic: plan.method.arithmetic }),
    baseModel: config.baseModel,
    dtype: outputDtypeName(plan),
    layers: plan.layers,
    configuration: {
      text: config.text,
      sha256: sha256(config.text),
      resolved: {
        dtype: config.dtype && configDtypeName(config.dtype),
        outDtype: config.outDtype && configDtypeName(config.outDtype),
        slices: plan.slices.map(({ baseModel, sources }) => ({
          baseModel,
          sources: sources.map(({ model, layerRange }) => ({ model, layerRange })),
        })),
      },
    },
    parameters: parametersAsWritten(config),
    curves: curvesOf(outcome.tensors, plan.layers),
    sources: sourcesOfPlan(plan, outcome.sourceFiles),
    tensors: outcome.tensors,
    artifact: {
      manifestSha256: manifestSha256(files),
      files,
      sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
    },
    ...(plan.vocabulary && { tokenizer: tokenizerRecord(plan.vocabulary) }),
    ...(outcome.stages.length > 0 && { stages: outcome.stages }),
  };
}

/** The models that a merge began with, of all of its stages; what stages made for each other is none of them. */
export function parentsOfRecord(record: MergeRecord): readonly SourceRecord[] {
  const stages = record.stages ?? [];
  const made = new Set(stages.map(({ name }) => name));
  const sources = [...stages.map((stage) => stage.record), record].flatMap((each) => each.sources);
  const byName = new Map(sources.map((source) => [source.name, source]));
  return [...byName.values()].filter(({ name }) => !made.has(name));
}

export function tokenizerRecord(plan: VocabularyPlan): TokenizerRecord {
  const { request: { source }, tokenizer, vocabularies, assumed } = plan;
  return {
    source: typeof source === "object" ? source.model : source,
    model: plan.model,
    sha256: plan.sha256,
    tokens: tokenizer.ids.size,
    rows: plan.rows,
    appended: tokenizer.appended.length,
    removed: tokenizer.removed,
    models: [...vocabularies.values()].map(({ model, vocabulary, size }) => ({
      model,
      ownRows:
        [...tokenizer.ids.keys()].filter((token) => (vocabulary.ids.get(token) ?? Infinity) < size).length,
      assumed: assumed.includes(model),
    })),
  };
}

function sourcesOfPlan(plan: MergePlan, files: MergeOutcome["sourceFiles"]): readonly SourceRecord[] {
  return [...plan.checkpoints.keys()].map((name) => {
    const hashes = files.get(name)!;
    return { name, ...roleOf(name, plan.slices), manifestSha256: manifestSha256(hashes), files: hashes };
  });
}

/** What a model is in a merge: whether any slice starts from it, and which of its layers are used. */
export function roleOf(
  model: string,
  slices: readonly ResolvedSlice[],
): Pick<SourceRecord, "isBase" | "layerRanges"> {
  const used = slices.flatMap(({ sources }) => sources.filter((source) => source.model === model));
  return {
    isBase: slices.some(({ baseModel }) => baseModel === model),
    layerRanges: used.map(({ layerRange }) => layerRange),
  };
}

/** Every number and gradient of the configuration, in the order of the lookup places, widest first. */
export function parametersAsWritten(config: MergeConfig): readonly ParameterRecord[] {
  const places: Parameters[] = [config.parameters];
  for (const slice of config.slices) {
    places.push(slice.parameters, ...slice.sources.map((source) => source.parameters));
  }
  return places.flatMap(({ path, settings }) =>
    [...settings].flatMap(([name, setting]) => {
      const entries = setting.kind === "plain" ? [{ filter: null, value: setting.value }] : setting.entries;
      return entries.map(({ filter, value }) => ({
        name,
        filter,
        ...(typeof value === "object"
          ? { value: null, gradient: value }
          : { value: asNumber(value), gradient: null }),
        place: formatPath(path),
      }));
    })
  );
}

function asNumber(value: Scalar): number {
  return Number(value); // a boolean as 0 or 1
}

/** One curve for each filter that decided the t of some tensor within a layer, in order of first use. */
export function curvesOf(tensors: readonly TensorRecord[], layers: number): readonly CurveRecord[] {
  const curves = new Map<string | null, (number | null)[]>();
  for (const { layer, filter, t } of tensors) {
    if (t === null || layer === null) continue;
    let curve = curves.get(filter);
    if (curve === undefined) curves.set(filter, curve = Array<number | null>(layers).fill(null));
    curve[layer] ??= t;
  }
  return [...curves].map(([filter, t]) => ({ filter, t }));
}
