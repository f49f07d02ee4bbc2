/**
 * How long steps of a model take with a tuning, and whether their bits are those of the first one that was timed. Whole steps
 * are timed as the engine runs them, the next one prepared while the one before is computed.
 */
import { CapacityError, NotFiniteError } from "../errors.ts";
import type { DeviceTuning } from "../kernels/tuning.ts";
import {
  type BlockId,
  type ModelRunner,
  NOT_FINITE,
  type SampledToken,
  type Slot,
  type StepPlan,
} from "./runner.ts";
import { GREEDY, SAMPLING_LIMITS } from "./sampling.ts";
import { sameBits } from "./self_check.ts";

/**
 * Milliseconds of a step of so many rows, which is all that a search needs to know of a tuning; null where it cannot be run,
 * or does not keep the bits.
 */
export type TimeSteps = (tuning: DeviceTuning, rows: number) => Promise<number | null>;

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

/** Makes a runner with a tuning; CapacityError where the device does not take it. */
export type MakeRunner = (tuning: DeviceTuning) => Promise<ModelRunner>;

/**
 * Times decode steps of runners that `make` makes, one after the other; a runner whose bits are not the first one's counts
 * for nothing. Rejects with NotFiniteError where steps have no next token, for then there is nothing to time, and with
 * CapacityError where there is no room for so many rows.
 */
export function stepTimer(make: MakeRunner, options: TimerOptions): TimeSteps {
  return timerOf(make, probe, (runner, rows) => timeDecodes(runner, rows, options));
}

/** The same of steps with a prompt of so many rows and nothing else. */
export function promptTimer(make: MakeRunner, options: TimerOptions): TimeSteps {
  return timerOf(make, probePrompt, (runner, rows) => timePrompts(runner, rows, options));
}

function timerOf(
  make: MakeRunner,
  probe: (runner: ModelRunner, rows: number) => Promise<readonly SampledToken[]>,
  time: (runner: ModelRunner, rows: number) => Promise<number>,
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
    return await time(runner, rows);
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
    initSlot(runner, slot, tokenIds, SAMPLING_LIMITS.logprobs.max);
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

/** Milliseconds of a decode step. */
async function timeDecodes(runner: ModelRunner, rows: number, options: TimerOptions): Promise<number> {
  const { sequences, room } = sequencesOf(runner, rows);
  const steps = Math.min(runner.stepsPerSubmit.preferred, room);
  const begins = Math.min(CONTEXT, room - steps);
  // The same positions again and again: what is there from before costs as much to read as what would be.
  const plans = Array.from({ length: steps }, (_, step) => ({
    prompts: [],
    decodes: sequences.map((sequence) => ({ ...sequence, position: begins + step })),
  }));
  const start = () => sequences.forEach(({ slot }) => initSlot(runner, slot, new Uint32Array(1)));
  const ms = await timeSubmits(runner, plans, { ...options, start, samples: rows * steps });
  if (ms === null) throw notFinite(rows);
  return ms;
}

/**
 * Milliseconds of a step with a prompt of so many rows. The same one several times in a submit, as decode steps are: what is
 * between two submits would hide by how much tiles differ.
 */
async function timePrompts(runner: ModelRunner, rows: number, options: TimerOptions): Promise<number> {
  const plan = promptOf(runner, rows);
  const start = () => initSlot(runner, SLOT, plan.prompts[0]!.tokenIds);
  const steps = runner.stepsPerSubmit.preferred;
  const plans = new Array<StepPlan>(steps).fill(plan);
  const ms = await timeSubmits(runner, plans, { ...options, start, samples: steps });
  if (ms === null) throw notFinite(rows);
  return ms;
}

/** The logits behind a prompt. */
async function probePrompt(runner: ModelRunner, rows: number): Promise<readonly SampledToken[]> {
  const plan = promptOf(runner, rows);
  initSlot(runner, SLOT, plan.prompts[0]!.tokenIds, SAMPLING_LIMITS.logprobs.max);
  return (await runner.prepare([plan]).submit().collect()).flat();
}

const SLOT = 0 as Slot;

/** From the beginning of a sequence. */
function promptOf({ limits }: ModelRunner, rows: number): StepPlan {
  const { maxPromptTokens, blockSize, vocabSize } = limits;
  if (rows > maxPromptTokens) {
    throw new CapacityError(`Cannot time a prompt of ${rows} rows: there is room for ${maxPromptTokens}`, {
      ...{ found: maxPromptTokens, expected: rows },
    });
  }
  const tokenIds = Uint32Array.from({ length: rows }, (_, i) => (i * 7919 + 13) % vocabSize);
  const blockTable = Array.from({ length: Math.ceil(rows / blockSize) }, (_, block) => block as BlockId);
  return {
    prompts: [{ slot: SLOT, tokenIds, start: 0, blockTable, replay: false, sample: true }],
    decodes: [],
  };
}

function initSlot(
  runner: ModelRunner,
  slot: Slot,
  promptTokenIds: Uint32Array,
  logprobs = GREEDY.logprobs,
): void {
  runner.initSlot(slot, {
    sampling: { ...GREEDY, logprobs },
    bannedUntilMinTokens: [],
    promptTokenIds,
    outputTokenIds: [],
  });
}

/**
 * Milliseconds of a step, the median over submits of the same plans; null where no submit brought as many tokens as it has
 * samples, since where logits are not finite a sequence stops, and its steps cost nothing from then on.
 */
async function timeSubmits(
  runner: ModelRunner,
  plans: readonly StepPlan[],
  { leastMs, leastSubmits, start, samples }: TimerOptions & {
    /** Begins the sequences. */
    readonly start: () => void;
    readonly samples: number;
  },
): Promise<number | null> {
  const times: number[] = [];
  const begin = performance.now();
  start();
  let running = runner.prepare(plans).submit();
  let last = performance.now();
  for (let submit = 0; submit < leastSubmits || performance.now() - begin < leastMs; submit++) {
    const next = runner.prepare(plans);
    const sampled = (await running.collect()).flat();
    const isWhole = sampled.length === samples && isFinite(sampled);
    if (!isWhole) start();
    running = next.submit();
    const now = performance.now();
    // The first one waits for a device that may have been idle.
    if (submit > 0 && isWhole) times.push((now - last) / plans.length);
    last = now;
  }
  await running.collect();
  return times.length === 0 ? null : median(times);
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
