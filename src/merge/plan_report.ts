/**
 * What a plan would do, before it does it: for every tensor what is read, computed and written, in bytes, and about how
 * long all of it takes, judged by doing a small part of it.
 */
import { createHash } from "node:crypto";
import { DEFAULT_SHARD_BYTES, planShards } from "../formats/shard_plan.ts";
import type { Checkpoint } from "../formats/checkpoint.ts";
import { configDtypeName, tensorByteLength } from "../tensor/dtype.ts";
import { outputDtypeName } from "./output_config.ts";
import type { ParameterValues } from "./methods/method.ts";
import type { MergePlan, PlannedStep } from "./plan.ts";
import { inputBytes, mixedBlocks, mixStep } from "./step.ts";

export interface PlannedTensor {
  readonly name: string;
  readonly layer: number | null;
  /** The merge method's name, or "copy" where a single model gives it. */
  readonly operation: string;
  /** Of the method, as resolved for this tensor. */
  readonly parameters: ParameterValues;
  /** The condition that decided t. */
  readonly filter: string | null;
  readonly inputs: readonly {
    readonly model: string;
    readonly tensor: string;
    readonly dtype: string;
    readonly shape: readonly number[];
    readonly readBytes: number;
  }[];
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly writeBytes: number;
  /** The file it goes to. */
  readonly file: string;
}

export interface PlanReport {
  readonly method: string;
  readonly baseModel: string | null;
  readonly dtype: string;
  readonly layers: number;
  readonly models: readonly { readonly name: string; readonly dir: string; readonly weightBytes: number }[];
  readonly files: readonly { readonly file: string; readonly bytes: number }[];
  /** In the order of writing. */
  readonly tensors: readonly PlannedTensor[];
  /** Of the parents' weights, for the record. */
  readonly hashBytes: number;
  readonly readBytes: number;
  readonly writeBytes: number;
  /** On one thread of this machine, as a part of the work has shown. */
  readonly estimatedSeconds: number;
}

/** A part this large shows the machine's rate; a smaller merge is tried in one tensor. */
const PROBE_BYTES = 16 * 1024 * 1024;

export async function reportPlan(
  plan: MergePlan,
  options: { readonly shardBytes?: number; readonly signal?: AbortSignal } = {},
): Promise<PlanReport> {
  const shards = planShards(plan.steps, options.shardBytes ?? DEFAULT_SHARD_BYTES);
  const fileOf = new Map(shards.flatMap(({ file, tensors }) => tensors.map(({ name }) => [name, file])));
  const tensors = plan.steps.map((step) => plannedTensor(plan, step, fileOf.get(step.name)!));
  const models = [...plan.checkpoints].map(([name, checkpoint]) => ({
    ...{ name, dir: checkpoint.dir, weightBytes: weightBytes(checkpoint) },
  }));
  const hashBytes = models.reduce((sum, model) => sum + model.weightBytes, 0);
  const readBytes = tensors.reduce((sum, { inputs }) => sum + bytesRead(inputs), 0);
  const writeBytes = tensors.reduce((sum, tensor) => sum + tensor.writeBytes, 0);
  return {
    method: plan.method.name,
    baseModel: plan.config.baseModel,
    dtype: outputDtypeName(plan),
    layers: plan.layers,
    models,
    files: shards.map(({ file, dataBytes }) => ({ file, bytes: dataBytes })),
    tensors,
    ...{ hashBytes, readBytes, writeBytes },
    estimatedSeconds: await estimate(plan, { hashBytes, mixBytes: readBytes + writeBytes }, options),
  };
}

function plannedTensor(plan: MergePlan, step: PlannedStep, file: string): PlannedTensor {
  return {
    name: step.name,
    layer: step.layer,
    operation: step.inputs.length === 1 ? "copy" : plan.method.name,
    parameters: step.parameters,
    filter: step.filter,
    inputs: step.inputs.map((input) => ({
      model: input.model,
      tensor: input.tensor.name,
      dtype: input.tensor.dtype,
      shape: input.tensor.shape,
      readBytes: inputBytes(input),
    })),
    dtype: configDtypeName(step.dtype),
    shape: step.shape,
    writeBytes: tensorByteLength(step.dtype, step.shape) ?? 0,
    file,
  };
}

/** Mixes the first tensor that is large enough, or else the largest, and hashes what comes out: the real work, once. */
async function estimate(
  plan: MergePlan,
  { hashBytes, mixBytes }: { readonly hashBytes: number; readonly mixBytes: number },
  { signal }: { readonly signal?: AbortSignal },
): Promise<number> {
  const sizeOf = (step: PlannedStep) => step.inputs.reduce((sum, input) => sum + inputBytes(input), 0);
  const bySize = plan.steps.toSorted((a, b) => sizeOf(a) - sizeOf(b));
  const probe = bySize.find((step) => sizeOf(step) >= PROBE_BYTES) ?? bySize.at(-1)!;
  const startedMs = performance.now();
  const mix = await mixStep(plan, probe, signal === undefined ? {} : { signal });
  const hash = createHash("sha256");
  let bytes = sizeOf(probe);
  for (const block of mixedBlocks(probe, mix)) {
    signal?.throwIfAborted();
    hash.update(block);
    bytes += block.byteLength;
  }
  const mixSeconds = (performance.now() - startedMs) / 1000;
  const data = new Uint8Array(PROBE_BYTES);
  const hashStartedMs = performance.now();
  createHash("sha256").update(data).digest();
  const hashSeconds = (performance.now() - hashStartedMs) / 1000;
  return mixBytes * mixSeconds / bytes + hashBytes * hashSeconds / PROBE_BYTES;
}

function weightBytes({ tensors }: Checkpoint): number {
  return [...tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

function bytesRead(inputs: PlannedTensor["inputs"]): number {
  return inputs.reduce((sum, input) => sum + input.readBytes, 0);
}
