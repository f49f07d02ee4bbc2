/**
 * What a record says of each tensor held against what its configuration means: layout, t and filter are worked out anew,
 * from the configuration's text and the layer ranges that the record resolved, without any parent.
 */
import { GeodesicError } from "../../errors.ts";
import type { JsonObject } from "../../formats/json.ts";
import type { ArchitectureDefinition } from "../architecture_definition.ts";
import { configDtypeName } from "../../tensor/dtype.ts";
import { architectureOf } from "../architectures.ts";
import type { MergeConfig } from "../merge_config.ts";
import { parseMergeConfig } from "../config.ts";
import { type LayoutTensor, layoutTensors, resolveSlices } from "../layout.ts";
import type { ParameterValues } from "../methods/method.ts";
import { findMethod } from "../methods/registry.ts";
import { leadModelOf, type MergePlan } from "../plan.ts";
import { curvesOf, parametersAsWritten, roleOf, tokenizerRecord } from "../provenance.ts";
import type { MergeRecord, TensorRecord, TokenizerRecord } from "../record.ts";
import { requireMethod, StepParameters } from "../step_parameters.ts";
import type { Mismatch } from "./mismatch.ts";

/**
 * `configJson` is that of the merged model, which tells its architecture; `brought` may describe it. Stages have the
 * same one: a merge's inputs and its output do not differ in that.
 */
export function verifyParameters(
  record: MergeRecord,
  configJson: JsonObject,
  brought: readonly ArchitectureDefinition[],
): readonly Mismatch[] {
  try {
    const architecture = architectureOf(configJson, "the merged one", brought);
    const config = parseMergeConfig(record.configuration.text, "recorded configuration");
    const mismatches = [...recordMismatches(record, config, architecture)];
    const recorded = new Map(record.stages?.map((stage) => [stage.name, stage.record]));
    for (const document of config.before) {
      const stage = document.name!; // only named documents are needed by others
      const record = recorded.get(stage);
      if (record === undefined) {
        const [subject, field] = ["the merge", "stages"];
        mismatches.push({ kind: "PARAMETER", subject, field, expected: JSON.stringify(stage), found: null });
      } else {
        for (const mismatch of recordMismatches(record, document, architecture)) {
          mismatches.push({ ...mismatch, stage });
        }
      }
    }
    return mismatches;
  } catch (error) {
    if (!(error instanceof GeodesicError)) throw error;
    const subject = "the record's configuration";
    return [{ kind: "UNREADABLE", subject, field: null, expected: null, found: error.message }];
  }
}

/** What the record says of the vocabulary, with the parents at hand. */
export function* verifyTokenizer(record: MergeRecord, { vocabulary }: MergePlan): Generator<Mismatch> {
  const tokenizer = vocabulary === null ? undefined : tokenizerRecord(vocabulary);
  yield* differences("the merge", { tokenizer: record.tokenizer }, { tokenizer });
}

/** Documents that this program cannot merge again to the same bits, whatever their parents are. */
export function* verifyArithmetic(record: MergeRecord): Generator<Mismatch> {
  for (const { name, record: each } of [...record.stages ?? [], { name: null, record }]) {
    const method = findMethod(each.method);
    const edition = each.arithmetic ?? 1;
    if (method === undefined || edition === method.arithmetic) continue; // verifyParameters() knows the method
    const stage = name === null ? {} : { stage: name };
    const [expected, found] = [String(method.arithmetic), String(edition)];
    yield { kind: "ARITHMETIC", subject: method.name, field: null, expected, found, ...stage };
  }
}

function* recordMismatches(
  record: MergeRecord,
  config: MergeConfig,
  architecture: ArchitectureDefinition,
): Generator<Mismatch> {
  const method = requireMethod(config);
  const slices = resolveSlices(config, recordedLayers(record));
  const parameters = new StepParameters(config, method);
  const layers = slices.reduce((sum, { sources: [first] }) => {
    const [from, to] = first!.layerRange;
    return sum + to - from;
  }, 0);
  const whole = "the merge";
  yield* differences(whole, { method: record.method, baseModel: record.baseModel, layers: record.layers }, {
    method: method.name,
    baseModel: config.baseModel,
    layers,
  });
  const resolved = {
    dtype: config.dtype && configDtypeName(config.dtype),
    outDtype: config.outDtype && configDtypeName(config.outDtype),
    slices: slices.map(({ baseModel, sources }) => ({
      baseModel,
      sources: sources.map(({ model, layerRange }) => ({ model, layerRange })),
    })),
  };
  yield* differences(whole, { ...record.configuration.resolved }, resolved);
  const embedding = architecture.preWeights.find(({ isEmbedding }) => isEmbedding)?.name;
  const leading = record.tensors.find(({ name }) => name === embedding) ?? record.tensors[0];
  if (leading !== undefined) {
    yield* differences("the output", { dtype: record.dtype }, { dtype: configDtypeName(leading.dtype) });
  }
  yield* differences(whole, { parameters: record.parameters }, { parameters: parametersAsWritten(config) });

  const { tokenizer } = record;
  yield* differences(whole, {
    tokenizer: tokenizer && { source: tokenizer.source, model: tokenizer.model },
  }, { tokenizer: tokenizerMeant(config) });

  for (const { name, isBase, layerRanges } of record.sources) {
    yield* differences(`model "${name}"`, { isBase, layerRanges }, { ...roleOf(name, slices) });
  }

  const expected: TensorRecord[] = [];
  const planned = new Map(layoutTensors(slices, architecture).map((tensor) => [tensor.name, tensor]));
  for (const tensor of record.tensors) {
    const layout = planned.get(tensor.name);
    const subject = `tensor "${tensor.name}"`;
    if (layout === undefined) {
      const found = tensor.name;
      yield { kind: "PARAMETER", subject, field: "place in the layout", expected: null, found };
      continue;
    }
    const { values, filter } = parameters.resolve(layout, tensor.shape);
    const { layer } = layout;
    const inputs = inputsMeant(layout, tensor);
    const meant = interpolation(tensor, values, filter, inputs.length);
    expected.push({ ...tensor, layer, ...meant });
    yield* differences(subject, facts(tensor), { layer, inputs, ...meant });
  }
  parameters.throwIfUnfit([]);
  yield* differences(whole, { curves: record.curves }, { curves: curvesOf(expected, layers) });
}

function tokenizerMeant(config: MergeConfig): Pick<TokenizerRecord, "source" | "model"> | undefined {
  if (config.tokenizer === null) return undefined;
  const { source } = config.tokenizer;
  return typeof source === "object"
    ? { source: source.model, model: source.model }
    : { source, model: leadModelOf(config) };
}

function facts({ layer, inputs, t, filter }: TensorRecord) {
  return { layer, inputs: inputs.map(({ model, tensor }) => ({ model, tensor })), t, filter };
}

/** Which of its names a model has for a tensor, only the model knows; of several, the record is believed. */
function inputsMeant(
  { inputs, weight }: LayoutTensor,
  { inputs: recorded }: TensorRecord,
): TensorRecord["inputs"] {
  const claims = new Map(recorded.map(({ model, tensor }) => [model, tensor]));
  return inputs
    .filter(({ source }) => !weight.optional || claims.has(source.model)) // those that lack it take no part
    .map(({ source: { model }, tensor, weight: { aliases, tiedNames } }) => {
      const claim = claims.get(model);
      const isName = claim !== undefined && [tensor, ...aliases, ...tiedNames].includes(claim);
      return { model, tensor: isName ? claim : tensor };
    });
}

/** Of a method that interpolates by t. A tensor of a single parent is a copy, which takes none. */
function interpolation(
  tensor: TensorRecord,
  values: ParameterValues,
  filter: string | null,
  parents: number,
): Pick<TensorRecord, "t" | "filter"> {
  if (values.t === undefined) return { t: tensor.t, filter: tensor.filter };
  return parents === 1 ? { t: null, filter: null } : { t: Number(values.t), filter };
}

function* differences(
  subject: string,
  found: Readonly<Record<string, unknown>>,
  expected: Readonly<Record<string, unknown>>,
): Generator<Mismatch> {
  for (const [field, value] of Object.entries(expected)) {
    const [is, should] = [found[field], value].map((each) => JSON.stringify(each) as string | undefined);
    if (is === should) continue;
    yield { kind: "PARAMETER", subject, field, expected: should ?? null, found: is ?? null };
  }
}

/** As many as the record's slices use of a model: what `models:` and an absent layer_range mean by all of them. */
function recordedLayers(record: MergeRecord): (model: string) => number {
  const layers = new Map<string, number>();
  for (const { sources } of record.configuration.resolved.slices) {
    for (const { model, layerRange: [, end] } of sources) {
      layers.set(model, Math.max(end, layers.get(model) ?? 0));
    }
  }
  return (model) => layers.get(model) ?? 0;
}
