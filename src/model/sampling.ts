/**
 * Sampling parameters as the runtime understands them: complete, validated and resolved. Ranges live here, so
 * that requests, admin defaults and the command line are held to the same ones. Refuses nothing itself; see
 * src/app/sampling.ts for parsing and src/kernels/sample.ts for what the GPU does with the values.
 */
import type { Constraint } from "../constraint/constraint.ts";

/** What is added to one token's logit. */
export interface LogitBias {
  readonly tokenId: number;
  readonly bias: number;
}

/** Every value present; "off" is a value, never an absence. */
export interface SamplingParams {
  /** 0 = greedy. Logits are divided by it. */
  readonly temperature: number;
  /** Keep the k most likely tokens; 0 = off. */
  readonly topK: number;
  /** Keep the smallest set whose probability reaches p (the token that crosses it included); 1 = off. */
  readonly topP: number;
  /** Keep tokens with at least this share of the most likely token's probability; 0 = off. */
  readonly minP: number;
  /** Locally typical sampling, the mass to keep; 1 = off. */
  readonly typicalP: number;
  /** Logits of tokens seen in prompt or output are divided (positive) or multiplied (negative) by it; 1 = off. */
  readonly repetitionPenalty: number;
  /** Subtracted once from the logit of any token in the output; 0 = off. */
  readonly presencePenalty: number;
  /** Subtracted from the logit per occurrence in the output; 0 = off. */
  readonly frequencyPenalty: number;
  /** Added to the logits of these tokens, before penalties; an id appears once. */
  readonly logitBias: readonly LogitBias[];
  /** What the output is held to; it ends when it is complete, whatever `ignoreEos` says. Null: nothing. */
  readonly constraint: Constraint | null;
  /** At most this many tokens are generated. */
  readonly maxTokens: number;
  /** No stop (end of sequence, stop token, stop string) before this many tokens. */
  readonly minTokens: number;
  /** Generation ends before the first of these strings; it is not part of the text. */
  readonly stop: readonly string[];
  /** Generation ends at these ids, as at the end-of-sequence id. */
  readonly stopTokenIds: readonly number[];
  /** The end-of-sequence id does not end the generation. */
  readonly ignoreEos: boolean;
  /** 0 … 2^64 − 1. The same seed, prompt and parameters give the same tokens. */
  readonly seed: bigint;
  /** Report this many most likely alternatives per token (and the sampled token's own logprob); -1 = no logprobs. */
  readonly logprobs: number;
}

/** Everything off: one token, the most likely, whatever it is. */
export const GREEDY: SamplingParams = {
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
  logprobs: -1,
};

/** Closed ranges unless said otherwise; `maxTokens` and `minTokens` are further bounded by the context. */
export const SAMPLING_LIMITS = {
  temperature: { min: 0, max: 2 },
  topK: { min: 0, max: 1_000_000 },
  topP: { minExclusive: 0, max: 1 },
  minP: { min: 0, max: 1 },
  typicalP: { minExclusive: 0, max: 1 },
  repetitionPenalty: { minExclusive: 0, max: 2 },
  presencePenalty: { min: -2, max: 2 },
  frequencyPenalty: { min: -2, max: 2 },
  logitBias: { maxItems: 300, bias: { min: -100, max: 100 } },
  maxTokens: { min: 1, max: 1_048_576 },
  minTokens: { min: 0, max: 1_048_576 },
  stop: { maxItems: 8, maxLength: 64 },
  stopTokenIds: { maxItems: 64 },
  seed: { min: 0n, max: (1n << 64n) - 1n },
  logprobs: { min: 0, max: 20 },
} as const;
