/**
 * Configuration + headers of the models → every step of the merge, before a byte is written. What is
 * wrong is collected and told together, in three steps of which each needs the one before: the form of the configuration,
 * its parameters and the models that it names, and what does not fit between the models.
 */
import { ConfigError, GeodesicError, MergeError } from "../errors.ts";
import { type Checkpoint, openCheckpoint, type TensorInfo } from "../formats/checkpoint.ts";
import type { TensorSpec } from "../formats/safetensors.ts";
import type { FloatDtype, WeightDtype } from "../tensor/dtype.ts";
import { commonDtype } from "./arithmetic/rounding.ts";
import type { ArchitectureDefinition } from "./architecture_definition.ts";
import { architectureOf, layerCount } from "./architectures.ts";
import type { MergeConfig } from "./merge_config.ts";
import type { EmbeddingRows } from "./embedding_rows.ts";
import { findParents } from "./find_parents.ts";
import {
  type LayoutTensor,
  layoutTensors,
  lengthOf,
  type ResolvedSlice,
  resolveSlices,
  sourcesOf,
} from "./layout.ts";
import type { MergeMethod, ParameterValues } from "./methods/method.ts";
import type { ModelResolver } from "./model_paths.ts";
import {
  architectureMismatch,
  areMatrices,
  commonRows,
  findInputs,
  ownContradictions,
} from "./plan_inputs.ts";
import { planRows, planVocabulary, type VocabularyPlan } from "./plan_vocabulary.ts";
import { problemsOf, summaryOf } from "./problems.ts";
import { StepParameters } from "./step_parameters.ts";

export interface PlannedInput {
  /** As the configuration names it. */
  readonly model: string;
  readonly tensor: TensorInfo & { readonly dtype: FloatDtype };
  /** Leading rows that are read; fewer than the tensor has where vocabularies are cut to the smallest. */
  readonly rows: number;
}
export interface PlannedStep extends TensorSpec {
  /** Of the output. */
  readonly dtype: WeightDtype;
  readonly layer: number | null;
  readonly inputs: readonly PlannedInput[];
  /** How the rows of the inputs are brought to the output's vocabulary first; null: they stay as they lie. */
  readonly embedding: EmbeddingRows | null;
  /** Index of the base model among the inputs; null where it is none of them. */
  readonly base: number | null;
  /** What inputs are rounded to before anything else; null: nothing. */
  readonly cast: WeightDtype | null;
  /** What results are rounded to first: the method decides, by the inputs' types after the cast on load. */
  readonly mixDtype: WeightDtype;
  readonly parameters: ParameterValues;
  /** The condition that decided the parameter `t`; null where it had none or the method has no t. */
  readonly filter: string | null;
  readonly modelParameters: readonly ParameterValues[];
}

/** Holds the checkpoints open: `using plan = await planMerge(config, resolve)`. */
export class MergePlan implements Disposable {
  constructor(
    readonly config: MergeConfig,
    readonly method: MergeMethod,
    readonly slices: readonly ResolvedSlice[],
    readonly architecture: ArchitectureDefinition,
    /** null: the lead model's tokenizer, as it is. */
    readonly vocabulary: VocabularyPlan | null,
    /** By name in the configuration: sources in order of first mention, then base models. */
    readonly checkpoints: ReadonlyMap<string, Checkpoint>,
    /** In the order in which they are written. */
    readonly steps: readonly PlannedStep[],
  ) {}

  /** The model whose configuration and tokenizer the output takes. */
  get leadModel(): string {
    return leadModelOf(this.config);
  }

  /** Layers of the output. */
  get layers(): number {
    return this.slices.reduce((sum, slice) => sum + lengthOf(slice), 0);
  }

  [Symbol.dispose](): void {
    for (const checkpoint of this.checkpoints.values()) checkpoint[Symbol.dispose]();
  }
}

export interface PlanOptions {
  /** Descriptions that the user brings, see architectures.ts. */
  readonly architectures?: readonly ArchitectureDefinition[];
  readonly signal?: AbortSignal;
}

export async function planMerge(
  config: MergeConfig,
  resolve: ModelResolver,
  options: PlanOptions = {},
): Promise<MergePlan> {
  const { methods, folders, resolve: resolveAgain } = await findParents([config], resolve);
  const method = methods.get(config)!;
  const checkpoints = new Map<string, Checkpoint>();
  try {
    const architectures = new Map<string, ArchitectureDefinition>();
    const open = { ...options, anyArchitecture: true };
    for (const name of modelNames(config)) {
      const checkpoint = await openCheckpoint(folders.get(name)!, open);
      checkpoints.set(name, checkpoint);
      architectures.set(name, architectureOf(checkpoint.configJson, name, options.architectures ?? []));
    }
    const architecture = architectures.get(leadModelOf(config))!;
    const layersOf = (model: string) =>
      layerCount(checkpoints.get(model)!.configJson, architectures.get(model)!, model);
    const problems = [...checkpoints].flatMap(([name, checkpoint]) => ownContradictions(name, checkpoint));
    problems.push(...architectureMismatch(checkpoints, architectures));
    const { slices, vocabulary } = await together(problems, {
      slices: () => Promise.resolve(resolveSlices(config, layersOf)),
      vocabulary: () =>
        config.tokenizer === null
          ? Promise.resolve(null)
          : planVocabulary(config.tokenizer, checkpoints, leadModelOf(config), resolveAgain),
    });
    const parameters = new StepParameters(config, method);
    const steps = layoutTensors(slices, architecture).flatMap((tensor) =>
      planStep(tensor, { config, method, checkpoints, vocabulary, parameters, problems })
    );
    parameters.throwIfUnfit(problems);
    throwProblems(problems);
    return new MergePlan(
      config,
      method,
      slices,
      architecture,
      vocabulary,
      checkpoints,
      steps.sort(inWritingOrder).map(({ step }) => step),
    );
  } catch (error) {
    for (const checkpoint of checkpoints.values()) checkpoint[Symbol.dispose]();
    throw error;
  }
}

/**
 * Both, or the first complaint of either, whose `problems` name all that is known to be wrong by then: tensors cannot be
 * laid out without them.
 */
async function together<S, V>(
  problems: readonly string[],
  parts: { readonly slices: () => Promise<S>; readonly vocabulary: () => Promise<V> },
): Promise<{ readonly slices: S; readonly vocabulary: V }> {
  const [slices, vocabulary] = await Promise.allSettled([
    Promise.resolve().then(parts.slices),
    parts.vocabulary(),
  ]);
  if (slices.status === "fulfilled" && vocabulary.status === "fulfilled") {
    return { slices: slices.value, vocabulary: vocabulary.value };
  }
  const errors = [slices, vocabulary].flatMap((part) =>
    part.status === "rejected" ? [part.reason as unknown] : []
  );
  const first = errors[0];
  if (!(first instanceof GeodesicError) || !errors.every((error) => error instanceof GeodesicError)) {
    throw first;
  }
  const all = [...errors.flatMap(problemsOf), ...problems];
  const ErrorClass = first.code === "CONFIG" ? ConfigError : MergeError;
  throw first.code === "CONFIG" || first.code === "MERGE"
    ? new ErrorClass(first.message, { ...first.details, problems: all }, { cause: first })
    : first;
}

/** The base model, or else that of the first slice, or else the first one listed. */
export function leadModelOf({ baseModel, slices: [first] }: MergeConfig): string {
  return baseModel ?? first!.baseModel ?? first!.sources[0]!.model;
}

/** Every model that the configuration mentions: sources in order of first mention, then base models. */
export function modelNames(config: MergeConfig): readonly string[] {
  const names = sourcesOf(config).flatMap((slice) => slice.sources.map((source) => source.model));
  const bases = [config.baseModel, ...config.slices.map((slice) => slice.baseModel)];
  return [...new Set([...names, ...bases.filter((name) => name !== null)])];
}

interface SortableStep {
  readonly step: PlannedStep;
  readonly sortKey: string;
}

/** mergekit writes in alphabetical order of the input tensor's name, of several the last; equals as planned. */
function inWritingOrder(a: SortableStep, b: SortableStep): number {
  return a.sortKey < b.sortKey ? -1 : a.sortKey > b.sortKey ? 1 : 0;
}

interface StepContext {
  readonly config: MergeConfig;
  readonly method: MergeMethod;
  readonly checkpoints: ReadonlyMap<string, Checkpoint>;
  readonly vocabulary: VocabularyPlan | null;
  readonly parameters: StepParameters;
  readonly problems: string[];
}

/** One step, or none where the output has no such tensor; what does not fit goes to `problems`. */
function planStep(
  tensor: LayoutTensor,
  { config, method, checkpoints, vocabulary, parameters, problems }: StepContext,
): SortableStep[] {
  const found = findInputs(tensor, checkpoints, problems);
  if (found === undefined) return [];
  const common = commonRows(tensor, found, problems);
  if (common === undefined) return [];
  const arranged = vocabulary !== null && tensor.weight.isEmbedding && areMatrices(tensor, found, problems);
  const inputs = found.map(({ model, tensor }): PlannedInput => ({
    model,
    tensor,
    rows: arranged ? tensor.shape[0]! : common,
  }));
  const models = inputs.map((input) => input.model);
  const at = tensor.slice.baseModel === null ? -1 : models.indexOf(tensor.slice.baseModel);
  const base = at === -1 ? null : at;
  const embedding = arranged ? planRows(vocabulary, inputs, base, problems) : null;
  const rows = embedding?.rows ?? common;
  const lead = inputs[base ?? 0]!.tensor;
  const { forceDtype } = tensor.weight;
  const cast = forceDtype ?? config.dtype;
  const dtypes = inputs.map(({ tensor }) => cast ?? tensor.dtype);
  const mixDtype = method.resultDtype?.(dtypes, base) ?? commonDtype(dtypes);
  const shape = lead.shape.length === 0 ? [] : [rows, ...lead.shape.slice(1)];
  const { values, filter, modelValues } = parameters.resolve(
    { ...tensor, inputs: found.map(({ source }) => source) },
    shape,
  );
  const step: PlannedStep = {
    name: tensor.name,
    layer: tensor.layer,
    dtype: forceDtype ?? config.outDtype ?? mixDtype,
    shape,
    inputs,
    embedding,
    base,
    cast,
    mixDtype,
    parameters: values,
    filter,
    modelParameters: modelValues,
  };
  return [{ step, sortKey: inputs.map((input) => input.tensor.name).sort().at(-1)! }];
}

function throwProblems(problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new MergeError(`Cannot merge: ${summaryOf(problems)}`, { problems });
}
