/**
 * What all kernels with a matrix product share: the libraries that can fill their slots, their tunables and their grid.
 * Weight matrices come as pairs of adjacent rows, each row padded to groups of sixteen.
 *
 * A kernel says what becomes of a pair's sums; a core makes the sums. `core_lanes` runs on any device, `core_subgroup` is
 * bound by memory and for few tokens, `core_tile` is bound by arithmetic and for many. Of FP8 weights and f16 inputs, in
 * pairs of f16, `core_subgroup_f16` does as the second, `core_row_f16` too, for one token and by way of workgroup memory,
 * and `core_tile_f16` as the third.
 */
import type { KernelVariant } from "../gpu/kernel.ts";

/** Inputs per group: what one invocation loads of a weight row at a time. */
export const GROUP_SIZE = 16;

/** Elements of a block of the residual stream's order (shaders/lib/hidden_order.wgsl). */
export const HIDDEN_BLOCK = 512;

/** Where element `index` of a row of the residual stream, or of a gain, lies. */
export function hiddenPlace(index: number): number {
  const within = index % HIDDEN_BLOCK;
  const [group, quarter] = [Math.floor(within / GROUP_SIZE), Math.floor(within % GROUP_SIZE / 4)];
  return index - within + quarter * (HIDDEN_BLOCK / 4) + group * 4 + index % 4;
}

/** Elements of a block of the order in which f16 inputs of products in pairs lie (shaders/lib/half_order.wgsl). */
export const HALF_BLOCK = 512;

/** Where element `index` of a row in that order lies. */
export function halfPlace(index: number): number {
  const within = index % HALF_BLOCK;
  const [group, half, quad] = [
    Math.floor(within / GROUP_SIZE),
    Math.floor(within % 16 / 8),
    Math.floor(within % 8 / 4),
  ];
  return index - within + half * (HALF_BLOCK / 2) + group * 8 + quad * 4 + [0, 2, 1, 3][index % 4]!;
}

/** How a weight matrix is held on the device. */
export type WeightFormat = "f32" | "bf16" | "f16" | "fp8";

/** Bytes of one weight. */
export const WEIGHT_BYTES: Readonly<Record<WeightFormat, number>> = { f32: 4, bf16: 2, f16: 2, fp8: 1 };

/** E4M3 values reach the kernels divided by this (see weight_fp8.wgsl); the channel scale carries it. */
export const FP8_SCALE_FACTOR = 256;

export const WEIGHT_LIBS = ["weight_bf16", "weight_f16", "weight_f32", "weight_fp8"] as const;
export const ACT_LIBS = ["act_f32", "act_f16"] as const;
/** How a kernel behind a norm gets its input, and another one. */
export const NORMED_INPUT_LIBS = ["input_normed", "input_half", "row_normed"] as const;
export const PLAIN_INPUT_LIBS = ["input_plain", "input_half", "row_plain"] as const;
/** Where a kernel writes the next matrix' input: elements in order, or as products in pairs of f16 want them. */
export const PLACE_LIBS = ["place_natural", "place_half"] as const;
export const CORE_LIBS = [
  "core_lanes",
  "core_subgroup",
  "core_tile",
  "core_subgroup_f16",
  "core_row_f16",
  "core_tile_f16",
] as const;
export type LinearCore = typeof CORE_LIBS[number];

export const LINEAR_OVERRIDES = {
  WORKGROUP: 32,
  LANES: 1,
  SPLIT: 1,
  TOKENS: 1,
  PAIRS: 1,
  UNROLL: 1,
  TEAMS: 1,
  STEP: 32,
  CHAIN: 32,
  BUFFERS: 1,
  GROUPS: 1,
  WORKGROUPS: 0xffffffff,
  SLICE_PAIRS: 0,
  SKIPS: 1,
} as const;
export type LinearOverride = keyof typeof LINEAR_OVERRIDES;

/** A core and how it shares the work out; what its WGSL demands of the numbers stands there. */
export interface LinearTuning {
  readonly core: LinearCore;
  readonly WORKGROUP: number;
  /** Invocations that share a dot product. */
  readonly LANES?: number;
  /** Subgroups among those. */
  readonly SPLIT?: number;
  /** Input rows and pairs of weight rows per invocation. */
  readonly TOKENS?: number;
  readonly PAIRS?: number;
  /** Groups in flight. Must not change a bit; in core_tile_f16 it may, see there. */
  readonly UNROLL?: number;
  /** Sets of invocations side by side along the input rows. */
  readonly TEAMS?: number;
  /** Inputs of a tile in workgroup memory, and how many such tiles. Must not change a bit. */
  readonly STEP?: number;
  readonly BUFFERS?: number;
  /** Products of a sum in f16. */
  readonly CHAIN?: number;
  /** Groups of sixteen in an input row, where a core must know them beforehand. */
  readonly GROUPS?: number;
  /** Most workgroups side by side; each then takes several pairs one after the other. Must not change a bit. */
  readonly WORKGROUPS?: number;
  /**
   * Pairs in the slice, where a core is to ask for weights before it has looked anything up; 0: it looks that up, too. Must
   * not change a bit.
   */
  readonly SLICE_PAIRS?: number;
  /** 1: returns at once where every row of the step has stopped. */
  readonly SKIPS?: number;
  /** Whether {@link SLICE_PAIRS} is to be filled in: of core_row_f16 and core_subgroup. */
  readonly asksEarly?: boolean;
  /** Measured: 10⁹ products and sums a second where the whole device is employed. Tiles are chosen by it. */
  readonly rate?: number;
}

/** The variant of a linear kernel for a weight format; one whose input lies in half order says so by its libraries. */
export function linearVariant(format: WeightFormat, tuning: LinearTuning): KernelVariant<LinearOverride> {
  const input = tuning.core.endsWith("_f16") ? { input: "input_half" } : {};
  return {
    libs: { weight: `weight_${format}`, ...input, core: tuning.core },
    overrides: withDefaults(tuning),
  };
}

/** Whether the variant is for a single row, which it norms itself where a norm comes before it. */
export function takesRow(tuning: Pick<LinearTuning, "core"> | undefined): boolean {
  return tuning?.core === "core_row_f16";
}

/** The library by which a kernel gets an input in half order; for one row of the residual stream it norms that itself. */
export function halfInput(
  { libs = {} }: { readonly libs?: Readonly<Record<string, readonly string[]>> },
  tuning: Pick<LinearTuning, "core">,
): string {
  const input = takesRow(tuning) ? libs["input"]?.find((lib) => lib.startsWith("row_")) : "input_half";
  if (input === undefined) throw new Error(`No library feeds "${tuning.core}"`);
  return input;
}

/** Every tunable of the kernel. */
export function withDefaults(
  { core: _, rate: __, asksEarly: ___, ...overrides }: LinearTuning,
): Readonly<Record<LinearOverride, number>> {
  return { ...LINEAR_OVERRIDES, ...overrides };
}

/** Input rows that a workgroup takes. */
export function tokensPerWorkgroup(
  { TOKENS = 1, TEAMS = 1 }: Pick<LinearTuning, "TOKENS" | "TEAMS">,
): number {
  return TOKENS * TEAMS;
}

/** x over pairs of weight rows, y over tokens. */
export function linearGrid(
  { rows, pairs }: { readonly rows: number; readonly pairs: number },
  overrides: Readonly<Record<LinearOverride, number>>,
): readonly [number, number] {
  const { WORKGROUP, LANES, PAIRS, TEAMS, WORKGROUPS } = overrides;
  const pairsPerWorkgroup = WORKGROUP / (LANES * TEAMS) * PAIRS;
  return [
    Math.min(WORKGROUPS, Math.ceil(pairs / pairsPerWorkgroup)),
    Math.ceil(rows / tokensPerWorkgroup(overrides)),
  ];
}
