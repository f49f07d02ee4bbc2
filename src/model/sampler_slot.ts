/**
 * A slot's sampling state as the kernel reads it: thirteen words of parameters, and one word per vocabulary entry for
 * what depends on the token (shaders/sample.wgsl names them). Values arrive validated; here they are only brought into
 * the range where f32 on a GPU can hold them without an infinity, a NaN or a flushed subnormal.
 */
import type { SlotInit } from "./runner.ts";

/** Words of one entry of `slots`. */
export const SLOT_WORDS = 13;

const PENALIZES = 1;
const BANS = 2;
const WANTS_LOGPROBS = 4;
const SEEN = 0x80000000;
const BANNED = 0x40000000;
/** log_min_p where min-p is off. */
const NO_FLOOR = -1e30;
/** Smallest normal f32: below it a GPU may read zero. */
const TINY = 2 ** -126;

/** Does the slot read its row of `counts`? If not, that row's content does not matter. */
export function readsCounts({ sampling, bannedUntilMinTokens }: SlotInit): boolean {
  return penalizes(sampling) || bans(sampling.minTokens, bannedUntilMinTokens);
}

export function slotWords({ sampling, bannedUntilMinTokens }: SlotInit): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(SLOT_WORDS);
  const floats = new Float32Array(words.buffer);
  words[0] = (penalizes(sampling) ? PENALIZES : 0) |
    (bans(sampling.minTokens, bannedUntilMinTokens) ? BANS : 0) |
    (sampling.logprobs >= 0 ? WANTS_LOGPROBS : 0);
  floats[1] = sampling.temperature < TINY ? 0 : sampling.temperature;
  words[2] = sampling.topK;
  floats[3] = Math.max(sampling.topP, TINY);
  floats[4] = sampling.minP > 0 ? Math.log(sampling.minP) : NO_FLOOR;
  floats[5] = Math.max(sampling.typicalP, TINY);
  floats[6] = Math.max(sampling.repetitionPenalty, TINY);
  floats[7] = sampling.presencePenalty;
  floats[8] = sampling.frequencyPenalty;
  words[9] = sampling.minTokens;
  words[10] = Number(sampling.seed & 0xffffffffn);
  words[11] = Number(sampling.seed >> 32n);
  words[12] = Math.max(0, sampling.logprobs);
  return words;
}

/** [vocabSize] the slot's row of `counts` before its next token. */
export function countWords(init: SlotInit, vocabSize: number): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(vocabSize);
  for (const id of init.promptTokenIds) words[id] = SEEN;
  for (const id of init.outputTokenIds) words[id]!++;
  for (const id of init.bannedUntilMinTokens) words[id]! |= BANNED;
  return words;
}

function penalizes(sampling: SlotInit["sampling"]): boolean {
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = sampling;
  return repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0;
}

function bans(minTokens: number, banned: readonly number[]): boolean {
  return minTokens > 0 && banned.length > 0;
}
