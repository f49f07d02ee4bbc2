/**
 * Which core each matrix runs with, and how it shares the work out, on which kind of device. The figures for GPUs come
 * from bench/gpu and stand in bench/RESULTS.md; a device that is not in the table gets those of the closest kind.
 *
 * Decode rows and prompt rows are two families: within a family a row's bits depend on nothing else in the step, so the
 * variants of a family may differ in anything but the order of a sum.
 */
import { COHERENT } from "../gpu/device.ts";
import { FLASH_SUBGROUPS, type KeyShares } from "./attention_flash.ts";
import {
  LINEAR_OVERRIDES,
  linearGrid,
  type LinearTuning,
  takesRow,
  tokensPerWorkgroup,
  withDefaults,
} from "./linear.ts";

/** The matrices of a model. */
export type MatrixRole = "qkv" | "output" | "gateUp" | "down" | "head";

export interface MatrixTuning {
  /** By the rows that a workgroup takes, ascending. */
  readonly decode: readonly LinearTuning[];
  /** Empty: prompt rows go through `decode`, in the same dispatches as the others. */
  readonly prompt: readonly LinearTuning[];
  /** Which of `prompt` takes how many rows, ascending, as measured on the device; see {@link promptVariantFor}. */
  readonly tiles?: readonly TileChoice[];
}

export interface TileChoice {
  /** With so many it was measured. */
  readonly rows: number;
  /** Index. */
  readonly tile: number;
}

/** What a model's matrices run with, whose inputs are in half order or not. */
export function matricesOf(
  { matrices, halves }: DeviceTuning,
  inHalves: boolean,
): Readonly<Record<MatrixRole, MatrixTuning>> {
  if (!inHalves) return matrices;
  if (halves === undefined) throw new Error("The device's tuning has no products in pairs of f16");
  return halves;
}

/** Shares are those of decode rows; prompt rows have as many parts at most. */
export interface AttentionTuning extends KeyShares {
  /** Fewest keys of a part of a prompt row, a power of two. */
  readonly promptKeys: number;
  readonly WORKGROUP: number;
  readonly SUBGROUP: number;
  readonly KEYS: number;
  /**
   * The last workgroup to write a part of a row joins them: for devices that {@link joinsParts} only. Changes no bit.
   */
  readonly joins: boolean;
}

export interface DeviceTuning {
  readonly matrices: Readonly<Record<MatrixRole, MatrixTuning>>;
  /** In their place for matrices in FP8 with activations in f16: products in pairs of f16. */
  readonly halves?: Readonly<Record<MatrixRole, MatrixTuning>>;
  /** Null: the attention that runs anywhere. */
  readonly attention: AttentionTuning | null;
  /** Products look whether every row of their step has stopped; true unless given. Changes no bit of a row that counts. */
  readonly skipsStopped?: boolean;
}

/** What {@link chooseTuning} looks at; GpuDeviceInfo has it. */
export interface TunedDevice {
  readonly software: boolean;
  readonly subgroupSize: number | null;
  readonly backend: string;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

export const ROLES = ["qkv", "output", "gateUp", "down", "head"] as const satisfies readonly MatrixRole[];

function byRole(tuning: (role: MatrixRole) => MatrixTuning): Record<MatrixRole, MatrixTuning> {
  return Object.fromEntries(ROLES.map((role) => [role, tuning(role)])) as Record<MatrixRole, MatrixTuning>;
}

/**
 * Without subgroups. A GPU wants neighbouring invocations on neighbouring weights. A software device loads lane by lane,
 * one word in about 7 ns (llvmpipe of Mesa 22.3), whatever lies next to it: what counts there is how often a loaded input
 * is used.
 */
export function portableTuning(software: boolean): DeviceTuning {
  const shared = software
    ? { core: "core_lanes", WORKGROUP: 8, LANES: 1, PAIRS: 4 } as const
    : { core: "core_lanes", WORKGROUP: 128, LANES: 32, PAIRS: 1 } as const;
  return {
    matrices: byRole(() => ({ decode: [{ ...shared, TOKENS: 1 }, { ...shared, TOKENS: 4 }], prompt: [] })),
    attention: null,
  };
}

/** How many subgroups share a product, and how many pairs of rows a lane has, for one input row and for several. */
interface SubgroupShares {
  /** Part of a sum's order: the same for any number of rows. */
  readonly split: number;
  readonly pairs: number;
  readonly unroll?: number;
  /** Subgroups of a workgroup. */
  readonly subgroups?: number;
}

/** Best of those that bench/gpu tried on an H100, at Mistral 7B's shapes in FP8. */
const SUBGROUP_SHARES: Readonly<Record<MatrixRole, SubgroupShares>> = {
  qkv: { split: 4, pairs: 4 },
  output: { split: 2, pairs: 1, unroll: 2 },
  gateUp: { split: 4, pairs: 2, subgroups: 4 },
  down: { split: 4, pairs: 1 },
  head: { split: 4, pairs: 4, subgroups: 4 },
};

/** Of one row: subgroups of a workgroup, and workgroups, of an H100's 132 processors one or three each. */
const ROW_SHARES: Readonly<Record<MatrixRole, readonly [subgroups: number, workgroups: number]>> = {
  qkv: [8, 396],
  output: [8, 396],
  gateUp: [16, 132],
  down: [16, 132],
  head: [16, 132],
};

/** With subgroups of `size`. */
export function subgroupTuning(size: number): DeviceTuning {
  const decode = ({ split, pairs, unroll = 1, subgroups = 8 }: SubgroupShares): LinearTuning[] =>
    [1, 2, 4, 8].map((TOKENS) => ({
      core: "core_subgroup",
      WORKGROUP: (TOKENS === 1 ? subgroups : Math.max(4, split)) * size,
      LANES: size * split,
      SPLIT: split,
      UNROLL: TOKENS === 1 ? unroll : 1,
      TOKENS,
      // A row's product is finished by a lane of its own.
      PAIRS: Math.min(TOKENS === 1 ? pairs : 2, size / TOKENS),
    }));
  return {
    matrices: byRole((role) => ({
      decode: decode(SUBGROUP_SHARES[role]),
      prompt: PROMPT_TILES,
    })),
    halves: byRole((role) => ({ decode: halfDecode(role, size), prompt: HALF_TILES })),
    attention: {
      WORKGROUP: FLASH_SUBGROUPS * size,
      SUBGROUP: size,
      KEYS: 2,
      splitKeys: 128,
      promptKeys: 512,
      maxSplits: 16,
      joins: false,
    },
  };
}

/**
 * For FP8 weights and input in half order: a product is a subgroup's, whatever the rows, so that all differ in no bit.
 * A single row lies in workgroup memory as a whole.
 */
function halfDecode(role: MatrixRole, size: number): LinearTuning[] {
  const [subgroups, WORKGROUPS] = ROW_SHARES[role];
  return [
    { LANES: size, TOKENS: 1, core: "core_row_f16", WORKGROUP: subgroups * size, UNROLL: 2, WORKGROUPS },
    // A row's product is finished by a lane of its own.
    ...[2, 4, 8].filter((TOKENS) => TOKENS <= size).map((TOKENS): LinearTuning => ({
      core: "core_subgroup_f16",
      WORKGROUP: 4 * size,
      LANES: size,
      SPLIT: 1,
      TOKENS,
      PAIRS: Math.min(2, size / TOKENS),
    })),
  ];
}

const tile = (WORKGROUP: number, PAIRS: number, TOKENS: number): LinearTuning => {
  return { core: "core_tile", WORKGROUP, TEAMS: WORKGROUP / 16, PAIRS, TOKENS, UNROLL: 2 };
};

/** 64 weight rows times 16, 32 or 64 input rows, and 128 times 128. */
const PROMPT_TILES: readonly LinearTuning[] = [
  tile(64, 2, 4),
  tile(128, 2, 4),
  tile(256, 2, 4),
  tile(256, 4, 8),
];

/** `lanes` teams of `rowUnits` times `teams` invocations, each with 2 · `PAIRS` weight rows times `TOKENS` input rows. */
const halfTile = (
  [rowUnits, PAIRS]: readonly [number, number],
  [teams, TOKENS]: readonly [number, number],
  [LANES, STEP]: readonly [number, number],
  rate: number,
): LinearTuning => ({
  core: "core_tile_f16",
  WORKGROUP: rowUnits * teams * LANES,
  LANES,
  TEAMS: teams,
  PAIRS,
  TOKENS,
  STEP,
  rate,
});

/**
 * For FP8 weights and input in half order: 32 weight rows times 16 input rows, 64 times 32, 64 times 64 by 256 invocations
 * and by 128, 128 times 128. They differ in no bit, see shaders/lib/core_tile_f16.wgsl. Rates are an H100's.
 */
export const HALF_TILES: readonly LinearTuning[] = [
  halfTile([8, 2], [4, 4], [4, 128], 11_700),
  halfTile([8, 4], [8, 4], [4, 64], 14_100),
  halfTile([8, 4], [16, 4], [2, 32], 16_500),
  halfTile([8, 4], [16, 4], [1, 64], 23_600),
  halfTile([16, 4], [32, 4], [1, 64], 24_500),
];

/** Every variant can run on the device: a pipeline that cannot is refused late, or for memory not at all. */
export function chooseTuning(device: TunedDevice): DeviceTuning {
  const { software, subgroupSize, limits } = device;
  if (software || subgroupSize === null) return portableTuning(software);
  const { matrices, halves, attention } = subgroupTuning(subgroupSize);
  const most = limits["maxComputeInvocationsPerWorkgroup"] ?? LEAST_INVOCATIONS;
  const memory = limits["maxComputeWorkgroupStorageSize"] ?? LEAST_MEMORY;
  const fits = (tuning: LinearTuning) => tileBytes(tuning) <= memory;
  // Fewer products side by side change no sum; what shares a product has to fit.
  const narrowed = (tuning: LinearTuning) => {
    const { LANES = 1 } = tuning;
    let { WORKGROUP } = tuning;
    while (WORKGROUP > most && WORKGROUP > LANES) WORKGROUP /= 2;
    return { ...tuning, WORKGROUP };
  };
  const decodes = (family: Readonly<Record<MatrixRole, MatrixTuning>>) =>
    ROLES.every((role) => family[role].decode.every(({ LANES = 1 }) => LANES <= most));
  if (!decodes(matrices)) return portableTuning(software);
  const fitted = (family: Readonly<Record<MatrixRole, MatrixTuning>>) =>
    byRole((role) => ({
      decode: family[role].decode.map(narrowed),
      prompt: family[role].prompt.filter((tuning) => tuning.WORKGROUP <= most && fits(tuning)),
    }));
  return {
    matrices: fitted(matrices),
    ...halves !== undefined && decodes(halves) && { halves: fitted(halves) },
    attention: attention !== null && attention.WORKGROUP <= most
      ? { ...attention, joins: joinsParts(device) }
      : null,
  };
}

/** A device's tuning, without products that are added in f16 unless they are wanted. */
export function addingIn(accumulation: "f32" | "f16", { halves, ...tuning }: DeviceTuning): DeviceTuning {
  return accumulation === "f16" && halves !== undefined ? { ...tuning, halves } : tuning;
}

/** Whether workgroups of one dispatch can hand results over; see shaders/attention_flash.wgsl. */
export function joinsParts({ backend, features }: Pick<TunedDevice, "backend" | "features">): boolean {
  return backend === "vulkan" && features.includes(COHERENT);
}

/** What WebGPU guarantees. */
const LEAST_INVOCATIONS = 256;
const LEAST_MEMORY = 16_384;

/** Workgroup memory of a core of tiles; the others' is next to nothing, or known with the input. */
export function tileBytes(tuning: LinearTuning): number {
  const { core, WORKGROUP, LANES, PAIRS, TEAMS, TOKENS, STEP, BUFFERS } = { ...LINEAR_OVERRIDES, ...tuning };
  if (!isTile(tuning)) return 0;
  if (core === "core_tile") return 32 * (8 * PAIRS + TEAMS * TOKENS / 4) * 16;
  const [rows, tokens] = [2 * PAIRS * WORKGROUP / (TEAMS * LANES), TEAMS * TOKENS];
  const tile = STEP / 16 * (2 * 16 * Math.max(1, 128 / STEP) + 32 * (rows + tokens));
  return BUFFERS * tile + (LANES > 1 ? 4 * LANES * rows * tokens : 0);
}

function isTile({ core }: LinearTuning): boolean {
  return core.startsWith("core_tile");
}

/**
 * The tuning as it can be used for a slice of so many pairs and groups: groups in flight must come out even, or be no more
 * than there are; a row that finds no room in workgroup memory is read from where it is, which changes no bit.
 */
export function fitShape(
  tuning: LinearTuning,
  { groups, pairs }: { readonly groups: number; readonly pairs: number },
  memory = Infinity,
): LinearTuning {
  const { LANES = 1, UNROLL = 1, WORKGROUP } = tuning;
  const known = tuning.asksEarly === true ? { SLICE_PAIRS: pairs, GROUPS: groups } : {};
  if (takesRow(tuning)) {
    const fitted = Math.min(UNROLL, Math.ceil(groups / (2 * LANES)));
    if (rowBytes(groups, 2 * LANES * fitted) + WORKGROUP * 4 > memory) {
      return { core: "core_subgroup_f16", WORKGROUP, LANES };
    }
    return { ...tuning, ...known, GROUPS: groups, UNROLL: fitted };
  }
  const takesAny = isTile(tuning) || tuning.core === "core_subgroup_f16";
  return { ...tuning, ...known, UNROLL: takesAny || groups % (LANES * UNROLL) === 0 ? UNROLL : 1 };
}

/** Workgroup memory of the input in core_row_f16, of which a subgroup takes so many groups a turn. */
function rowBytes(groups: number, turn: number): number {
  return Math.ceil(Math.ceil(groups / turn) * turn / 32) * 1024;
}

/** A dispatch of fewer large tiles than this leaves processors idle that smaller ones would employ. */
const WORKGROUPS_THAT_FILL = 120;

/** On any device, along one side of a grid. */
export const MOST_WORKGROUPS = 65_535;

interface ProductShape {
  readonly rows: number;
  readonly pairs: number;
}

/**
 * Which of a family's variants, given in ascending order, to run for so many rows: the quickest by estimate, where rates
 * are known; or else the first that takes them all at once, or the one that takes most; of tiles none that is too large
 * to make enough workgroups. Never what takes so few pairs that a large vocabulary makes too many.
 */
export function variantFor(variants: readonly LinearTuning[], shape: ProductShape): number {
  if (variants.length > 0 && variants.every(({ rate }) => rate !== undefined)) {
    return quickestFor(variants, shape);
  }
  const index = variants.findIndex((tuning) => tokensPerWorkgroup(tuning) >= shape.rows);
  const wanted = index === -1 ? variants.length - 1 : index;
  const most = variants.slice(0, wanted + 1).findLastIndex((tuning) =>
    Math.max(...linearGrid(shape, withDefaults(tuning))) <= MOST_WORKGROUPS
  );
  if (most === -1) return wanted;
  if (!isTile(variants[most]!)) return most;
  const filling = variants.slice(0, most + 1).findLastIndex((tuning) => {
    const [x, y] = linearGrid(shape, withDefaults(tuning));
    return x * y >= WORKGROUPS_THAT_FILL;
  });
  return Math.max(0, filling);
}

/**
 * Which of the prompt variants to run: the one that was measured to be quickest, or else {@link variantFor}'s. A measurement
 * says something of fewer rows down to half of them, and of any that one workgroup of the smallest tile takes as well; of
 * more rows it says nothing. Never one with too large a grid.
 */
export function promptVariantFor({ prompt, tiles }: MatrixTuning, shape: ProductShape): number {
  const next = tiles?.find(({ rows }) => rows >= shape.rows);
  const holds = next !== undefined && prompt[0] !== undefined &&
    (next.rows < 2 * shape.rows || next.rows <= tokensPerWorkgroup(prompt[0]));
  const chosen = holds ? next : undefined;
  const tuning = chosen === undefined ? undefined : prompt[chosen.tile];
  return tuning !== undefined && Math.max(...linearGrid(shape, withDefaults(tuning))) <= MOST_WORKGROUPS
    ? chosen!.tile
    : variantFor(prompt, shape);
}

/** An H100's or H200's. */
const PROCESSORS = 132;

/** Fewer subgroups leave a processor waiting; so many are all that 64 × 64 by 256 has, for its registers, when at its rate. */
const SUBGROUPS_THAT_HIDE = 8;

/** The first of those with the best {@link estimatedRate}; where every grid is too large, the last. */
function quickestFor(variants: readonly LinearTuning[], shape: ProductShape): number {
  const rates = variants.map((tuning) => estimatedRate(tuning, shape));
  const best = Math.max(...rates);
  return best > 0 ? rates.indexOf(best) : variants.length - 1;
}

/**
 * Useful products a second: the tile's rate, less rows that are not there, processors without work in the last turn, and
 * what a processor waits that has few subgroups. 0 where there are too many workgroups.
 */
function estimatedRate(tuning: LinearTuning, shape: ProductShape): number {
  const { rate = 0, WORKGROUP } = tuning;
  const [x, y] = linearGrid(shape, withDefaults(tuning));
  if (Math.max(x, y) > MOST_WORKGROUPS) return 0;
  const turns = Math.ceil(x * y / PROCESSORS);
  const useful = shape.rows / (y * tokensPerWorkgroup(tuning));
  const employed = x * y / (PROCESSORS * turns);
  return rate * useful * employed * Math.min(1, turns * WORKGROUP / 32 / SUBGROUPS_THAT_HIDE);
}
