/**
 * A slot's sampling state as the kernel reads it: fifteen words of parameters, one word per vocabulary entry for
 * what depends on the token, its biases, its mask and its stop ids (shaders/sample.wgsl names them). Values arrive
 * validated; here they are only brought into the range where f32 on a GPU can hold them without an infinity, a NaN or a
 * flushed subnormal.
 */
import type { SlotInit } from "./runner.ts";
import { SAMPLING_LIMITS } from "./sampling.ts";

/** Words of one entry of `slots`. */
export const SLOT_WORDS = 15;
/** Words of (id, bias) pairs, with which an entry of `controls` begins. */
export const BIAS_WORDS = 2 * SAMPLING_LIMITS.logitBias.maxItems;

/**
 * Stop ids of a slot that the device knows: more than a request and a model may name. Any beyond them end a sequence all
 * the same, once the host sees them.
 */
export const MAX_STOPS = 128;

const PENALIZES = 1;
const BANS = 2;
const WANTS_LOGPROBS = 4;
const BIASES = 8;
/** Set in a slot's flags while its mask counts. */
export const MASKS = 16;
const SEEN = 0x80000000;
const BANNED = 0x40000000;
const BIASED = 0x20000000;
/** log_min_p where min-p is off. */
const NO_FLOOR = -1e30;
/** Smallest normal f32: below it a GPU may read zero. */
const TINY = 2 ** -126;

/** Words of a mask: bit id % 32 of word id / 32 is set where the token may come. */
export function maskWords(vocabSize: number): number {
  return Math.ceil(vocabSize / 32);
}

/** Where the stop ids begin in an entry of `controls`, in words. */
export function stopsOffset(vocabSize: number): number {
  return BIAS_WORDS + maskWords(vocabSize);
}

/** Words of one entry of `controls`: biases, then the mask, then the stop ids. */
export function controlWords(vocabSize: number): number {
  return stopsOffset(vocabSize) + MAX_STOPS;
}

/** Does the slot read its row of `counts`? If not, that row's content does not matter. */
export function readsCounts({ sampling, bannedUntilMinTokens }: SlotInit): boolean {
  return penalizes(sampling) || bans(sampling.minTokens, bannedUntilMinTokens) ||
    sampling.logitBias.length > 0;
}

export function slotWords(
  { sampling, bannedUntilMinTokens, stopTokenIds = [] }: SlotInit,
): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(SLOT_WORDS);
  const floats = new Float32Array(words.buffer);
  words[0] = (penalizes(sampling) ? PENALIZES : 0) |
    (bans(sampling.minTokens, bannedUntilMinTokens) ? BANS : 0) |
    (sampling.logprobs >= 0 ? WANTS_LOGPROBS : 0) |
    (sampling.logitBias.length > 0 ? BIASES : 0);
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
  words[13] = sampling.logitBias.length;
  words[14] = Math.min(stopTokenIds.length, MAX_STOPS);
  return words;
}

/** [vocabSize] the slot's row of `counts` before its next token. */
export function countWords(init: SlotInit, vocabSize: number): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(vocabSize);
  for (const id of init.promptTokenIds) words[id] = SEEN;
  for (const id of init.outputTokenIds) words[id]!++;
  for (const id of init.bannedUntilMinTokens) words[id]! |= BANNED;
  for (const { tokenId } of init.sampling.logitBias) words[tokenId]! |= BIASED;
  return words;
}

/** The slot's entry of `controls`, as far as it is used: pairs in order of id, which the kernel searches by halving. */
export function biasWords({ logitBias }: SlotInit["sampling"]): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(2 * logitBias.length);
  const floats = new Float32Array(words.buffer);
  for (const [at, { tokenId, bias }] of logitBias.toSorted((a, b) => a.tokenId - b.tokenId).entries()) {
    words[2 * at] = tokenId;
    floats[2 * at + 1] = bias;
  }
  return words;
}

/** The slot's stop ids, as far as the device knows them. */
export function stopWords({ stopTokenIds = [] }: SlotInit): Uint32Array<ArrayBuffer> {
  return Uint32Array.from(stopTokenIds.slice(0, MAX_STOPS));
}

/** Does the slot count what it samples? */
export function penalizes(sampling: SlotInit["sampling"]): boolean {
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = sampling;
  return repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0;
}

function bans(minTokens: number, banned: readonly number[]): boolean {
  return minTokens > 0 && banned.length > 0;
}
