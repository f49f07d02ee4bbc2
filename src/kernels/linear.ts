/**
 * What all kernels with a matrix product share (shaders/lib/dot_pairs.wgsl): the libraries that can fill their slots,
 * their tunables and their grid. Weight matrices come as pairs of adjacent rows, each row padded to groups of sixteen.
 */
import type { KernelVariant } from "../gpu/kernel.ts";

/** Inputs per group: what one invocation loads of a weight row at a time. */
export const GROUP_SIZE = 16;

/** How a weight matrix is held on the device. */
export type WeightFormat = "f32" | "bf16" | "f16" | "fp8";

/** Bytes of one weight. */
export const WEIGHT_BYTES: Readonly<Record<WeightFormat, number>> = { f32: 4, bf16: 2, f16: 2, fp8: 1 };

/** E4M3 values reach the kernels divided by this (see weight_fp8.wgsl); the channel scale carries it. */
export const FP8_SCALE_FACTOR = 256;

export const WEIGHT_LIBS = ["weight_bf16", "weight_f16", "weight_f32", "weight_fp8"] as const;
export const ACT_LIBS = ["act_f32", "act_f16"] as const;
export const REDUCE_LIBS = ["reduce_none", "reduce_workgroup"] as const;

export const LINEAR_OVERRIDES = { WORKGROUP: 32, LANES: 1, TOKENS: 1, PAIRS: 1 } as const;
export type LinearOverride = keyof typeof LINEAR_OVERRIDES;

/** Tokens per invocation in the variant for more than one token. */
export const TOKEN_TILE = 4;

/** How invocations share a weight pair on this kind of device. */
export interface LinearTuning {
  readonly WORKGROUP: number;
  /** Invocations that share a dot product. */
  readonly LANES: number;
  /** Pairs of weight rows per invocation, 1 or 4; only 1 where lanes share. */
  readonly PAIRS: number;
}

/**
 * A GPU wants neighbouring invocations on neighbouring weights. A software device loads lane by lane, one word in
 * about 7 ns (llvmpipe of Mesa 22.3), whatever lies next to it: what counts there is how often a loaded input is used.
 */
export function linearTuning(software: boolean): LinearTuning {
  return software ? { WORKGROUP: 8, LANES: 1, PAIRS: 4 } : { WORKGROUP: 128, LANES: 32, PAIRS: 1 };
}

/** The variant of a linear kernel for a weight format and for one (`tokens` = 1) or more tokens. */
export function linearVariant(
  format: WeightFormat,
  tuning: LinearTuning,
  tokens: 1 | typeof TOKEN_TILE,
): KernelVariant<LinearOverride> {
  return {
    libs: {
      weight: `weight_${format}`,
      reduce: tuning.LANES === 1 ? "reduce_none" : "reduce_workgroup",
    },
    overrides: { ...tuning, TOKENS: tokens },
  };
}

/** x over pairs of weight rows, y over tokens. */
export function linearGrid(
  { rows, pairs }: { readonly rows: number; readonly pairs: number },
  { WORKGROUP, LANES, TOKENS, PAIRS }: Readonly<Record<LinearOverride, number>>,
): readonly [number, number] {
  return [Math.ceil(pairs * LANES / (WORKGROUP * PAIRS)), Math.ceil(rows / TOKENS)];
}
