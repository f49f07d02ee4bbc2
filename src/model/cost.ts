/**
 * What a model takes of a device and what a step costs, worked out from shapes alone: bytes of weights, dispatches,
 * bytes that a decode step reads. Counts what operations.ts encodes; the tests hold the two against each other.
 */
import type { ModelConfig } from "../formats/config.ts";
import { HIDDEN_BLOCK, takesRow, WEIGHT_BYTES, type WeightFormat } from "../kernels/linear.ts";
import { type DeviceTuning, matricesOf } from "../kernels/tuning.ts";
import { partDispatches, promptDispatches, rowSplits, takesParts } from "./attention_parts.ts";
import {
  LAYER_MATRICES,
  type LayerMatrix,
  layerMatrix,
  type MatrixShape,
  type ModelFormats,
  vocabularyMatrix,
} from "./matrices.ts";
import { layOut, sliceBytes } from "./packed_matrix.ts";
import { roundUp } from "./plan.ts";
import { pairsOf } from "./row_layout.ts";
import { SAMPLER_DISPATCHES } from "./sampler.ts";
import { headTakesHalves, type ModelSizes } from "./sizes.ts";

/** All layers alike. */
export function uniformFormats(
  { layers }: ModelConfig,
  { embedding, weights }: { readonly embedding: WeightFormat; readonly weights: WeightFormat },
): ModelFormats {
  const layer = { qkv: weights, output: weights, gateUp: weights, down: weights };
  return { embedding, head: weights, layers: Array.from({ length: layers }, () => layer) };
}

export interface ModelShape {
  readonly config: ModelConfig;
  readonly formats: ModelFormats;
  readonly maxBindableBytes: number;
}

interface MatrixCost {
  readonly slices: number;
  readonly bytes: number;
}

function matrixCost(
  { inputs, layout }: MatrixShape,
  format: WeightFormat,
  maxBindableBytes: number,
): MatrixCost {
  const pairs = pairsOf(layout);
  const { pairBytes, slices } = layOut({ inputs, pairs, format, maxBindableBytes });
  const { weights, channels } = sliceBytes(pairs, pairBytes);
  return { slices: slices.length, bytes: weights + channels };
}

interface ModelCost {
  readonly embedding: MatrixCost;
  readonly head: MatrixCost;
  readonly layers: readonly Readonly<Record<LayerMatrix, MatrixCost>>[];
  readonly gainBytes: number;
}

function modelCost({ config, formats, maxBindableBytes }: ModelShape): ModelCost {
  const vocabulary = vocabularyMatrix(config, "");
  const embedding = matrixCost(vocabulary, formats.embedding, maxBindableBytes);
  return {
    embedding,
    head: formats.head === null ? embedding : matrixCost(vocabulary, formats.head, maxBindableBytes),
    layers: formats.layers.map((layer, index) =>
      Object.fromEntries(LAYER_MATRICES.map((name) => [
        name,
        matrixCost(layerMatrix(config, index, name), layer[name], maxBindableBytes),
      ])) as Record<LayerMatrix, MatrixCost>
    ),
    gainBytes: (2 * config.layers + 1) * roundUp(config.hiddenSize, HIDDEN_BLOCK) * 4 +
      (config.headNorms ? config.layers * 2 * config.headDim * 4 : 0),
  };
}

const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);

/** Bytes of the buffers that loadWeights() makes. */
export function weightBytes(shape: ModelShape): number {
  const { embedding, head, layers, gainBytes } = modelCost(shape);
  const layerBytes = sum(layers.flatMap((layer) => LAYER_MATRICES.map((name) => layer[name].bytes)));
  return embedding.bytes + (shape.formats.head === null ? 0 : head.bytes) + layerBytes + gainBytes;
}

/** Most dispatches of one step. */
export function maxDispatches(shape: ModelShape, sizes: ModelSizes, tuning: DeviceTuning): number {
  const { embedding, head, layers } = modelCost(shape);
  const families = (name: LayerMatrix) => matricesOf(tuning, sizes.halves)[name].prompt.length === 0 ? 1 : 2;
  const matrices = layers.flatMap((layer) =>
    LAYER_MATRICES.map((name) => layer[name].slices * families(name))
  );
  const attention = takesParts(shape.config, tuning.attention)
    ? promptDispatches(shape.config, sizes, tuning.attention) +
      partDispatches(sizes.maxRows, sizes.parts, tuning.attention)
    : 1;
  return embedding.slices + sum(matrices) +
    layers.length * (attention + headDispatches(shape.config, sizes)) +
    normDispatches(shape, sizes) + head.slices + SAMPLER_DISPATCHES;
}

/** A decode step: so many sequences, each with so many tokens when the new one is in. */
export interface DecodeStep {
  readonly rows: number;
  readonly context: number;
}

export interface DecodeCost {
  readonly dispatches: number;
  /** Read of weights, each matrix once: as long as a kernel takes all rows at a time. */
  readonly weightBytes: number;
  /** Read of keys and values. */
  readonly cacheBytes: number;
}

/** Dispatches, and bytes that must come from memory. */
export function decodeCost(
  shape: ModelShape & { readonly sizes: ModelSizes; readonly tuning: DeviceTuning },
  { rows, context }: DecodeStep,
): DecodeCost {
  const { config, formats, sizes, tuning } = shape;
  const { embedding, head, layers, gainBytes } = modelCost(shape);
  const matrices = layers.flatMap((layer) => LAYER_MATRICES.map((name) => layer[name]));
  const seen = Math.min(context, config.slidingWindow ?? Infinity);
  return {
    dispatches: embedding.slices + sum(matrices.map(({ slices }) => slices)) +
      layers.length *
        (attentionDispatches(config, sizes, tuning, { rows, context }) + headDispatches(config, sizes)) +
      (normsAlone(tuning, rows) ? 0 : normDispatches(shape, sizes)) + head.slices + SAMPLER_DISPATCHES,
    weightBytes: rows * config.hiddenSize * WEIGHT_BYTES[formats.embedding] +
      sum(matrices.map(({ bytes }) => bytes)) + head.bytes + gainBytes,
    cacheBytes: rows * seen * layers.length * sizes.cacheTokenBytes,
  };
}

/** In front of qkv, of gate and up, and of the head, where they compute in pairs of f16. */
function normDispatches({ formats }: ModelShape, sizes: ModelSizes): number {
  const head = headTakesHalves(sizes, formats.head ?? formats.embedding) ? 1 : 0;
  return (sizes.halves ? 2 * formats.layers.length : 0) + head;
}

/** One row is normed by whoever takes it; taken for granted is that workgroup memory has room for it (fitShape()). */
function normsAlone({ halves }: DeviceTuning, rows: number): boolean {
  return rows === 1 && takesRow(halves?.qkv.decode[0]);
}

/** What wants whole heads: a layer's norms of them, and its keys and values into a cache in FP8. */
function headDispatches({ headNorms }: ModelConfig, { kvCacheFormat }: ModelSizes): number {
  return (headNorms ? 1 : 0) + (kvCacheFormat === "fp8" ? 1 : 0);
}

function attentionDispatches(
  config: ModelConfig,
  { parts }: ModelSizes,
  { attention }: DeviceTuning,
  { rows, context }: DecodeStep,
): number {
  if (!takesParts(config, attention) || rowSplits(config, attention).decode(context - 1) === 1) return 1;
  return partDispatches(rows, parts, attention);
}
