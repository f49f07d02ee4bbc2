/**
 * Tries out on the device which forms of a model's decode kernels are quickest there (src/kernels/forms.ts): whole steps are
 * timed, since a kernel by itself finds in caches what it does not find there in a step, and one form is exchanged at a
 * time. What is slower, does not compile or brings other bits is left; so the result can only be a matter of speed.
 */
import { CapacityError, NotFiniteError } from "../errors.ts";
import { formAt, formKey, type FormLimits, type FormPlace, neighbours, withForm } from "../kernels/forms.ts";
import type { LinearTuning } from "../kernels/linear.ts";
import type { DeviceTuning, MatrixRole } from "../kernels/tuning.ts";
import { type BlockId, type ModelRunner, NOT_FINITE, type SampledToken, type Slot } from "./runner.ts";
import { GREEDY, SAMPLING_LIMITS } from "./sampling.ts";
import { sameBits } from "./self_check.ts";

/** By the bytes of a layer, the largest first: what they gain counts most, and time may run out. */
const ORDER: readonly MatrixRole[] = ["gateUp", "down", "qkv", "output", "head"];

/** A form is taken if a step is shorter by that much: less is noise. */
const LEAST_GAIN = 0.01;
/** Of times side by side, before a form is taken. */
const TURNS = 3;

/** Milliseconds of a step, which is all that a search needs to know of a tuning; null where they cannot be run, or do not keep the bits. */
export type TimeSteps = (tuning: DeviceTuning, rows: number) => Promise<number | null>;

export interface SearchOptions {
  readonly family: "matrices" | "halves";
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
  readonly signal?: AbortSignal | undefined;
}

export interface TriedForm extends FormPlace {
  readonly form: LinearTuning;
  /** Of a step; null: it did not run, or not with the same bits. */
  readonly ms: number | null;
  readonly bestMs: number;
  readonly isTaken: boolean;
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
      tuning = await climb(time, tuning, { role, rows }, options);
    }
    const [beforeMs, afterMs] = await sideBySide(time, [before, tuning], rows);
    if (beforeMs === null || afterMs === null) {
      throw new Error(`Steps of ${rows} rows ran before, and do not now`);
    }
    if (afterMs > beforeMs) tuning = before;
    steps.push({ rows, beforeMs, afterMs: Math.min(beforeMs, afterMs) });
  }
  return { tuning, steps };
}

async function climb(
  time: TimeSteps,
  base: DeviceTuning,
  place: FormPlace,
  { family, limits, pairs, maxTries, onTry, signal }: SearchOptions,
): Promise<DeviceTuning> {
  const start = formAt(base, family, place);
  if (start === null) return base;
  let [best, tuning] = [start, base];
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
      let ms = await time(candidate, place.rows);
      if (isShorter(ms, bestMs)) {
        const [again, found] = await sideBySide(time, [tuning, candidate], place.rows);
        bestMs = again ?? bestMs;
        ms = found;
      }
      const isTaken = isShorter(ms, bestMs);
      if (isTaken) {
        [best, tuning] = [form, candidate];
        bestMs = ms!;
      }
      onTry?.({ ...place, form, ms, bestMs, isTaken });
      if (!isTaken) continue;
      isClimbing = true;
      break; // Its own neighbours come next.
    }
  }
  return tuning;
}

function isShorter(ms: number | null, than: number): boolean {
  return ms !== null && ms < than * (1 - LEAST_GAIN);
}

/** Medians of several times by turns: a device may be another after a minute's work, and others may use it. */
async function sideBySide(
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

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** How long steps are timed. */
export interface TimerOptions {
  /** At least so long, in milliseconds, and so many submits. */
  readonly leastMs: number;
  readonly leastSubmits: number;
}

/** Tokens that each sequence has when its steps are timed, as far as there is room. */
const CONTEXT = 32;
/** Whose bits are looked at, of each sequence: queries and keys decide something from the second on. */
const PROBE_TOKENS = 4;

/**
 * Times runners that `make` makes, one after the other; a runner whose bits are not the first one's counts for nothing.
 * Rejects with NotFiniteError where steps have no next token, for then there is nothing to time, and with CapacityError
 * where there is no room for so many rows.
 */
export function stepTimer(
  make: (tuning: DeviceTuning) => Promise<ModelRunner>,
  options: TimerOptions,
): TimeSteps {
  const expected = new Map<number, readonly SampledToken[]>();
  return async (tuning, rows) => {
    let runner: ModelRunner;
    try {
      runner = await make(tuning);
    } catch (error) {
      // The driver gave the kernel up, or has no room for it.
      if (error instanceof CapacityError) return null;
      throw error;
    }
    using _runner = runner;
    const found = await probe(runner, rows);
    const wanted = expected.get(rows);
    if (wanted !== undefined && !sameBits(found, wanted)) return null;
    if (!isFinite(found)) throw notFinite(rows);
    expected.set(rows, found);
    return await timeDecodes(runner, rows, options);
  };
}

/** Sequences in slots 0 … rows − 1, each with its share of the blocks, which have room for so many tokens. */
function sequencesOf({ limits }: ModelRunner, rows: number) {
  const { blockCount, maxContext, blockSize, maxPromptTokens } = limits;
  // Each begins with a token and has a block at least.
  const most = Math.min(blockCount, maxPromptTokens);
  if (rows > most) {
    throw new CapacityError(`Cannot time steps of ${rows} rows: there is room for ${most}`, {
      ...{ found: most, expected: rows },
    });
  }
  const each = Math.min(Math.floor(blockCount / rows), Math.ceil(maxContext / blockSize));
  const sequences = Array.from({ length: rows }, (_, index) => ({
    slot: index as Slot,
    blockTable: Array.from({ length: each }, (_, block) => (index * each + block) as BlockId),
  }));
  return { sequences, room: Math.min(each * blockSize, maxContext) };
}

/** The first decode rows of each sequence, and what there is to see of their logits. */
async function probe(runner: ModelRunner, rows: number): Promise<readonly SampledToken[]> {
  const { limits: { vocabSize }, stepsPerSubmit } = runner;
  const { sequences, room } = sequencesOf(runner, rows);
  const prompts = sequences.map(({ slot, blockTable }) => {
    const tokenIds = Uint32Array.of((slot * 7919 + 13) % vocabSize);
    runner.initSlot(slot, {
      sampling: { ...GREEDY, logprobs: SAMPLING_LIMITS.logprobs.max },
      bannedUntilMinTokens: [],
      promptTokenIds: tokenIds,
      outputTokenIds: [],
    });
    return { slot, blockTable, tokenIds, start: 0, replay: true, sample: true };
  });
  const further = Array.from(
    { length: Math.min(PROBE_TOKENS, room, stepsPerSubmit.max) - 1 },
    (_, step) => ({ prompts: [], decodes: sequences.map((one) => ({ ...one, position: step + 1 })) }),
  );
  return (await runner.prepare([{ prompts, decodes: [] }, ...further]).submit().collect()).flat();
}

function isFinite(sampled: readonly SampledToken[]): boolean {
  return sampled.every(({ id }) => id !== NOT_FINITE);
}

function notFinite(rows: number): NotFiniteError {
  return new NotFiniteError(
    `Cannot time steps of ${rows} rows: the model's logits are not finite at this precision, so there is no next token`,
    { rows },
  );
}

/** Milliseconds of a step, the median over submits, each prepared while the one before is computed, as the engine does. */
async function timeDecodes(
  runner: ModelRunner,
  rows: number,
  { leastMs, leastSubmits }: TimerOptions,
): Promise<number> {
  const { sequences, room } = sequencesOf(runner, rows);
  const steps = Math.min(runner.stepsPerSubmit.preferred, room);
  const start = () => {
    for (const { slot } of sequences) {
      runner.initSlot(slot, {
        sampling: GREEDY,
        bannedUntilMinTokens: [],
        promptTokenIds: new Uint32Array(1),
        outputTokenIds: [],
      });
    }
  };
  const begins = Math.min(CONTEXT, room - steps);
  // The same positions again and again: what is there from before costs as much to read as what would be.
  const decodes = Array.from({ length: steps }, (_, step) => ({
    prompts: [],
    decodes: sequences.map((sequence) => ({ ...sequence, position: begins + step })),
  }));
  const times: number[] = [];
  const begin = performance.now();
  start();
  let running = runner.prepare(decodes).submit();
  let last = performance.now();
  for (let submit = 0; submit < leastSubmits || performance.now() - begin < leastMs; submit++) {
    const next = runner.prepare(decodes);
    const sampled = (await running.collect()).flat();
    // Where logits are not finite a sequence stops, and its steps cost nothing from then on.
    const isWhole = sampled.length === rows * steps && isFinite(sampled);
    if (!isWhole) start();
    running = next.submit();
    const now = performance.now();
    // The first one waits for a device that may have been idle.
    if (submit > 0 && isWhole) times.push((now - last) / steps);
    last = now;
  }
  await running.collect();
  if (times.length === 0) throw notFinite(rows);
  return median(times);
}
