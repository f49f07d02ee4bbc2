/**
 * Random models of the kinds that the forward fixtures show: odd widths, every ratio of query to kv heads, windows,
 * dtypes, shards, tied heads, biases, norms of heads. The same seed gives the same case. Judges outputs by the float64
 * oracle, teacher-forced: a token may differ from the oracle's own only where the two best logits are a tie within the
 * tolerance.
 */
import { forward, type OracleModel } from "../oracle/forward.ts";
import type { GeneratedCheckpoint } from "../support/checkpoint_generator.ts";

export interface RandomCase {
  readonly checkpoint: GeneratedCheckpoint;
  readonly vocabSize: number;
  /** What the shape is, for messages. */
  readonly title: string;
}

/** A stream of numbers in 0 … 1 (mulberry32). */
export function randoms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function randomCase(seed: number): RandomCase {
  const next = randoms(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)]!;
  const headDim = pick([4, 8, 12, 20, 32, 80, 128]);
  const ratio = pick([1, 2, 3, 4, 8]);
  const kvHeads = headDim > 32 ? 1 : pick([1, 2, 3]);
  const kind = next();
  const llama = kind < 0.3;
  const qwen = kind > 0.8;
  const dtypes = pick([["BF16"], ["F16"], ["F32"], ["BF16", "F16", "F32"]] as const);
  const config = {
    architectures: [qwen ? "Qwen3ForCausalLM" : llama ? "LlamaForCausalLM" : "MistralForCausalLM"],
    model_type: qwen ? "qwen3" : llama ? "llama" : "mistral",
    hidden_size: pick([40, 48, 72]),
    intermediate_size: pick([24, 56, 97, 130]),
    num_attention_heads: kvHeads * ratio,
    num_key_value_heads: kvHeads,
    head_dim: headDim,
    num_hidden_layers: pick([1, 2, 3]),
    vocab_size: pick([257, 300, 1031]),
    sliding_window: llama ? null : pick([null, 1, 5, 16, 1000]),
    use_sliding_window: qwen,
    max_window_layers: 0,
    rope_theta: pick([1e4, 1e6]),
    rms_norm_eps: pick([1e-5, 1e-6]),
    max_position_embeddings: 4096,
    tie_word_embeddings: next() < 0.3,
    attention_bias: llama && next() < 0.5,
    mlp_bias: llama && next() < 0.5,
  };
  const sharded = next() < 0.4;
  const dtypeSeed = Math.floor(next() * 2 ** 32);
  return {
    checkpoint: {
      config,
      seed,
      gain: 2,
      // By name, so that the fused matrices meet unlike parts.
      dtypeOf: (name) =>
        dtypes[[...name].reduce((h, c) => (h * 31 + c.charCodeAt(0)) >>> 0, dtypeSeed) % dtypes.length]!,
      ...(sharded ? { shardBytes: 40_000 } : {}),
    },
    vocabSize: config.vocab_size,
    title: `seed ${seed}: hidden ${config.hidden_size}, heads ${kvHeads * ratio}/${kvHeads} × ${headDim}, ` +
      `layers ${config.num_hidden_layers}, vocabulary ${config.vocab_size}, window ${config.sliding_window}, ${dtypes}`,
  };
}

export function randomPrompt(vocabSize: number, length: number, seed: number): number[] {
  const next = randoms(seed);
  return Array.from({ length }, (_, i) => i === 0 ? 1 : Math.floor(next() * vocabSize));
}

/** A token with its log-probability and the best alternatives, best first. */
export interface ScoredToken {
  readonly id: number;
  readonly logprob: number;
  readonly top: readonly { readonly id: number; readonly logprob: number }[];
}

/** Worst error of any reported log-probability, and by how much a chosen token's logit falls short of the best. */
export interface Verdict {
  readonly logprobError: number;
  readonly shortfall: number;
  /** The oracle's best token, at every step. */
  readonly greedy: readonly number[];
}

/** Holds a greedy output against the oracle's logits for the same tokens. */
export function judge(
  model: OracleModel,
  prompt: readonly number[],
  tokens: readonly ScoredToken[],
): Verdict {
  const ids = [...prompt, ...tokens.slice(0, -1).map(({ id }) => id)];
  const { data, columns } = forward(model, ids);
  let logprobError = 0;
  let shortfall = 0;
  const greedy: number[] = [];
  for (const [step, { id, logprob, top }] of tokens.entries()) {
    const row = prompt.length - 1 + step;
    const logits = data.subarray(row * columns, (row + 1) * columns);
    const largest = logits.reduce((a, b) => Math.max(a, b));
    const logSum = largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
    const ranked = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b);
    greedy.push(ranked[0]!);
    shortfall = Math.max(shortfall, largest - logits[id]!);
    logprobError = Math.max(logprobError, Math.abs(logprob - (logits[id]! - logSum)));
    for (const [place, other] of top.entries()) {
      logprobError = Math.max(
        logprobError,
        Math.abs(other.logprob - (logits[other.id]! - logSum)), // Right for this token
        Math.abs(other.logprob - (logits[ranked[place]!]! - logSum)), // and in its right place.
      );
    }
  }
  return { logprobError, shortfall, greedy };
}
