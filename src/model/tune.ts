/**
 * Tries out on the device which forms of a model's decode kernels are quickest there (src/kernels/forms.ts): whole steps are
 * timed, since a kernel by itself finds in caches what it does not find there in a step, and one form is exchanged at a
 * time. What is slower, does not compile or brings other bits is left; so the result can only be a matter of speed.
 */
import {
  formAt,
  formKey,
  type FormLimits,
  type FormPlace,
  neighbours,
  type TunedFamily,
  withForm,
} from "../kernels/forms.ts";
import type { LinearTuning } from "../kernels/linear.ts";
import type { DeviceTuning, MatrixRole } from "../kernels/tuning.ts";
import { median, type TimeSteps } from "./step_timer.ts";

/** By the bytes of a layer, the largest first: what they gain counts most, and time may run out. */
export const ORDER: readonly MatrixRole[] = ["gateUp", "down", "qkv", "output", "head"];

/** A form is taken if a step is shorter by that much: less is noise. */
const LEAST_GAIN = 0.01;
/** Of times side by side, before a form is taken. */
const TURNS = 3;

export interface SearchOptions {
  readonly family: TunedFamily;
  /** Of a step; each a number that the family has forms for. */
  readonly rows: readonly number[];
  /** Whose forms the model uses. */
  readonly roles: readonly MatrixRole[];
  readonly limits: FormLimits;
  /** Of each matrix, pairs of rows; no bound of forms unless given. */
  readonly pairs?: Readonly<Record<MatrixRole, number>>;
  /** Forms to try of each matrix and number of rows. */
  readonly maxTries: number;
  readonly onTry?: (tried: TriedForm) => void;
  readonly record?: SearchRecord;
  readonly signal?: AbortSignal | undefined;
}

/** What outlives a search that does not come to its end. */
export interface SearchRecord {
  /** Notes what is about to be tried. False where it is to be left out. */
  mayTry(what: string): Promise<boolean>;
  /** What was tried has come to its end: nothing that fails from now on is its fault. */
  tried(): void;
  /** The best so far: behind a place that was searched through, and where something else has made it another. */
  keep(tuning: DeviceTuning, options: { readonly isPlace: boolean }): Promise<void>;
}

export interface TriedForm extends FormPlace {
  readonly form: LinearTuning;
  /** Of a step; null: it did not run, or not with the same bits. */
  readonly ms: number | null;
  readonly bestMs: number;
  readonly isTaken: boolean;
  /** By the record: it was not tried. */
  readonly isLeftOut: boolean;
}

/** Milliseconds of a step of so many rows. */
export interface TunedStep {
  readonly rows: number;
  readonly beforeMs: number;
  readonly afterMs: number;
}

/**
 * The tuning with the quickest forms that were found, from each to a neighbour as long as that is quicker. For rows whose
 * steps are no shorter in the end, it is the one that was there.
 */
export async function searchForms(
  time: TimeSteps,
  base: DeviceTuning,
  options: SearchOptions,
): Promise<{ readonly tuning: DeviceTuning; readonly steps: readonly TunedStep[] }> {
  const steps: TunedStep[] = [];
  let tuning = base;
  for (const rows of options.rows) {
    const before = tuning;
    for (const role of ORDER.filter((role) => options.roles.includes(role))) {
      if (formAt(tuning, options.family, { role, rows }) === null) continue;
      tuning = await climb(time, tuning, { role, rows }, options);
      await options.record?.keep(tuning, { isPlace: true });
    }
    const settled = await settle(time, [before, tuning], rows);
    if (settled.tuning !== tuning) await options.record?.keep(settled.tuning, { isPlace: false });
    tuning = settled.tuning;
    steps.push(settled.step);
  }
  return { tuning, steps };
}

/** What was there, or what has come of it if steps are shorter in the end. */
export async function settle(
  time: TimeSteps,
  [before, after]: readonly [DeviceTuning, DeviceTuning],
  rows: number,
): Promise<{ readonly tuning: DeviceTuning; readonly step: TunedStep }> {
  // Of one and the same, two times would differ by noise.
  const [beforeMs, afterMs] = before === after
    ? new Array<number | null>(2).fill(await time(before, rows)) as [number | null, number | null]
    : await sideBySide(time, [before, after], rows);
  if (beforeMs === null || afterMs === null) {
    throw new Error(`Steps of ${rows} rows ran before, and do not now`);
  }
  return afterMs < beforeMs
    ? { tuning: after, step: { rows, beforeMs, afterMs } }
    : { tuning: before, step: { rows, beforeMs, afterMs: beforeMs } };
}

async function climb(
  time: TimeSteps,
  base: DeviceTuning,
  place: FormPlace,
  { family, limits, pairs, maxTries, onTry, record, signal }: SearchOptions,
): Promise<DeviceTuning> {
  let [best, tuning] = [formAt(base, family, place)!, base];
  const startMs = await time(base, place.rows);
  if (startMs === null) throw new Error(`Cannot time steps of ${place.rows} rows`);
  let bestMs: number = startMs;
  const tried = new Set([formKey(best)]);
  for (let isClimbing = true; isClimbing;) {
    isClimbing = false;
    for (const form of neighbours(best, { ...limits, pairs: pairs?.[place.role] })) {
      if (tried.size > maxTries) break;
      if (tried.has(formKey(form))) continue;
      tried.add(formKey(form));
      signal?.throwIfAborted();
      const candidate = withForm(tuning, family, place, form);
      const isLeftOut = await record?.mayTry(nameOf(place, formKey(form))) === false;
      let ms = isLeftOut ? null : await time(candidate, place.rows);
      if (isShorter(ms, bestMs)) {
        const [again, found] = await sideBySide(time, [tuning, candidate], place.rows);
        bestMs = again ?? bestMs;
        ms = found;
      }
      record?.tried();
      const isTaken = isShorter(ms, bestMs);
      if (isTaken) {
        [best, tuning] = [form, candidate];
        bestMs = ms!;
      }
      onTry?.({ ...place, form, ms, bestMs, isTaken, isLeftOut });
      if (!isTaken) continue;
      isClimbing = true;
      break; // Its own neighbours come next.
    }
  }
  return tuning;
}

/** In a record. */
function nameOf({ role, rows }: FormPlace, form: string): string {
  return `${role}, ${rows} rows: ${form}`;
}

/** By more than noise. */
export function isShorter(ms: number | null, than: number): boolean {
  return ms !== null && ms < than * (1 - LEAST_GAIN);
}

/** Medians of several times by turns: a device may be another after a minute's work, and others may use it. */
export async function sideBySide(
  time: TimeSteps,
  tunings: readonly [DeviceTuning, DeviceTuning],
  rows: number,
): Promise<readonly [number | null, number | null]> {
  const times: [(number | null)[], (number | null)[]] = [[], []];
  for (let turn = 0; turn < TURNS; turn++) {
    for (const which of [0, 1] as const) times[which].push(await time(tunings[which], rows));
  }
  const [a, b] = times.map((all) => all.includes(null) ? null : median(all as number[]));
  return [a!, b!];
}
