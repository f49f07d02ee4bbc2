/**
 * Sampling in float64, by sorting: what a request's parameters make of one row of logits, which tokens are left, and
 * which one the random number picks. Never optimised.
 */
import type { SamplingParams } from "../../src/model/sampling.ts";

export interface SampleInput {
  /** [vocabSize], finite */
  readonly logits: ArrayLike<number>;
  readonly sampling: SamplingParams;
  readonly prompt: readonly number[];
  readonly output: readonly number[];
  readonly banned: readonly number[];
  /** Ids that may come; all unless given. */
  readonly allowed?: readonly number[];
}

/** A token that can be drawn. */
export interface Candidate {
  readonly id: number;
  readonly p: number;
}

function maximum(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), -Infinity);
}

/** [vocabSize] logits after mask, bias, penalties and ban; -Infinity is out. */
export function penalized({ logits, sampling, prompt, output, banned, allowed }: SampleInput): number[] {
  const mayCome = allowed === undefined ? null : new Set(allowed);
  const biases = new Map(sampling.logitBias.map(({ tokenId, bias }) => [tokenId, bias]));
  const { repetitionPenalty: r, presencePenalty, frequencyPenalty, minTokens } = sampling;
  return Array.from(logits, (logit, id) => {
    if (mayCome?.has(id) === false) return -Infinity;
    if (output.length < minTokens && banned.includes(id)) return -Infinity;
    const count = output.filter((other) => other === id).length;
    const value = logit + (biases.get(id) ?? 0);
    const repeated = count > 0 || prompt.includes(id) ? (value > 0 ? value / r : value * r) : value;
    return repeated - count * frequencyPenalty - (count > 0 ? presencePenalty : 0);
  });
}

/** Greedy choice: the largest value, the lowest id among equals; with nothing left, the lowest that is out the least. */
export function greedy(input: SampleInput): number {
  const values = penalized(input);
  let best = -1;
  for (const [id, value] of values.entries()) if (value > (values[best] ?? -Infinity)) best = id;
  if (best >= 0) return best;
  const { output, sampling, banned, allowed } = input;
  const mayCome = values.map((_, id) => allowed?.includes(id) ?? true);
  const isBanned = (id: number) => output.length < sampling.minTokens && banned.includes(id);
  const free = values.findIndex((_, id) => mayCome[id] && !isBanned(id));
  return Math.max(0, free < 0 ? mayCome.indexOf(true) : free);
}

/** What is left after all cuts, most likely first, with probabilities that sum to 1. Empty when nothing was ever in. */
export function support(input: SampleInput): Candidate[] {
  const { temperature, topK, typicalP, topP, minP } = input.sampling;
  const values = penalized(input);
  const largest = maximum(values);
  let left = values
    .map((value, id) => ({ id, p: Math.exp((value - largest) / temperature) }))
    .filter(({ id }) => values[id]! > -Infinity)
    .sort((a, b) => values[b.id]! - values[a.id]! || a.id - b.id);
  if (topK > 0) left = left.slice(0, topK);
  if (typicalP < 1) {
    const all = normalize(left);
    const entropy = all.reduce((sum, { p }) => sum - (p > 0 ? p * Math.log(p) : 0), 0);
    const shift = ({ p }: Candidate) => Math.abs(-Math.log(p) - entropy);
    const typical = all.toSorted((a, b) => shift(a) - shift(b) || a.id - b.id);
    const kept = new Set(head(typical, typicalP).map(({ id }) => id));
    left = left.filter(({ id }) => kept.has(id));
  }
  if (topP < 1) left = head(normalize(left), topP);
  left = left.filter(({ p }) => p >= minP * left[0]!.p);
  return normalize(left);
}

/** The shortest head whose mass reaches p. */
function head(sorted: readonly Candidate[], p: number): Candidate[] {
  let mass = 0;
  const end = sorted.findIndex((token) => (mass += token.p) >= p - 1e-12);
  return end < 0 ? [...sorted] : sorted.slice(0, end + 1);
}

function normalize(tokens: readonly Candidate[]): Candidate[] {
  const mass = tokens.reduce((sum, { p }) => sum + p, 0);
  return tokens.map(({ id, p }) => ({ id, p: p / mass }));
}

/** The token at place u of the cumulative distribution, in order of id. */
export function draw(tokens: readonly Candidate[], u: number): number {
  const inOrder = tokens.toSorted((a, b) => a.id - b.id);
  let mass = 0;
  return (inOrder.find(({ p }) => (mass += p) > u) ?? inOrder.at(-1)!).id;
}

/** log softmax of the logits themselves; -9999 where that would be lower. */
export function logprobs(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits);
  const largest = maximum(values);
  const sum = values.reduce((total, value) => total + Math.exp(value - largest), 0);
  return values.map((value) => Math.max(-9999, value - largest - Math.log(sum)) || 0);
}

/** The kernel's random number for the token at `index` of its output, in [0, 1). */
export function uniform(seed: bigint, index: number): number {
  return (philox([index, 0, 0, 0], [Number(seed & 0xffffffffn), Number(seed >> 32n)])[0]! >>> 8) * 2 ** -24;
}

/** Philox4x32-10. */
export function philox(counter: readonly number[], key: readonly number[]): number[] {
  let [a, b, c, d] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
  let [k, l] = key.map(BigInt) as [bigint, bigint];
  const low = (value: bigint) => value & 0xffffffffn;
  for (let round = 0; round < 10; round++) {
    const first = 0xd2511f53n * a;
    const second = 0xcd9e8d57n * c;
    [a, b, c, d] = [(second >> 32n) ^ b ^ k, low(second), (first >> 32n) ^ d ^ l, low(first)];
    k = low(k + 0x9e3779b9n);
    l = low(l + 0xbb67ae85n);
  }
  return [a, b, c, d].map(Number);
}
