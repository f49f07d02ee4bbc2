/**
 * The tensors of a Mistral-class checkpoint → matrices on the device, fused and reordered as the kernels want them:
 * q, k and v in one with the rows that rotate together side by side, gate and up interleaved. Takes weights as trained
 * and weights that compressed-tensors has quantized to FP8 (`X.weight` with `X.weight_scale`). Checks that every tensor
 * is there, with the shape its configuration implies, before the first byte is uploaded.
 */
import { FormatError } from "../errors.ts";
import {
  biasName,
  EMBEDDING_TENSOR,
  expectedTensors,
  FINAL_NORM_TENSOR,
  HEAD_NORM_TENSORS,
  type LayerTensor,
  layerTensorName,
  LM_HEAD_TENSOR,
} from "../formats/architecture.ts";
import type { Checkpoint } from "../formats/checkpoint.ts";
import type { GpuBuffer } from "../gpu/buffer.ts";
import { type FloatDtype, isFloatDtype, isWeightDtype } from "../tensor/dtype.ts";
import {
  LAYER_MATRICES,
  type LayerMatrix,
  layerMatrix,
  type MatrixShape,
  type ModelFormats,
  vocabularyMatrix,
} from "./matrices.ts";
import {
  formatOf,
  type MatrixSource,
  type PackContext,
  type PackedMatrix,
  packGain,
  packHeadGains,
  packMatrix,
} from "./packed_matrix.ts";
import type { Quantization } from "./runner.ts";

export interface LayerWeights {
  readonly inputGain: GpuBuffer; // [hiddenStride] f32, in hidden order
  readonly qkv: PackedMatrix; // pairs: (i, i + headDim / 2) of each head, heads in the order q, k, v
  readonly headGains: GpuBuffer | null; // [q|k, headDim] f32; null where heads are not normed
  readonly output: PackedMatrix; // pairs: rows 2p, 2p + 1
  readonly postAttentionGain: GpuBuffer; // [hiddenStride] f32, in hidden order
  readonly gateUp: PackedMatrix; // pairs: row p of gate, row p of up
  readonly down: PackedMatrix; // pairs: rows 2p, 2p + 1
}

export interface ModelWeights {
  readonly embedding: PackedMatrix; // pairs: tokens 2p, 2p + 1; never quantized
  readonly layers: readonly LayerWeights[];
  readonly finalGain: GpuBuffer; // [hiddenStride] f32, in hidden order
  /** The embedding itself where the two are tied and not quantized. */
  readonly lmHead: PackedMatrix;
}

/** Bytes that {@link loadWeights} reads, for progress; throws FormatError for missing or misshapen tensors. */
export function checkTensors(checkpoint: Checkpoint, quantization: Quantization): number {
  // A quantized head of its own is made from tied embeddings, which are then read twice.
  const readTwice = quantization !== "none" && headTensor(checkpoint) === EMBEDDING_TENSOR;
  let bytes = readTwice ? checkpoint.tensor(EMBEDDING_TENSOR).byteLength : 0;
  for (const [name, expected] of tensorsToLoad(checkpoint)) {
    const { dtype, shape, byteLength } = checkpoint.tensor(name);
    const details = { dir: checkpoint.dir, tensor: name };
    if (shape.length !== expected.length || shape.some((size, axis) => size !== expected[axis])) {
      throw new FormatError(
        `Cannot load tensor "${name}": shape is [${shape.join(", ")}], expected [${expected.join(", ")}]`,
        { ...details, found: shape, expected },
      );
    }
    const canBeFloat8 = shape.length === 2 && name !== EMBEDDING_TENSOR;
    if (!(canBeFloat8 ? isFloatDtype(dtype) : isWeightDtype(dtype))) {
      const dtypes = ["BF16", "F16", "F32", ...canBeFloat8 ? ["F8_E4M3"] : []];
      throw new FormatError(
        `Cannot load tensor "${name}": dtype is ${dtype}, expected ${dtypes.slice(0, -1).join(", ")} or ${
          dtypes.at(-1)
        }`,
        { ...details, found: dtype, expected: dtypes },
      );
    }
    checkScale(checkpoint, name);
    bytes += byteLength;
  }
  return bytes;
}

/** A tensor of FP8 needs scales: one a row, or one for all. Scales of blocks are refused. */
function checkScale(checkpoint: Checkpoint, weight: string): void {
  const name = scaleName(checkpoint, weight);
  if (name === undefined) return;
  const { dtype, shape } = checkpoint.tensor(name);
  const [rows] = checkpoint.tensor(weight).shape;
  const elements = shape.reduce((a, b) => a * b, 1);
  if (isWeightDtype(dtype) && (elements === 1 || (shape[0] === rows && elements === rows))) return;
  throw new FormatError(
    `Cannot load tensor "${name}": it is ${dtype} [${
      shape.join(", ")
    }], expected BF16, F16 or F32 [${rows}, 1] or [1]`,
    { dir: checkpoint.dir, tensor: name, found: { dtype, shape }, expected: [rows, 1] },
  );
}

/** Every tensor that a load reads by name, with its shape; scales of FP8 tensors come on top. */
export function tensorsToLoad(checkpoint: Checkpoint): Map<string, readonly number[]> {
  const tied = headTensor(checkpoint) === EMBEDDING_TENSOR;
  return new Map(expectedTensors({ ...checkpoint.config, tieWordEmbeddings: tied }));
}

/**
 * A checkpoint without an output head of its own uses its embedding, whether it says so or not. One that has both uses both:
 * where they differ, the reference does not tie them either.
 */
export function headTensor({ tensors }: Pick<Checkpoint, "tensors">): string {
  return tensors.has(LM_HEAD_TENSOR) ? LM_HEAD_TENSOR : EMBEDDING_TENSOR;
}

/** Where the scales of a tensor lie that is stored as FP8. */
function scaleName(checkpoint: Checkpoint, weight: string): string | undefined {
  return checkpoint.tensor(weight).dtype === "F8_E4M3" ? scaleTensorName(weight) : undefined;
}

/** `X.weight` → `X.weight_scale`, as compressed-tensors names it. */
export function scaleTensorName(weight: string): string {
  return weight.replace(/weight$/, "weight_scale");
}

/** How {@link loadWeights} holds each matrix. */
export function formatsOf(checkpoint: Checkpoint, quantization: Quantization): ModelFormats {
  const { config } = checkpoint;
  const head = headTensor(checkpoint);
  const format = ({ tensors }: MatrixShape, as = quantization) =>
    formatOf(tensors.map((name) => checkpoint.tensor(name).dtype as FloatDtype), as);
  return {
    embedding: format(vocabularyMatrix(config, EMBEDDING_TENSOR), "none"),
    head: sharesEmbedding(checkpoint, quantization) ? null : format(vocabularyMatrix(config, head)),
    layers: Array.from({ length: config.layers }, (_, layer) =>
      Object.fromEntries(
        LAYER_MATRICES.map((name) => [name, format(layerMatrix(config, layer, name))]),
      ) as ModelFormats["layers"][number]),
  };
}

function sharesEmbedding(checkpoint: Checkpoint, quantization: Quantization): boolean {
  return headTensor(checkpoint) === EMBEDDING_TENSOR && quantization === "none";
}

/** Uploads everything; buffers land on `context.owned` whatever happens. */
export async function loadWeights(context: PackContext, quantization: Quantization): Promise<ModelWeights> {
  const { checkpoint, rows, quantizer } = context;
  const { config } = checkpoint;
  const pack = (shape: MatrixShape, as = quantization) =>
    packMatrix(context, sourceOf(checkpoint, shape), as);

  const embedding = await pack(vocabularyMatrix(config, EMBEDDING_TENSOR), "none");
  const layers: LayerWeights[] = [];
  for (let layer = 0; layer < config.layers; layer++) {
    const gain = (name: LayerTensor) => packGain(context, layerTensorName(layer, name));
    const matrix = (name: LayerMatrix) => pack(layerMatrix(config, layer, name));
    layers.push({
      inputGain: await gain("input_layernorm.weight"),
      qkv: await matrix("qkv"),
      headGains: config.headNorms ? await packHeadGains(context, headNormNames(layer)) : null,
      output: await matrix("output"),
      postAttentionGain: await gain("post_attention_layernorm.weight"),
      gateUp: await matrix("gateUp"),
      down: await matrix("down"),
    });
  }
  const finalGain = await packGain(context, FINAL_NORM_TENSOR);
  const lmHead = sharesEmbedding(checkpoint, quantization)
    ? embedding
    : await pack(vocabularyMatrix(config, headTensor(checkpoint)));
  await rows.drain();
  await quantizer?.settle();
  return { embedding, layers, finalGain, lmHead };
}

const headNormNames = (layer: number) => HEAD_NORM_TENSORS.map((name) => layerTensorName(layer, name));

function sourceOf(checkpoint: Checkpoint, { tensors, ...shape }: MatrixShape): MatrixSource {
  return {
    ...shape,
    tensors: tensors.map((name) => ({
      name,
      bias: biasName(checkpoint.config, name),
      scale: scaleName(checkpoint, name),
    })),
  };
}
