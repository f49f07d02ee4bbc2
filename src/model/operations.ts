/**
 * Kernels bound to a model's buffers: an {@link Operation} is one dispatch with everything fixed but its number of
 * rows. Compiles each linear kernel for one row and for several; which one runs changes speed, never a bit of a result.
 */
import type { ModelConfig } from "../formats/config.ts";
import type { GpuBuffer } from "../gpu/buffer.ts";
import type { GpuDevice } from "../gpu/device.ts";
import type { StepEncoder } from "../gpu/encoder.ts";
import type { KernelDeclaration } from "../gpu/kernel.ts";
import { attention, headBundle, NO_WINDOW } from "../kernels/attention.ts";
import { embed } from "../kernels/embed.ts";
import { gateUp } from "../kernels/gate_up.ts";
import { type LinearOverride, linearTuning, linearVariant, TOKEN_TILE } from "../kernels/linear.ts";
import { linearResidual } from "../kernels/linear_residual.ts";
import { lmHead } from "../kernels/lm_head.ts";
import { qkvRope } from "../kernels/qkv_rope.ts";
import type { MatrixSlice, PackedMatrix } from "./packed_matrix.ts";
import type { Precision } from "./runner.ts";
import type { ModelSizes } from "./sizes.ts";
import type { LayerWeights, ModelWeights } from "./weights.ts";

/** Appends a dispatch for so many rows. */
export type Operation = (step: StepEncoder, rows: number) => void;

/** Buffers that a step passes through. */
export interface StepBuffers {
  readonly plan: GpuBuffer; // u32, see plan.ts
  readonly lastTokens: GpuBuffer; // [maxSequences] u32
  readonly hidden: GpuBuffer; // [maxRows, hiddenStride] f32
  readonly queries: GpuBuffer; // [maxRows, queryStride]
  readonly attended: GpuBuffer; // [maxRows, queryStride]
  readonly activated: GpuBuffer; // [maxRows, innerStride]
  readonly logits: GpuBuffer; // [maxSequences, vocabSize] f32
  readonly rotary: GpuBuffer; // [maxContext, headDim / 2, 2] f32
  readonly cache: readonly GpuBuffer[]; // per layer: [blocks, k|v, kvHeads, blockSize, headDim]
}

export interface OperationParts {
  readonly device: GpuDevice;
  readonly config: ModelConfig;
  readonly sizes: ModelSizes;
  readonly precision: Precision;
  readonly buffers: StepBuffers;
  /** Word of the plan where the samples begin. */
  readonly samplesOffset: number;
}

/** Params that every linear kernel has and that this file fills in itself. */
type LinearParam = "rows" | "pairs" | "firstPair" | "groups";

/** Token ids → the residual stream; one operation per slice of the embedding. */
export async function embedding(parts: OperationParts, matrix: PackedMatrix): Promise<Operation[]> {
  const { plan, lastTokens: last_tokens, hidden } = parts.buffers;
  const { format, groups, slices } = matrix;
  const kernel = await parts.device.compile(embed, { libs: { weight: `weight_${format}` } });
  return slices.map(({ weights, firstPair, pairs }): Operation => {
    const bound = kernel.bind({ weights, plan, last_tokens, hidden });
    const shape = { groups, firstToken: firstPair * 2, tokens: pairs * 2 };
    return (step, rows) => step.dispatch(bound, { rows, ...shape });
  });
}

/** One decoder layer, in order. */
export async function decoderLayer(
  parts: OperationParts,
  layer: LayerWeights,
  cache: GpuBuffer,
): Promise<Operation[]> {
  const { attended, activated } = parts.buffers;
  return [
    ...await qkv(parts, layer, cache),
    await attend(parts, cache),
    ...await residual(parts, layer.output, attended),
    ...await mlp(parts, layer),
    ...await residual(parts, layer.down, activated),
  ];
}

/** Logits of the sampling rows; `rows` counts samples. */
export function head(
  parts: OperationParts,
  { lmHead: matrix, finalGain: gain }: ModelWeights,
): Promise<Operation[]> {
  const { config, samplesOffset } = parts;
  const { hidden: input, plan, logits } = parts.buffers;
  const bind = (slice: MatrixSlice) => ({ input, gain, ...operands(slice), plan, logits });
  const shape = {
    inputSize: config.hiddenSize,
    eps: config.rmsNormEps,
    outputs: config.vocabSize,
    samples: samplesOffset,
  };
  return linear(parts, lmHead, matrix, bind, shape);
}

function qkv(parts: OperationParts, layer: LayerWeights, cache: GpuBuffer): Promise<Operation[]> {
  const { config, sizes } = parts;
  const { hidden: input, rotary, plan, queries } = parts.buffers;
  const gain = layer.inputGain;
  const bind = (slice: MatrixSlice) => ({ input, gain, ...operands(slice), rotary, plan, queries, cache });
  return linear(parts, qkvRope, layer.qkv, bind, {
    inputSize: config.hiddenSize,
    eps: config.rmsNormEps,
    queryHeads: config.queryHeads,
    kvHeads: config.kvHeads,
    headDim: config.headDim,
    queryStride: sizes.queryStride,
    blockSize: sizes.limits.blockSize,
  });
}

async function attend({ device, config, sizes, precision, buffers }: OperationParts, cache: GpuBuffer) {
  const kernel = await device.compile(attention, {
    libs: { act: `act_${precision}` },
    overrides: { HEADS: headBundle(config.queryHeads, config.kvHeads) },
  });
  const { queries, plan, attended } = buffers;
  const bound = kernel.bind({ queries, cache, plan, attended });
  const shape = {
    queryHeads: config.queryHeads,
    kvHeads: config.kvHeads,
    columns: config.headDim / 4,
    queryStride: sizes.queryStride,
    blockSize: sizes.limits.blockSize,
    window: config.slidingWindow ?? NO_WINDOW,
    scale: config.headDim ** -0.5,
  };
  const operation: Operation = (step, rows) => step.dispatch(bound, { rows, ...shape });
  return operation;
}

function mlp(parts: OperationParts, layer: LayerWeights): Promise<Operation[]> {
  const { config, sizes } = parts;
  const { hidden: input, activated } = parts.buffers;
  const gain = layer.postAttentionGain;
  const bind = (slice: MatrixSlice) => ({ input, gain, ...operands(slice), activated });
  const shape = { inputSize: config.hiddenSize, eps: config.rmsNormEps, stride: sizes.innerStride };
  return linear(parts, gateUp, layer.gateUp, bind, shape);
}

function residual(parts: OperationParts, matrix: PackedMatrix, input: GpuBuffer): Promise<Operation[]> {
  const { hidden } = parts.buffers;
  const bind = (slice: MatrixSlice) => ({ input, ...operands(slice), hidden });
  const shape = { stride: parts.sizes.hiddenStride };
  return linear(parts, linearResidual, matrix, bind, shape);
}

const operands = ({ weights, channels }: MatrixSlice) => ({ weights, channels });

/** One operation per slice of the matrix. */
async function linear<B extends string, P extends string>(
  { device, precision }: OperationParts,
  kernel: KernelDeclaration<B, P | LinearParam, LinearOverride>,
  { format, groups, slices }: PackedMatrix,
  bind: (slice: MatrixSlice) => Readonly<Record<B, GpuBuffer>>,
  shape: Readonly<Record<Exclude<P, LinearParam>, number>>,
): Promise<Operation[]> {
  const tuning = linearTuning(device.info.software);
  const compile = (tokens: 1 | typeof TOKEN_TILE) => {
    const variant = linearVariant(format, tuning, tokens);
    const act = kernel.libs?.["act"] === undefined ? {} : { act: `act_${precision}` };
    return device.compile(kernel, { ...variant, libs: { ...variant.libs, ...act } });
  };
  const [one, several] = await Promise.all([compile(1), compile(TOKEN_TILE)]);
  return slices.map((slice): Operation => {
    const buffers = bind(slice);
    const [forOne, forSeveral] = [one.bind(buffers), several.bind(buffers)];
    const params = { ...shape, rows: 0, groups, pairs: slice.pairs, firstPair: slice.firstPair } as Record<
      P | LinearParam,
      number
    >;
    return (step, rows) => {
      params.rows = rows;
      step.dispatch(rows === 1 ? forOne : forSeveral, params);
    };
  });
}
