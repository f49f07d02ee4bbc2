/**
 * What a step does with whole heads of its queries, keys and values, of which no invocation of qkv_rope knows more than two
 * elements; nothing for most models.
 */
import type { GpuBuffer } from "../gpu/buffer.ts";
import { headNorm } from "../kernels/head_norm.ts";
import { quantizeCache } from "../kernels/quantize_cache.ts";
import type { Operation, OperationParts } from "./operation.ts";
import type { LayerWeights } from "./weights.ts";

/** Where the model norms each head of its queries and keys: does so, and rotates them, where qkv_rope has left them. */
export async function normHeads(
  { device, config, sizes, precision, buffers }: OperationParts,
  { headGains: gains }: LayerWeights,
  cache: GpuBuffer,
): Promise<Operation[]> {
  if (gains === null) return [];
  const { kept, rotary, plan, queries } = buffers;
  const quantized = sizes.kvCacheFormat === "fp8";
  const libs = { act: `act_${precision}`, kept: quantized ? "kept_rows" : "kept_pages" };
  const compiled = await device.compile(headNorm, { libs });
  const bound = compiled.bind({ gains, rotary, plan, queries, cache: quantized ? kept : cache });
  const shape = {
    queryHeads: config.queryHeads,
    kvHeads: config.kvHeads,
    headDim: config.headDim,
    queryStride: sizes.queryStride,
    blockSize: sizes.limits.blockSize,
    eps: config.rmsNormEps,
  };
  return [{ dispatches: 1, encode: (step, { rows }) => step.dispatch(bound, { rows, ...shape }) }];
}

/** Where the cache is in FP8: from rows into it, a scale for each head. */
export async function quantizeKept(
  { device, config, sizes, buffers }: OperationParts,
  cache: GpuBuffer,
): Promise<Operation[]> {
  if (sizes.kvCacheFormat !== "fp8") return [];
  const { kept, plan } = buffers;
  const bound = (await device.compile(quantizeCache)).bind({ kept, plan, cache });
  const shape = { kvHeads: config.kvHeads, columns: config.headDim / 4, blockSize: sizes.limits.blockSize };
  return [{ dispatches: 1, encode: (step, { rows }) => step.dispatch(bound, { rows, ...shape }) }];
}
