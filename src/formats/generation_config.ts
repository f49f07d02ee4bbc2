/**
 * generation_config.json: the sampling that a checkpoint's authors recommend. Only fields that Geodesic honours are
 * read; an absent field is null, so that callers can tell a recommendation from a default of their own.
 */
import { Fields } from "./fields.ts";
import type { JsonObject } from "./json.ts";

export interface GenerationConfig {
  readonly bosTokenId: number | null;
  readonly eosTokenIds: readonly number[];
  readonly padTokenId: number | null;
  /** False asks for greedy decoding. */
  readonly doSample: boolean | null;
  readonly temperature: number | null;
  readonly topK: number | null;
  readonly topP: number | null;
  readonly minP: number | null;
  readonly repetitionPenalty: number | null;
  readonly maxNewTokens: number | null;
}

const SHARE = { min: 0, max: 1 };
const COUNT = { min: 0, max: 2 ** 31 - 1 };

/** Validates a parsed generation_config.json; `file` is how messages call it. */
export function parseGenerationConfig(json: JsonObject, file: string): GenerationConfig {
  const fields = new Fields(json, file);
  return {
    bosTokenId: fields.optionalTokenId("bos_token_id"),
    eosTokenIds: fields.tokenIds("eos_token_id"),
    padTokenId: fields.optionalTokenId("pad_token_id"),
    doSample: fields.has("do_sample") ? fields.boolean("do_sample", false) : null,
    temperature: fields.optionalNumber("temperature", { min: 0, max: 1e6 }),
    topK: fields.optionalInteger("top_k", COUNT),
    topP: fields.optionalNumber("top_p", SHARE),
    minP: fields.optionalNumber("min_p", SHARE),
    repetitionPenalty: fields.optionalNumber("repetition_penalty", { min: 1e-6, max: 1e6 }),
    maxNewTokens: fields.optionalInteger("max_new_tokens", COUNT),
  };
}
