/**
 * Whether a model fits, in figures, before a byte of it is uploaded: WebGPU tells nobody how much memory is free, so the
 * budget comes from settings. A KV cache is made smaller before a model is refused, down to one sequence of the whole
 * context.
 */
import { formatBytes, formatBytesApart } from "../byte_size.ts";
import { CapacityError, LACKS_MEMORY } from "../errors.ts";
import type { ModelConfig } from "../formats/config.ts";
import { PARAMS_WINDOW_BYTES } from "../gpu/params.ts";
import { maxDispatches, weightBytes } from "./cost.ts";
import type { ModelFormats } from "./matrices.ts";
import { MAX_STEPS_PER_SUBMIT, MAX_SUBMITS_IN_FLIGHT } from "./mistral.ts";
import { SAMPLE_ROW_WORDS, samplerBytes } from "./sampler.ts";
import { BLOCK_SIZE, type ModelSizes, planSizes, type SizeRequest } from "./sizes.ts";
import { planWriter, stepBufferBytes } from "./step_buffers.ts";

/** Bytes on the device. */
export interface MemoryPlan {
  readonly weightBytes: number;
  readonly kvCacheBytes: number;
  /** Activations, plans, sampling, transfers. */
  readonly workBytes: number;
  readonly totalBytes: number;
}

export interface FitRequest extends SizeRequest {
  readonly formats: ModelFormats;
  /** What the model may take; nothing holds it back without. */
  readonly memoryBytes?: number | undefined;
}

/** The sizes with the largest KV cache that the request and the budget allow. Throws as planSizes() does, too. */
export function fitModel(
  config: ModelConfig,
  request: FitRequest,
): { readonly sizes: ModelSizes; readonly memory: MemoryPlan } {
  const sizes = planSizes(config, request);
  const memory = planMemory(config, sizes, request);
  const { memoryBytes } = request;
  if (memoryBytes === undefined || memory.totalBytes <= memoryBytes) return { sizes, memory };

  const { limits } = sizes;
  const blockBytes = memory.kvCacheBytes / limits.blockCount;
  const least = Math.ceil(limits.maxContext / BLOCK_SIZE) * blockBytes;
  const fixed = memory.totalBytes - memory.kvCacheBytes;
  if (fixed + least > memoryBytes) {
    const [whole, left] = formatBytesApart(fixed + least, memoryBytes);
    throw new CapacityError(
      `Cannot load the model: it takes ${formatBytes(memory.weightBytes)} of weights, ` +
        `${formatBytes(memory.workBytes)} of activations and at least ${
          formatBytes(least)
        } of KV cache for a context ` +
        `of ${limits.maxContext} tokens, together ${whole}; ${left} are left`,
      { ...memory, kvCacheBytes: least, found: memoryBytes, expected: fixed + least, [LACKS_MEMORY]: true },
    );
  }
  const smaller = planSizes(config, { ...request, cacheBytes: memoryBytes - fixed });
  return { sizes: smaller, memory: planMemory(config, smaller, request) };
}

function planMemory(config: ModelConfig, sizes: ModelSizes, request: FitRequest): MemoryPlan {
  const { formats, tuning, maxBindableBytes } = request;
  const shape = { config, formats, maxBindableBytes };
  const planWords = planWriter(sizes).capacity;
  const { cache, ...buffers } = stepBufferBytes(config, sizes, planWords);
  const params = MAX_STEPS_PER_SUBMIT * maxDispatches(shape, sizes, tuning) * PARAMS_WINDOW_BYTES;
  const uploads = MAX_STEPS_PER_SUBMIT * (planWords + sizes.limits.maxSamples * SAMPLE_ROW_WORDS) * 4;
  const sampler = samplerBytes(sizes.limits);
  const readback = MAX_SUBMITS_IN_FLIGHT * MAX_STEPS_PER_SUBMIT * sampler.results;
  const plan = {
    weightBytes: weightBytes(shape),
    kvCacheBytes: cache * config.layers,
    workBytes: [...Object.values(buffers), ...Object.values(sampler)]
      .reduce((sum, bytes) => sum + bytes, params + uploads + readback),
  };
  return { ...plan, totalBytes: plan.weightBytes + plan.kvCacheBytes + plan.workBytes };
}
