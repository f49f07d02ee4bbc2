/**
 * Configuration + headers of the models → every step of the merge, before a byte is written. Form errors of the
 * configuration stop at once, with line and column; what does not fit between the models is collected, so that one
 * run reports all of it.
 */
import { MergeError } from "../errors.ts";
import { EMBEDDING_TENSOR, expectedTensors, LM_HEAD_TENSOR } from "../formats/architecture.ts";
import { type Checkpoint, openCheckpoint, type TensorInfo } from "../formats/checkpoint.ts";
import type { TensorSpec } from "../formats/safetensors.ts";
import { isWeightDtype, type WeightDtype } from "../tensor/dtype.ts";
import type { MergeConfig } from "./config.ts";
import { type LayoutTensor, layoutTensors, type ResolvedSlice, resolveSlices, sourcesOf } from "./layout.ts";
import type { MergeMethod, ParameterValues } from "./methods/method.ts";
import type { ModelResolver } from "./model_paths.ts";
import { vocabularyMismatch } from "./vocabulary.ts";
import { requireMethod, StepParameters } from "./step_parameters.ts";

export interface PlannedInput {
  /** As the configuration names it. */
  readonly model: string;
  readonly tensor: TensorInfo & { readonly dtype: WeightDtype };
  /** Leading rows that take part; fewer than the tensor has where vocabularies differ. */
  readonly rows: number;
}
export interface PlannedStep extends TensorSpec {
  /** Of the output. */
  readonly dtype: WeightDtype;
  readonly layer: number | null;
  readonly inputs: readonly PlannedInput[];
  /** Index of the base model among the inputs; null where it is none of them. */
  readonly base: number | null;
  /** What results are rounded to first: the base tensor's type after the cast on load. */
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
    return this.slices.reduce(
      (sum, { sources: [source] }) => sum + source!.layerRange[1] - source!.layerRange[0],
      0,
    );
  }

  [Symbol.dispose](): void {
    for (const checkpoint of this.checkpoints.values()) checkpoint[Symbol.dispose]();
  }
}

export async function planMerge(
  config: MergeConfig,
  resolve: ModelResolver,
  options: { readonly signal?: AbortSignal } = {},
): Promise<MergePlan> {
  const method = requireMethod(config);
  const checkpoints = new Map<string, Checkpoint>();
  try {
    for (const name of modelNames(config)) {
      checkpoints.set(name, await openCheckpoint(await resolve(name), options));
    }
    const slices = resolveSlices(config, (model) => checkpoints.get(model)!.config.layers);
    const problems = [...checkpoints].flatMap(([name, checkpoint]) => ownContradictions(name, checkpoint));
    problems.push(...architectureMismatch(checkpoints));
    if (config.tokenizerSource !== null) {
      problems.push(...await vocabularyMismatch(checkpoints, leadModelOf(config)));
    }
    const parameters = new StepParameters(config, method);
    const steps = layoutTensors(slices).flatMap((tensor) =>
      planStep(tensor, config, checkpoints, parameters, problems)
    );
    parameters.throwIfUnfit();
    throwProblems(problems);
    return new MergePlan(
      config,
      method,
      slices,
      checkpoints,
      steps.sort(inWritingOrder).map(({ step }) => step),
    );
  } catch (error) {
    for (const checkpoint of checkpoints.values()) checkpoint[Symbol.dispose]();
    throw error;
  }
}

/** The base model, or else that of the first slice, or else the first one listed. */
function leadModelOf({ baseModel, slices: [first] }: MergeConfig): string {
  return baseModel ?? first!.baseModel ?? first!.sources[0]!.model;
}

/** Every model that the configuration mentions: sources in order of first mention, then base models. */
function modelNames(config: MergeConfig): readonly string[] {
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

/** One step, or none where the output has no such tensor; what does not fit goes to `problems`. */
function planStep(
  tensor: LayoutTensor,
  config: MergeConfig,
  checkpoints: ReadonlyMap<string, Checkpoint>,
  parameters: StepParameters,
  problems: string[],
): SortableStep[] {
  const found = findInputs(tensor, checkpoints, problems);
  if (found === undefined) return [];
  const rows = commonRows(tensor.name, found, problems);
  if (rows === undefined) return [];
  const inputs = found.map((input): PlannedInput => ({ ...input, rows }));
  const models = inputs.map((input) => input.model);
  const at = tensor.slice.baseModel === null ? -1 : models.indexOf(tensor.slice.baseModel);
  const base = at === -1 ? null : at;
  const lead = inputs[base ?? 0]!.tensor;
  const mixDtype = config.dtype ?? lead.dtype;
  const shape = lead.shape.length === 0 ? [] : [rows, ...lead.shape.slice(1)];
  const { values, filter, modelValues } = parameters.resolve(tensor, shape);
  const step: PlannedStep = {
    name: tensor.name,
    layer: tensor.layer,
    dtype: config.outDtype ?? mixDtype,
    shape,
    inputs,
    base,
    mixDtype,
    parameters: values,
    filter,
    modelParameters: modelValues,
  };
  return [{ step, sortKey: inputs.map((input) => input.tensor.name).sort().at(-1)! }];
}

type FoundInput = Omit<PlannedInput, "rows">;

/** The input tensors; `undefined` where some are missing (a problem) or it is an lm_head that no model has. */
function findInputs(
  { name, inputs }: LayoutTensor,
  checkpoints: ReadonlyMap<string, Checkpoint>,
  problems: string[],
): readonly FoundInput[] | undefined {
  const has = ({ source, tensor }: LayoutTensor["inputs"][number]) =>
    checkpoints.get(source.model)!.tensors.has(tensor);
  if (name === LM_HEAD_TENSOR && !inputs.some(has)) return undefined;
  const found: FoundInput[] = [];
  for (const input of inputs) {
    const model = input.source.model;
    // Without an lm_head of its own, a model uses its embedding as one.
    const wanted = name === LM_HEAD_TENSOR && !has(input) ? EMBEDDING_TENSOR : input.tensor;
    const tensor = checkpoints.get(model)!.tensors.get(wanted);
    if (tensor === undefined) {
      problems.push(`tensor "${wanted}" is missing in model "${model}"`);
    } else if (!isWeightDtype(tensor.dtype)) {
      problems.push(`tensor "${wanted}" of model "${model}" is ${tensor.dtype}, expected BF16, F16 or F32`);
    } else {
      found.push({ model, tensor: { ...tensor, dtype: tensor.dtype } });
    }
  }
  return found.length === inputs.length ? found : undefined;
}

/** Equal shapes, except that embedding and lm_head are cut to the smallest vocabulary. */
function commonRows(name: string, inputs: readonly FoundInput[], problems: string[]): number | undefined {
  const shapes = inputs.map(({ tensor }) => tensor.shape);
  const rows = shapes.map((shape) => shape[0] ?? 1);
  const vocabulary = (name === EMBEDDING_TENSOR || name === LM_HEAD_TENSOR) &&
    shapes.every((s) => s.length === 2);
  const comparable = shapes.map((shape) => String(vocabulary ? shape.slice(1) : shape));
  if (new Set(comparable).size === 1) return Math.min(...rows);
  const found = inputs.map(({ model, tensor }) => `[${tensor.shape.join(", ")}] in "${model}"`).join(", ");
  problems.push(`tensor "${name}" has different shapes: ${found}`);
  return undefined;
}

/** Where a model's tensors contradict its own configuration: no loader would take it. */
function ownContradictions(name: string, { config, tensors }: Checkpoint): string[] {
  const problems: string[] = [];
  for (const [tensor, shape] of expectedTensors(config)) {
    const found = tensors.get(tensor)?.shape;
    if (found !== undefined && String(found) !== String(shape)) {
      const [is, wanted] = [found.join(", "), shape.join(", ")];
      problems.push(`tensor "${tensor}" of model "${name}" is [${is}], its config.json implies [${wanted}]`);
    }
  }
  return problems;
}

function architectureMismatch(checkpoints: ReadonlyMap<string, Checkpoint>): string[] {
  const found = [...checkpoints].map(([name, { config }]) => `${config.architecture} in "${name}"`);
  const distinct = new Set([...checkpoints.values()].map(({ config }) => config.architecture));
  return distinct.size > 1 ? [`architectures differ: ${found.join(", ")}`] : [];
}

const SHOWN_PROBLEMS = 8;
function throwProblems(problems: readonly string[]): void {
  if (problems.length === 0) return;
  const more = problems.length > SHOWN_PROBLEMS ? `; and ${problems.length - SHOWN_PROBLEMS} more` : "";
  throw new MergeError(`Cannot merge: ${problems.slice(0, SHOWN_PROBLEMS).join("; ")}${more}`, { problems });
}
