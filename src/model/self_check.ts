/**
 * Tries out on the device itself that a row has the same bits alone, among others and however its prompt is cut. The
 * kernels are written for it, but a driver may arrange the arithmetic of two variants differently: one was seen to round
 * straight-line products in f16 otherwise than those of a loop (bench/RESULTS.md).
 */
import type { BlockId, ModelRunner, SampledToken, Slot } from "./runner.ts";
import { SAMPLING_LIMITS, type SamplingParams } from "./sampling.ts";

/** Rows at a time, of decoding: one, and as many as every variant takes. */
const DECODE_CUTS = [[11], [1, 2, 3, 5], new Array<number>(11).fill(1)] as const;
/** Of prompts, the rest behind them. */
const PROMPT_CUTS = [[], [16, 32, 64], [130, 7]] as const;
const PROMPT_TOKENS = 300;

const SLOT = 0 as Slot;

/** With what there is to see of the logits. */
const SAMPLING: SamplingParams = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  typicalP: 1,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: [],
  constraint: null,
  maxTokens: 1,
  minTokens: 0,
  stop: [],
  stopTokenIds: [],
  ignoreEos: true,
  seed: 0n,
  logprobs: SAMPLING_LIMITS.logprobs.max,
};

/**
 * Compares log-probabilities bit for bit, after the same tokens in several ways. Uses slot 0 and the first blocks, so the
 * runner must be idle; leaves keys and values there that nobody's block table shows. Some thirty steps.
 */
export async function keepsBits(runner: ModelRunner): Promise<boolean> {
  const { maxPromptTokens, maxContext, vocabSize, blockSize } = runner.limits;
  const most = Math.min(PROMPT_TOKENS, maxPromptTokens, maxContext);
  const ids = Uint32Array.from({ length: most }, (_, i) => (i * 7919 + 13) % vocabSize);
  const blockTable = Array.from({ length: Math.ceil(most / blockSize) }, (_, block) => block as BlockId);
  const run = async (tokenIds: Uint32Array, cuts: readonly number[], replay: boolean) => {
    runner.initSlot(SLOT, {
      sampling: SAMPLING,
      bannedUntilMinTokens: [],
      promptTokenIds: tokenIds,
      outputTokenIds: [],
    });
    let sampled: readonly SampledToken[] = [];
    let start = 0;
    for (const rows of [...cuts, Infinity]) {
      const end = Math.min(tokenIds.length, start + rows);
      if (end === start) break;
      const chunk = { slot: SLOT, tokenIds: tokenIds.subarray(start, end), start, blockTable, replay };
      const sample = end === tokenIds.length;
      const steps = await runner.prepare([{ prompts: [{ ...chunk, sample }], decodes: [] }]).submit()
        .collect();
      sampled = steps.flat();
      start = end;
    }
    return sampled;
  };
  for (
    const [tokenIds, ways, replay] of [
      [ids.subarray(0, 11), DECODE_CUTS, true],
      [ids, PROMPT_CUTS, false],
    ] as const
  ) {
    const [first, ...others] = ways;
    const expected = await run(tokenIds, first!, replay);
    for (const cuts of others) if (!sameBits(await run(tokenIds, cuts, replay), expected)) return false;
  }
  return true;
}

function sameBits(some: readonly SampledToken[], others: readonly SampledToken[]): boolean {
  const values = (tokens: readonly SampledToken[]) =>
    tokens.flatMap((
      { id, logprob, top },
    ) => [id, logprob, ...top.flatMap(({ id, logprob }) => [id, logprob])]);
  const [a, b] = [values(some), values(others)];
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}
