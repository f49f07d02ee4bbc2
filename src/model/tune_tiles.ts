/**
 * Which of a family's tiles is quickest for prompts of how many rows, matrix by matrix, tried out on the device as the forms
 * of decode kernels are (tune.ts). All tiles of a family have the same bits.
 */
import { type TunedFamily, withTiles } from "../kernels/forms.ts";
import { type DeviceTuning, type MatrixRole, promptVariantFor, type TileChoice } from "../kernels/tuning.ts";
import type { TimeSteps } from "./step_timer.ts";
import { isShorter, ORDER, type SearchOptions, sideBySide, type TunedStep } from "./tune.ts";

export interface TileSearchOptions extends Pick<SearchOptions, "family" | "roles" | "signal"> {
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
}

/** Matrices behind which prompt rows are many: the head has only those that sample. */
const TILED = ORDER.filter((role) => role !== "head");

/**
 * The tuning with the quickest tiles that were found for each size. For sizes whose steps are no shorter in the end, it has
 * those that were there.
 */
export async function searchTiles(
  time: TimeSteps,
  base: DeviceTuning,
  { family, roles, sizes, pairs, onTry, signal }: TileSearchOptions,
): Promise<{ readonly tuning: DeviceTuning; readonly steps: readonly TunedStep[] }> {
  const tiled = TILED.filter((role) => roles.includes(role) && (base[family]?.[role].prompt.length ?? 0) > 1);
  const steps: TunedStep[] = [];
  if (tiled.length === 0) return { tuning: base, steps };
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
        let ms = await time(candidate, rows);
        if (isShorter(ms, bestMs)) {
          const [again, found] = await sideBySide(time, [tuning, candidate], rows);
          bestMs = again ?? bestMs;
          ms = found;
        }
        const isTaken = isShorter(ms, bestMs);
        if (isTaken) {
          tuning = candidate;
          bestMs = ms!;
        }
        onTry?.({ role, rows, tile, ms, bestMs, isTaken });
      }
    }
    const [beforeMs, afterMs] = await sideBySide(time, [before, tuning], rows);
    if (beforeMs === null || afterMs === null) {
      throw new Error(`Prompts of ${rows} rows ran before, and do not now`);
    }
    if (afterMs > beforeMs) tuning = before;
    steps.push({ rows, beforeMs, afterMs: Math.min(beforeMs, afterMs) });
  }
  return { tuning, steps };
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
