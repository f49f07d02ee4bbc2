/** How large the buffers are that a step passes through, and the KV cache: what forward.ts allocates, by name. */
import type { ModelConfig } from "../formats/config.ts";
import { PlanWriter } from "./plan.ts";
import type { ModelSizes } from "./sizes.ts";

/** For steps of these sizes. */
export function planWriter({ limits, maxRows }: ModelSizes): PlanWriter {
  return new PlanWriter({
    maxRows,
    maxSamples: limits.maxSamples,
    maxTableBlocks: limits.maxSequences * Math.ceil(limits.maxContext / limits.blockSize),
  });
}

/** Bytes of each; `cache` of one layer. */
export function stepBufferBytes(config: ModelConfig, sizes: ModelSizes, planWords: number) {
  const {
    limits,
    maxRows,
    activationBytes,
    hiddenStride,
    queryStride,
    innerStride,
    keptStride,
    normedStride,
  } = sizes;
  const partHeads = sizes.parts.partRows * sizes.parts.maxSplits * config.queryHeads;
  return {
    plan: planWords * 4,
    lastTokens: limits.maxSequences * 4,
    hidden: maxRows * hiddenStride * 4,
    normed: maxRows * normedStride * 2,
    queries: maxRows * queryStride * activationBytes,
    attended: maxRows * queryStride * activationBytes,
    kept: maxRows * keptStride * 4,
    activated: maxRows * innerStride * activationBytes,
    logits: limits.maxSamples * limits.vocabSize * 4,
    rotary: limits.maxContext * config.headDim * 4,
    parts: partHeads * config.headDim * 4,
    partTerms: partHeads * 4,
    tickets: sizes.parts.partRows * config.queryHeads * 4,
    cache: sizes.cacheLayerBytes,
  };
}
