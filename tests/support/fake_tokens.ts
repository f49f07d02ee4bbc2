/**
 * What the model without weights says: the next token is a hash of everything before it, but seeds from REPEATING on
 * mostly let it follow from the last token alone, so that it can be guessed. Those from OVERFLOWING on sooner or later come
 * to logits that are not finite.
 */
import { NOT_FINITE, type SlotInit } from "../../src/model/runner.ts";

/** Seeds from here on make texts that can be guessed. */
export const REPEATING = 500n;

/** Seeds from here on make texts that can be guessed, and that end in NOT_FINITE unless they are short. */
export const OVERFLOWING = 1000n;

/** The next token after `context`, for a request with this init and `produced` tokens out. */
export function nextToken(
  context: Iterable<number>,
  init: SlotInit,
  produced: number,
  vocabSize: number,
): number {
  let hash = 2166136261 ^ Number(init.sampling.seed & 0xffffffffn);
  let last = 0;
  for (const id of context) {
    hash = Math.imul(hash ^ (id + 1), 16777619) >>> 0;
    last = id;
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0;
  if (init.sampling.seed >= OVERFLOWING && hash % 16 === 0) return NOT_FINITE;
  const repeats = init.sampling.seed >= REPEATING && hash % 7 > 0;
  let id = (repeats ? (last * 5 + 3) % 6 : hash) % vocabSize;
  while (produced < init.sampling.minTokens && init.bannedUntilMinTokens.includes(id)) {
    id = (id + 1) % vocabSize;
  }
  return id;
}

/** What `count` steps alone would produce, NOT_FINITE the last of them: the reference for every batched run. */
export function soloTokens(init: SlotInit, count: number, vocabSize: number): number[] {
  const context = [...init.promptTokenIds];
  const tokens: number[] = [];
  while (tokens.length < count && tokens.at(-1) !== NOT_FINITE) {
    const id = nextToken(context, init, tokens.length, vocabSize);
    tokens.push(id);
    context.push(id);
  }
  return tokens;
}
