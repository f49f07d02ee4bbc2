/**
 * Tries out on the device itself that a row has the same bits alone, among others and however its prompt is cut. The
 * kernels are written for it, but a driver may arrange the arithmetic of two variants differently: one was seen to round
 * straight-line products in f16 otherwise than those of a loop (bench/RESULTS.md). By the way it shows whether anything
 * finite comes out: sums in f16 end at 65,504, and what a checkpoint's activations come to nobody knows before. Other
 * tokens than these few may still drive them there; that ends their generation (src/engine/not_finite.ts).
 */
import {
  type BlockId,
  type DecodeRow,
  type ModelRunner,
  NOT_FINITE,
  type SampledToken,
  type Slot,
} from "./runner.ts";
import { GREEDY, SAMPLING_LIMITS, type SamplingParams } from "./sampling.ts";

/** Rows at a time, of decoding: one, and as many as every variant takes. */
const DECODE_CUTS = [[11], [1, 2, 3, 5], new Array<number>(11).fill(1)] as const;
const DECODE_ROWS = 11;
/** Rows that sample together, of sequences and of one sequence's drafts: for every variant of the head. */
const SEQUENCES = [2, 4, 8] as const;
const DRAFTS = [0, 1, 3] as const;
/** Of prompts, the rest behind them. */
const PROMPT_CUTS = [[], [16, 32, 64], [130, 7]] as const;
/** Decode rows behind them see more keys than one part of attention has. */
const PROMPT_TOKENS = 300;

const SLOT = 0 as Slot;

/** With what there is to see of the logits. */
const SAMPLING: SamplingParams = { ...GREEDY, logprobs: SAMPLING_LIMITS.logprobs.max };

/**
 * `bits`: a row's depend on what else is in its step. `overflow`: logits are infinite or no numbers.
 */
export type Flaw = "bits" | "overflow";

/**
 * Compares log-probabilities bit for bit, after the same tokens in several ways; null: no flaw was found. Uses the first
 * slots and blocks, so the runner must be idle; leaves keys and values there that nobody's block table shows. Some forty
 * steps, between which others have their turns. Throws `signal.reason`, or DeviceLostError.
 */
export async function findFlaw(runner: ModelRunner, signal?: AbortSignal): Promise<Flaw | null> {
  const { maxPromptTokens, maxContext, maxSequences, maxDrafts, vocabSize, blockSize, blockCount } =
    runner.limits;
  // With room for drafts behind them.
  const most = Math.max(1, Math.min(PROMPT_TOKENS, maxPromptTokens, maxContext - 1 - maxDrafts));
  const ids = Uint32Array.from({ length: most }, (_, i) => (i * 7919 + 13) % vocabSize);
  const blockTable = Array.from(
    { length: Math.min(blockCount, Math.ceil((most + maxDrafts + 1) / blockSize)) },
    (_, block) => block as BlockId,
  );
  const init = (slot: Slot) =>
    runner.initSlot(slot, {
      sampling: SAMPLING,
      bannedUntilMinTokens: [],
      promptTokenIds: ids,
      outputTokenIds: [],
    });
  const step = async (plan: Parameters<ModelRunner["prepare"]>[0][number]) => {
    // Reading back may take no turn of the event loop, and a cancellation comes in one.
    await new Promise((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
    return (await runner.prepare([plan]).submit().collect()).flat();
  };
  /** Of the tokens from `from` on, so many at a time and then the rest. */
  const run = async (from: number, cuts: readonly number[], replay: boolean) => {
    init(SLOT);
    let sampled: readonly SampledToken[] = [];
    let start = from;
    for (const rows of [...cuts, Infinity]) {
      const end = Math.min(most, start + rows);
      if (end === start) break;
      const chunk = { slot: SLOT, tokenIds: ids.subarray(start, end), start, blockTable, replay };
      sampled = await step({ prompts: [{ ...chunk, sample: end === most }], decodes: [] });
      start = end;
    }
    return sampled;
  };

  const prompts = await run(0, PROMPT_CUTS[0], false);
  if (!isFinite(prompts)) return "overflow";
  for (const cuts of PROMPT_CUTS.slice(1)) if (!sameBits(await run(0, cuts, false), prompts)) return "bits";

  const first = Math.max(0, most - DECODE_ROWS);
  const decodes = await run(first, DECODE_CUTS[0], true);
  if (!isFinite(decodes)) return "overflow";
  for (const cuts of DECODE_CUTS.slice(1)) {
    if (!sameBits(await run(first, cuts, true), decodes)) return "bits";
  }

  const counts = SEQUENCES.filter((count) => count <= Math.min(maxSequences, maxPromptTokens, most));
  // Each at a position of its own, as rows of a step must be (StepPlan).
  const place = (index: number) => ({
    slot: index as Slot,
    tokenIds: ids.subarray(most - 1 - index, most - index),
    start: most - 1 - index,
    blockTable,
    replay: true,
    sample: true,
  });
  const alone: SampledToken[] = [];
  for (let index = 0; index < Math.max(0, ...counts); index++) {
    init(place(index).slot);
    alone.push(...await step({ prompts: [place(index)], decodes: [] }));
  }
  for (const sequences of counts) {
    const places = Array.from({ length: sequences }, (_, index) => place(index));
    for (const { slot } of places) init(slot);
    const sampled = await step({ prompts: places, decodes: [] });
    if (!sampled.every((token, index) => sameBits([token], [alone[index]!]))) return "bits";
  }

  let next: readonly SampledToken[] | null = null;
  for (const drafts of DRAFTS.filter((count) => count <= maxDrafts && most + 1 + count <= maxContext)) {
    await run(most - 1, [], true);
    const row: DecodeRow = { slot: SLOT, position: most, drafts: ids.subarray(0, drafts), blockTable };
    const sampled = (await step({ prompts: [], decodes: [row] })).slice(0, 1);
    next ??= sampled;
    if (!isFinite(next)) return "overflow";
    if (!sameBits(sampled, next)) return "bits";
  }
  return null;
}

function isFinite(sampled: readonly SampledToken[]): boolean {
  return sampled.every(({ id }) => id !== NOT_FINITE);
}

/** Whether ids and every log-probability are the same, bit for bit. */
export function sameBits(some: readonly SampledToken[], others: readonly SampledToken[]): boolean {
  const values = (tokens: readonly SampledToken[]) =>
    tokens.flatMap((
      { id, logprob, top },
    ) => [id, logprob, ...top.flatMap(({ id, logprob }) => [id, logprob])]);
  const [a, b] = [values(some), values(others)];
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}
