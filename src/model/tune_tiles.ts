/**
 * Which of a family's tiles is quickest for prompts of how many rows, matrix by matrix, tried out on the device as the forms
 * of decode kernels are (tune.ts). All tiles of a family have the same bits.
 */
import { NotFiniteError } from "../errors.ts";
import { changesTiles, type TunedFamily, withTiles } from "../kernels/forms.ts";
import { type DeviceTuning, type MatrixRole, promptVariantFor, type TileChoice } from "../kernels/tuning.ts";
import type { TimeSteps } from "./step_timer.ts";
import { isShorter, ORDER, type SearchOptions, settle, sideBySide, type TunedStep } from "./tune.ts";

export interface TileSearchOptions extends Pick<SearchOptions, "family" | "roles" | "record" | "signal"> {
  /** Rows of prompts, ascending. */
  readonly sizes: readonly number[];
  /** Of each matrix, pairs of rows. */
  readonly pairs: Readonly<Record<MatrixRole, number>>;
  readonly onTry?: (tried: TriedTile) => void;
}

export interface TriedTile {
  readonly role: MatrixRole;
  readonly rows: number;
  /** Index among the family's. */
  readonly tile: number;
  /** Of a step; null: it did not run, or not with the same bits. */
  readonly ms: number | null;
  readonly bestMs: number;
  readonly isTaken: boolean;
  /** By the record: it was not tried. */
  readonly isLeftOut: boolean;
}

/** Matrices behind which prompt rows are many: the head has only those that sample. */
const TILED = ORDER.filter((role) => role !== "head");

/** Matrices with tiles to choose from. */
export function tiledRoles(tuning: DeviceTuning, family: TunedFamily): MatrixRole[] {
  return TILED.filter((role) => (tuning[family]?.[role].prompt.length ?? 0) > 1);
}

/**
 * What a search begins with: the sizes that can be timed, and `kept` with its tiles as long as all of them still run with the
 * table's bits, which the timer must see first. That goes for tiles of other sizes, too, for they are kept as well.
 */
export async function startTiles(
  time: TimeSteps,
  { table, kept, family, sizes, most, log }: Pick<TileSearchOptions, "family" | "sizes"> & {
    readonly table: DeviceTuning;
    readonly kept: DeviceTuning;
    /** Rows of a prompt that can be run. */
    readonly most: number;
    readonly log?: ((line: string) => void) | undefined;
  },
): Promise<{ readonly tuning: DeviceTuning; readonly sizes: readonly number[] }> {
  const roles = tiledRoles(table, family);
  const keptSizes = roles.flatMap((role) => kept[family]![role].tiles ?? []).map(({ rows }) => rows);
  const timed = new Set<number>();
  for (const rows of new Set([...sizes, ...keptSizes.filter((rows) => rows <= most)])) {
    try {
      if (await time(table, rows) !== null) timed.add(rows);
    } catch (error) {
      // A long prompt may drive activations beyond f16 where short ones do not.
      if (!(error instanceof NotFiniteError)) throw error;
    }
    if (!timed.has(rows)) log?.(`Prompts of ${rows} tokens cannot be timed: no finite logits, or no room`);
  }
  let tuning = kept;
  for (const rows of keptSizes.length === 0 ? [] : timed) {
    if (await time(kept, rows) !== null) continue;
    log?.("The tiles that are kept do not run here any more, or not with the same bits");
    tuning = withoutTiles(kept, family, roles);
    break;
  }
  return { tuning, sizes: sizes.filter((rows) => timed.has(rows)) };
}

/** Each of these matrices goes by the tile that it has without a search. */
export function withoutTiles(
  tuning: DeviceTuning,
  family: TunedFamily,
  roles: readonly MatrixRole[],
): DeviceTuning {
  return roles.reduce((tuning, role) => withTiles(tuning, family, role, []), tuning);
}

/**
 * The tuning with the quickest tiles that were found for each size. For sizes whose steps are no shorter in the end, it has
 * those that were there; a matrix of which every size goes as it would without has none.
 */
export async function searchTiles(
  time: TimeSteps,
  base: DeviceTuning,
  { family, roles, sizes, pairs, onTry, record, signal }: TileSearchOptions,
): Promise<{ readonly tuning: DeviceTuning; readonly steps: readonly TunedStep[] }> {
  const tiled = tiledRoles(base, family).filter((role) => roles.includes(role));
  const steps: TunedStep[] = [];
  if (tiled.length === 0) return { tuning: base, steps };
  const withoutIdle = (tuning: DeviceTuning) =>
    withoutTiles(tuning, family, tiled.filter((role) => !changesTiles(tuning[family]![role], pairs[role])));
  // What runs now, said by size, so that one choice leaves the others as they are.
  let tuning = tiled.reduce(
    (tuning, role) => withTiles(tuning, family, role, choicesOf(tuning, { family, role, sizes, pairs })),
    base,
  );
  for (const rows of sizes) {
    const before = tuning;
    for (const role of tiled) {
      const { prompt, tiles } = tuning[family]![role];
      const start = tiles!.find((choice) => choice.rows === rows)!.tile;
      const startMs = await time(tuning, rows);
      if (startMs === null) throw new Error(`Cannot time prompts of ${rows} rows`);
      let bestMs: number = startMs;
      for (const tile of prompt.keys()) {
        if (tile === start) continue;
        signal?.throwIfAborted();
        const candidate = withTile(tuning, family, role, { rows, tile });
        const isLeftOut = await record?.mayTry(`${role}, prompt of ${rows}: tile ${tile}`) === false;
        let ms = isLeftOut ? null : await time(candidate, rows);
        if (isShorter(ms, bestMs)) {
          const [again, found] = await sideBySide(time, [tuning, candidate], rows);
          bestMs = again ?? bestMs;
          ms = found;
        }
        record?.tried();
        const isTaken = isShorter(ms, bestMs);
        if (isTaken) {
          tuning = candidate;
          bestMs = ms!;
        }
        onTry?.({ role, rows, tile, ms, bestMs, isTaken, isLeftOut });
      }
      await record?.keep(withoutIdle(tuning), { isPlace: true });
    }
    const settled = await settle(time, [before, tuning], rows);
    if (settled.tuning !== tuning) await record?.keep(withoutIdle(settled.tuning), { isPlace: false });
    tuning = settled.tuning;
    steps.push(settled.step);
  }
  return { tuning: withoutIdle(tuning), steps };
}

function choicesOf(
  tuning: DeviceTuning,
  { family, role, sizes, pairs }: Pick<TileSearchOptions, "family" | "sizes" | "pairs"> & {
    readonly role: MatrixRole;
  },
): TileChoice[] {
  const matrix = tuning[family]![role];
  // Sizes that are not looked at keep what was found for them before.
  const all = new Set([...sizes, ...(matrix.tiles ?? []).map(({ rows }) => rows)]);
  return [...all].sort((a, b) => a - b)
    .map((rows) => ({ rows, tile: promptVariantFor(matrix, { rows, pairs: pairs[role] }) }));
}

function withTile(
  tuning: DeviceTuning,
  family: TunedFamily,
  role: MatrixRole,
  choice: TileChoice,
): DeviceTuning {
  const tiles = tuning[family]![role].tiles!.map((one) => one.rows === choice.rows ? choice : one);
  return withTiles(tuning, family, role, tiles);
}
