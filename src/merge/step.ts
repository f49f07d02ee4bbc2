/**
 * One step of a plan, carried out: its inputs are read, its method mixes them, and the result comes in blocks. Whoever
 * writes a merge and whoever verifies one compute tensors here, so that both mean the same.
 */
import { BLOCK_ELEMENTS, fromFloat32, roundTo } from "../tensor/convert.ts";
import { bytesPerElement } from "../tensor/dtype.ts";
import { arrangeInputs } from "./embedding_rows.ts";
import type { MergeMethod, Mix } from "./methods/method.ts";
import { type ByteSource, Operand } from "./operand.ts";
import type { MergePlan, PlannedInput, PlannedStep } from "./plan.ts";
import type { TensorRecord } from "./record.ts";

/** Reads the inputs of a step whole and lets the method look at them. */
export async function mixStep(
  plan: MergePlan,
  step: PlannedStep,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Mix> {
  const stored: ByteSource[] = [];
  for (const input of step.inputs) {
    const bytes = new Uint8Array(inputBytes(input));
    await plan.checkpoints.get(input.model)!.readRange(input.tensor.name, 0, bytes, options);
    stored.push(inMemory(bytes));
  }
  return mixInputs(plan.method, step, stored);
}

/** Lets the method look at the inputs of a step, wherever they lie: {@link inputBytes} of each. */
export function mixInputs(method: MergeMethod, step: PlannedStep, stored: readonly ByteSource[]): Mix {
  const { name, shape, base, parameters, modelParameters } = step;
  const models = step.inputs.map((input) => input.model);
  const operands = operandsOf(step, stored);
  return method.mix({ operands, name, shape, models, base, parameters, modelParameters });
}

/** How many of an input's bytes are read, from its first on: those of the rows that take part. */
export function inputBytes({ tensor: { shape: [, ...inner], dtype }, rows }: PlannedInput): number {
  return inner.reduce((a, b) => a * b, rows) * bytesPerElement(dtype);
}

/** The inputs of a step as its method sees them: cast, and brought to the output's vocabulary where that is asked. */
function operandsOf(step: PlannedStep, stored: readonly ByteSource[]): readonly Operand[] {
  const { embedding, cast, shape, inputs } = step;
  const sources = stored.map((source, i) => ({ source, dtype: inputs[i]!.tensor.dtype }));
  const arranged = embedding === null ? sources : arrangeInputs(sources, embedding, shape[1]!, cast);
  return arranged.map(({ source, dtype }) => new Operand(source, dtype, cast));
}

function inMemory(bytes: Uint8Array): ByteSource {
  return {
    byteLength: bytes.byteLength,
    read: (offset, into) => into.set(bytes.subarray(offset, offset + into.byteLength)),
  };
}

/** The result in blocks of output bytes; one buffer serves them all. `report` hears of each block that was taken. */
export function* mixedBlocks(
  step: PlannedStep,
  mix: Mix,
  report: (bytes: number) => void = () => {},
): Generator<Uint8Array> {
  const block = blockWriter(step, mix);
  const elements = elementsOf(step);
  for (let start = 0; start < elements; start += BLOCK_ELEMENTS) {
    const bytes = block(start, Math.min(BLOCK_ELEMENTS, elements - start));
    yield bytes;
    report(bytes.byteLength);
  }
}

/** From a place and a count to the bytes of the elements there. */
function blockWriter(step: PlannedStep, mix: Mix): (start: number, count: number) => Uint8Array {
  if (step.dtype === "BF16" && step.mixDtype === "BF16" && mix.applyBfloat16 !== undefined) {
    return (start, count) => mix.applyBfloat16!(start, count);
  }
  const values = new Float32Array(Math.min(elementsOf(step), BLOCK_ELEMENTS));
  const rounding = new Uint8Array(values.length * bytesPerElement(step.mixDtype));
  const bytes = new Uint8Array(values.length * bytesPerElement(step.dtype));
  return (start, count) => {
    const block = values.subarray(0, count);
    mix.apply(start, block);
    if (step.dtype !== step.mixDtype) roundTo(step.mixDtype, block, rounding);
    return bytes.subarray(0, fromFloat32(step.dtype, block, bytes));
  };
}

/** What the record says of a step. */
export function tensorRecord(
  step: PlannedStep,
  mix: Pick<Mix, "mode" | "t" | "cosine" | "seed">,
  outputSha256: string,
): TensorRecord {
  return {
    name: step.name,
    layer: step.layer,
    dtype: step.dtype,
    shape: step.shape,
    filter: mix.t === null ? null : step.filter,
    t: mix.t,
    mode: mix.mode,
    cosine: mix.cosine,
    ...mix.seed === undefined ? {} : { seed: mix.seed },
    inputs: step.inputs.map((input) => ({ model: input.model, tensor: input.tensor.name })),
    outputSha256,
  };
}

/** Of the output. */
export function elementsOf(step: Pick<PlannedStep, "shape">): number {
  return step.shape.reduce((a, b) => a * b, 1);
}

/** Of the output. */
export function bytesOf(step: Pick<PlannedStep, "shape" | "dtype">): number {
  return elementsOf(step) * bytesPerElement(step.dtype);
}
