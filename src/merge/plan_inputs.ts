/**
 * The input tensors of a step, found in the models' headers, and how many of their rows take part. What does not fit is
 * collected in words that name model and tensor.
 */
import { expectedTensors } from "../formats/architecture.ts";
import type { Checkpoint, TensorInfo } from "../formats/checkpoint.ts";
import { isRunnable } from "../formats/config.ts";
import { quote } from "../formats/json.ts";
import { type FloatDtype, isFloatDtype } from "../tensor/dtype.ts";
import type { ArchitectureDefinition } from "./architecture_definition.ts";
import type { LayoutInput, LayoutTensor } from "./layout.ts";

export interface FoundInput {
  /** As the configuration names it. */
  readonly model: string;
  readonly tensor: TensorInfo & { readonly dtype: FloatDtype };
  readonly source: LayoutInput;
}

/** What quantizers call the factors that belong to a tensor of theirs. */
const SCALE_SUFFIXES = ["_scale", "_scale_inv"];

/**
 * The input tensors. `undefined` where one is missing (a problem), or where the tensor is optional and no model has it;
 * fewer than there are sources where it is optional and some lack it, the base model among them: whether the rest can
 * be merged is the method's business.
 */
export function findInputs(
  { name, weight, inputs }: LayoutTensor,
  checkpoints: ReadonlyMap<string, Checkpoint>,
  problems: string[],
): readonly FoundInput[] | undefined {
  const inModel = (input: LayoutInput, names: readonly string[]) => {
    const { tensors } = checkpoints.get(input.source.model)!;
    return names.map((each) => tensors.get(each)).find((tensor) => tensor !== undefined);
  };
  const own = inputs.map((input) => inModel(input, [input.tensor, ...input.weight.aliases]));
  if (weight.optional && own.every((tensor) => tensor === undefined)) return undefined;
  const found: FoundInput[] = [];
  const before = problems.length;
  for (const [i, source] of inputs.entries()) {
    const { model } = source.source;
    const { tiedNames } = source.weight;
    const tensor = own[i] ?? inModel(source, tiedNames);
    if (tensor !== undefined) {
      const problem = unfitTensor(tensor, checkpoints.get(model)!);
      if (problem === null) found.push({ model, tensor: tensor as FoundInput["tensor"], source });
      else problems.push(`tensor "${tensor.name}" of model "${model}" is ${problem}`);
    } else if (!weight.optional) {
      const missing = tiedNames[0] ?? source.tensor;
      problems.push(
        `tensor "${missing}" is missing in model "${model}"${missing === name ? "" : ` for "${name}"`}`,
      );
    }
  }
  return problems.length === before ? found : undefined;
}

function unfitTensor({ name, dtype }: TensorInfo, { tensors }: Checkpoint): string | null {
  if (!isFloatDtype(dtype)) return `${dtype}, expected BF16, F16 or F32, or F8_E4M3`;
  const scale = SCALE_SUFFIXES.map((suffix) => name + suffix).find((each) => tensors.has(each));
  if (dtype !== "F8_E4M3" || scale === undefined) return null;
  return `F8_E4M3 with factors in "${scale}", expected plain values: write it in bfloat16 first`;
}

/** Whether the tensors are matrices of a row for each token, as bringing them to a vocabulary needs. */
export function areMatrices(
  { name }: LayoutTensor,
  inputs: readonly FoundInput[],
  problems: string[],
): boolean {
  const odd = inputs.find(({ tensor }) => tensor.shape.length !== 2);
  if (odd === undefined) return true;
  const shape = odd.tensor.shape.join(", ");
  problems.push(`tensor "${name}" of model "${odd.model}" is [${shape}], expected rows of tokens`);
  return false;
}

/** Equal shapes, except that tensors of tokens are cut to the smallest vocabulary. */
export function commonRows(
  { name, weight }: LayoutTensor,
  inputs: readonly FoundInput[],
  problems: string[],
): number | undefined {
  const shapes = inputs.map(({ tensor }) => tensor.shape);
  const rows = shapes.map((shape) => shape[0] ?? 1);
  const byToken = weight.isEmbedding && shapes.every((shape) => shape.length === 2);
  const comparable = shapes.map((shape) => String(byToken ? shape.slice(1) : shape));
  if (new Set(comparable).size === 1) return Math.min(...rows);
  const found = inputs.map(({ model, tensor }) => `[${tensor.shape.join(", ")}] in "${model}"`).join(", ");
  problems.push(`tensor "${name}" has different shapes: ${found}`);
  return undefined;
}

/** Where a model's tensors contradict its own configuration: no loader would take it. */
export function ownContradictions(name: string, checkpoint: Checkpoint): string[] {
  if (!isRunnable(checkpoint.configJson)) return []; // its shapes are not known here
  const problems: string[] = [];
  for (const [tensor, shape] of expectedTensors(checkpoint.config)) {
    const found = checkpoint.tensors.get(tensor)?.shape;
    if (found !== undefined && String(found) !== String(shape)) {
      const [is, wanted] = [found.join(", "), shape.join(", ")];
      problems.push(`tensor "${tensor}" of model "${name}" is [${is}], its config.json implies [${wanted}]`);
    }
  }
  return problems;
}

/** Models of one merge must be of one architecture, else their tensors only share names. */
export function architectureMismatch(
  checkpoints: ReadonlyMap<string, Checkpoint>,
  architectures: ReadonlyMap<string, ArchitectureDefinition>,
): string[] {
  if (new Set(architectures.values()).size === 1) return [];
  const found = [...checkpoints].map(([name, { configJson }]) => {
    const [architecture] = configJson.architectures as readonly unknown[];
    return `${typeof architecture === "string" ? architecture : quote(architecture)} in "${name}"`;
  });
  return [`architectures differ: ${found.join(", ")}`];
}
