/**
 * How large everything beside the weights gets: sequence and batch limits, KV cache, activation rows. Decided once,
 * before a byte is allocated, from the model's shape and the device's limits. Refuses shapes the kernels cannot run.
 */
import { formatBytesApart } from "../byte_size.ts";
import { CapacityError, FormatError } from "../errors.ts";
import type { ModelConfig } from "../formats/config.ts";
import { quote } from "../formats/json.ts";
import { MAX_HEAD_DIM } from "../kernels/attention.ts";
import { GROUP_SIZE, HALF_BLOCK, HIDDEN_BLOCK, type WeightFormat } from "../kernels/linear.ts";
import { fp8HeadBytes } from "../kernels/quantize_cache.ts";
import type { DeviceTuning } from "../kernels/tuning.ts";
import { type PartSizes, partSizes } from "./attention_parts.ts";
import { LAYER_MATRICES, type ModelFormats } from "./matrices.ts";
import { draftedSamples, MAX_DRAFTS } from "./drafts.ts";
import { roundUp } from "./plan.ts";
import type { KvCacheDtype, KvCacheFormat, Precision, RunnerLimits } from "./runner.ts";

/** Tokens per KV block. */
export const BLOCK_SIZE = 16;

/** Prompt tokens per step: enough to keep a device busy, few enough that decoding sequences wait only briefly. */
export const MAX_PROMPT_TOKENS = 512;

/** KV cache of all layers unless asked otherwise, or what one sequence of the whole context takes, if that is more. */
const DEFAULT_CACHE_BYTES = 4 * 2 ** 30;

export interface SizeRequest {
  readonly precision: Precision;
  /** `auto` unless given. */
  readonly kvCacheDtype?: KvCacheDtype | undefined;
  readonly maxContext: number;
  readonly maxSequences: number;
  /** Upper bound of the KV cache of all layers. */
  readonly cacheBytes?: number | undefined;
  /** Largest buffer that can be bound. */
  readonly maxBindableBytes: number;
  readonly tuning: DeviceTuning;
  /** Products in pairs of f16 are for matrices known to be in FP8. */
  readonly formats?: ModelFormats | undefined;
}

export interface ModelSizes {
  readonly limits: RunnerLimits;
  readonly activationBytes: 2 | 4;
  readonly kvCacheFormat: KvCacheFormat;
  /** Keys and values of one token in one layer. */
  readonly cacheTokenBytes: number;
  /** KV cache of one layer. */
  readonly cacheLayerBytes: number;
  /** Elements of keys and values from one row of a step to the next, where they wait to be quantized; 0: they do not. */
  readonly keptStride: number;
  /** Prompt rows, decode rows and drafts in one step. */
  readonly maxRows: number;
  /** Inputs of the layers' matrices are in half order, for products in pairs of f16; the tuning has `halves` then. */
  readonly halves: boolean;
  /** Elements from one row of the residual stream to the next. */
  readonly hiddenStride: number;
  /** Of what rms_norm makes of it; 0: the matrices norm their inputs themselves. */
  readonly normedStride: number;
  /** Of queries and attention output. */
  readonly queryStride: number;
  /** Of the MLP's inner activations. */
  readonly innerStride: number;
  readonly parts: PartSizes;
}

/** Throws FormatError for a shape no kernel supports, CapacityError when not even one sequence fits. */
export function planSizes(config: ModelConfig, request: SizeRequest): ModelSizes {
  checkSupported(config);
  const { maxBindableBytes, maxSequences } = request;
  const maxContext = Math.min(request.maxContext, config.maxPositionEmbeddings);
  const activationBytes = request.precision === "f16" ? 2 : 4;
  const hiddenStride = roundUp(config.hiddenSize, HIDDEN_BLOCK);
  const halves = takesHalves(request);
  const step = halves ? HALF_BLOCK : GROUP_SIZE;
  const queryStride = roundUp(config.queryHeads * config.headDim, step);
  const innerStride = roundUp(config.intermediateSize, step);

  const kvCacheFormat = request.kvCacheDtype === "fp8" ? "fp8" : request.precision;
  const keptStride = kvCacheFormat === "fp8" ? 2 * config.kvHeads * config.headDim : 0;
  const headBytes = kvCacheFormat === "fp8" ? fp8HeadBytes(config.headDim) : config.headDim * activationBytes;
  const cacheTokenBytes = 2 * config.kvHeads * headBytes;
  const blockBytes = cacheTokenBytes * BLOCK_SIZE;
  const contextBlocks = Math.ceil(maxContext / BLOCK_SIZE);
  const contextBytes = contextBlocks * blockBytes * config.layers;
  const budget = request.cacheBytes ?? Math.max(DEFAULT_CACHE_BYTES, contextBytes);
  const wanted = maxSequences * contextBlocks;
  const blockCount = Math.min(
    wanted,
    Math.floor(maxBindableBytes / blockBytes),
    Math.floor(budget / (blockBytes * config.layers)),
  );
  if (blockCount * BLOCK_SIZE < maxContext) {
    throw new CapacityError(
      `Cannot serve a context of ${maxContext} tokens: the KV cache holds ${blockCount * BLOCK_SIZE}`,
      { found: blockCount * BLOCK_SIZE, expected: maxContext },
    );
  }
  const maxSamples = draftedSamples(maxSequences);
  const rowBytes = 4 * Math.max(hiddenStride, queryStride, innerStride, keptStride);
  const maxPromptTokens = Math.min(
    MAX_PROMPT_TOKENS,
    maxContext,
    Math.floor(maxBindableBytes / rowBytes) - maxSamples,
  );
  const logitBytes = maxSamples * config.vocabSize * 4;
  if (maxPromptTokens < 1 || logitBytes > maxBindableBytes) {
    const found = Math.max(logitBytes, rowBytes * (maxSamples + 1));
    const [needed, most] = formatBytesApart(found, maxBindableBytes);
    throw new CapacityError(
      `Cannot run ${maxSequences} sequences at once: their activations take ${needed}, the device binds ${most}`,
      { found, expected: maxBindableBytes },
    );
  }
  const maxRows = maxPromptTokens + maxSamples;
  const parts = partSizes(config, request.tuning.attention, {
    maxContext,
    maxSamples,
    maxRows,
    maxBindableBytes,
  });
  // Both grow with the context: the table of angles, and the parts of one row's attention.
  const largestBytes = Math.max(
    maxContext * config.headDim * 4,
    parts.partRows * parts.maxSplits * config.queryHeads * config.headDim * 4,
  );
  if (largestBytes > maxBindableBytes) {
    const [needed, most] = formatBytesApart(largestBytes, maxBindableBytes);
    throw new CapacityError(
      `Cannot serve a context of ${maxContext} tokens: it takes a buffer of ${needed}, the device binds ${most}`,
      { found: largestBytes, expected: maxBindableBytes },
    );
  }
  return {
    limits: {
      maxSequences,
      blockSize: BLOCK_SIZE,
      blockCount,
      maxContext,
      maxPromptTokens,
      maxDrafts: MAX_DRAFTS,
      maxSamples,
      vocabSize: config.vocabSize,
    },
    activationBytes,
    kvCacheFormat,
    cacheTokenBytes,
    cacheLayerBytes: blockCount * blockBytes,
    keptStride,
    maxRows,
    halves,
    hiddenStride,
    normedStride: halves ? hiddenStride : 0,
    queryStride,
    innerStride,
    parts,
  };
}

/** A head that was left unquantized norms its input itself. */
export function headTakesHalves({ halves }: Pick<ModelSizes, "halves">, format: WeightFormat): boolean {
  return halves && format === "fp8";
}

/** One matrix that is not in FP8 would want its input otherwise than its neighbours. */
function takesHalves({ precision, tuning, formats }: SizeRequest): boolean {
  return precision === "f16" && tuning.halves !== undefined && formats !== undefined &&
    haveHalfLayers(formats);
}

/** Whether the formats of the layers allow products in pairs of f16. */
export function haveHalfLayers({ layers }: Pick<ModelFormats, "layers">): boolean {
  return layers.every((layer) => LAYER_MATRICES.every((name) => layer[name] === "fp8"));
}

/** Throws FormatError for what no kernel supports, with its field in config.json. */
export function checkSupported({ headDim, deviation }: ModelConfig): void {
  const refuse = (field: string, found: unknown, expected: string) => {
    const shown = quote(found);
    const message = `Cannot run this model: ${field} is ${shown}, expected ${expected}`;
    throw new FormatError(message, { field, found: shown, expected });
  };
  if (deviation !== null) refuse(deviation.field, deviation.found, deviation.expected);
  if (headDim % 4 !== 0 || headDim > MAX_HEAD_DIM) {
    refuse("head_dim", headDim, `a multiple of 4 up to ${MAX_HEAD_DIM}`);
  }
}
