/**
 * The boundary of the engine: what arrives in a submit command is checked against the model before anything is
 * queued, whatever the sender has checked already. Throws ConfigError for values that can never be right and
 * CapacityError for requests that are too large for this model.
 */
import { parseConstraint } from "../constraint/constraint.ts";
import { CapacityError, ConfigError } from "../errors.ts";
import type { RunnerLimits } from "../model/runner.ts";
import { SAMPLING_LIMITS, type SamplingParams } from "../model/sampling.ts";
import type { EngineMeter } from "./meter.ts";
import { PRIORITY_LIMITS, type SubmitCommand, type WireSampling } from "./protocol.ts";
import type { ResidentModel } from "./residency.ts";
import { contextTokens } from "./sequence.ts";

/** A day; whoever can wait longer needs no deadline. */
export const MAX_DEADLINE_MS = 86_400_000;
const MAX_SALT_LENGTH = 200;

export interface ValidRequest {
  readonly promptTokenIds: Uint32Array;
  readonly sampling: SamplingParams;
  /** See SequenceInit.stopTokenIds. */
  readonly stopTokenIds: readonly number[];
  /** See SequenceInit.bannedUntilMinTokens. */
  readonly bannedUntilMinTokens: readonly number[];
  readonly priority: number;
}

/** Room for one more that waits. */
export function checkQueue(
  { modelKey, batch, runner }: ResidentModel,
  maxWaiting: number,
  meter: EngineMeter,
): void {
  const waiting = batch.waiting.length;
  if (waiting < maxWaiting) return;
  const retryAfterMs = meter.retryAfterMs(runner.limits.maxSequences);
  const details = { modelKey, waiting, maxWaiting, retryAfterMs };
  throw new CapacityError(`The queue of model "${modelKey}" is full: ${waiting} requests wait`, details);
}

/** Ids in 0 … vocabSize − 1, a prompt that leaves room for a token, sampling values within SAMPLING_LIMITS. */
export function validateRequest(command: SubmitCommand, limits: RunnerLimits): ValidRequest {
  const { promptTokenIds, eosTokenIds, priority = 0, deadlineMs = MAX_DEADLINE_MS } = command;
  const maxContext = contextTokens(limits);
  if (promptTokenIds.length === 0) {
    throw new ConfigError("Cannot generate: the prompt has no tokens", { field: "promptTokenIds" });
  }
  if (promptTokenIds.length >= maxContext) {
    throw new CapacityError(
      `Cannot generate: the prompt has ${promptTokenIds.length} tokens, and the context of ${maxContext} must hold ` +
        "it and at least one more",
      { field: "promptTokenIds", promptTokens: promptTokenIds.length, maxContext },
    );
  }
  checkIds("promptTokenIds", promptTokenIds, limits.vocabSize);
  checkInteger("priority", priority, PRIORITY_LIMITS);
  checkNumber("deadlineMs", deadlineMs, { min: 0, max: MAX_DEADLINE_MS });
  const { cacheSalt = "" } = command;
  if (typeof cacheSalt !== "string" || cacheSalt.length > MAX_SALT_LENGTH) {
    throw refusal("cacheSalt", typeof cacheSalt, `a text of at most ${MAX_SALT_LENGTH} characters`);
  }
  const sampling = validateSampling(command.sampling, limits.vocabSize);
  // A checkpoint may name an end id beyond its own vocabulary (added tokens without embeddings): it never comes.
  const ends = eosTokenIds.filter((id) => isTokenId(id, limits.vocabSize));
  const stops = [...sampling.ignoreEos ? [] : ends, ...sampling.stopTokenIds];
  // These end a constrained output that is complete, ignored or not.
  const banned = sampling.constraint === null ? stops : [...stops, ...ends];
  const ids = Uint32Array.from(promptTokenIds);
  return {
    promptTokenIds: ids,
    sampling,
    stopTokenIds: [...new Set(stops)],
    bannedUntilMinTokens: [...new Set(banned)],
    priority,
  };
}

function validateSampling(wire: WireSampling, vocabSize: number): SamplingParams {
  const limits = SAMPLING_LIMITS;
  checkNumber("temperature", wire.temperature, limits.temperature);
  checkInteger("topK", wire.topK, limits.topK);
  checkNumber("topP", wire.topP, limits.topP);
  checkNumber("minP", wire.minP, limits.minP);
  checkNumber("typicalP", wire.typicalP, limits.typicalP);
  checkNumber("repetitionPenalty", wire.repetitionPenalty, limits.repetitionPenalty);
  checkNumber("presencePenalty", wire.presencePenalty, limits.presencePenalty);
  checkNumber("frequencyPenalty", wire.frequencyPenalty, limits.frequencyPenalty);
  checkInteger("maxTokens", wire.maxTokens, limits.maxTokens);
  checkInteger("minTokens", wire.minTokens, limits.minTokens);
  if (wire.logprobs !== -1) checkInteger("logprobs", wire.logprobs, limits.logprobs);
  if (wire.stopTokenIds.length > limits.stopTokenIds.maxItems) {
    throw refusal("stopTokenIds", wire.stopTokenIds.length, `at most ${limits.stopTokenIds.maxItems} ids`);
  }
  checkIds("stopTokenIds", wire.stopTokenIds, vocabSize);
  if (wire.logitBias.length > limits.logitBias.maxItems) {
    throw refusal("logitBias", wire.logitBias.length, `at most ${limits.logitBias.maxItems} entries`);
  }
  checkIds("logitBias", wire.logitBias.map(({ tokenId }) => tokenId), vocabSize);
  for (const [index, { bias }] of wire.logitBias.entries()) {
    checkNumber(`logitBias[${index}]`, bias, limits.logitBias.bias);
  }
  const constraint = wire.constraint === null ? null : parseConstraint("constraint", wire.constraint);
  return { ...wire, constraint, seed: parseSeed(wire.seed), stop: [] };
}

type Range = { readonly min?: number; readonly minExclusive?: number; readonly max: number };

function checkNumber(field: string, value: number, range: Range): void {
  const low = range.minExclusive ?? range.min ?? -Infinity;
  const aboveLow = range.minExclusive === undefined ? value >= low : value > low;
  // Written so that NaN fails.
  if (typeof value === "number" && aboveLow && value <= range.max) return;
  throw refusal(
    field,
    value,
    `${range.minExclusive === undefined ? "from" : "above"} ${low}, at most ${range.max}`,
  );
}

function checkInteger(field: string, value: number, range: Range): void {
  checkNumber(field, value, range);
  if (!Number.isInteger(value)) throw refusal(field, value, "an integer");
}

function checkIds(field: string, ids: readonly number[], vocabSize: number): void {
  for (const [index, id] of ids.entries()) {
    if (isTokenId(id, vocabSize)) continue;
    throw refusal(`${field}[${index}]`, id, `a token id from 0 to ${vocabSize - 1}`);
  }
}

function isTokenId(id: number, vocabSize: number): boolean {
  return Number.isInteger(id) && id >= 0 && id < vocabSize;
}

function parseSeed(text: string): bigint {
  // At most 20 digits, so that no hostile string makes BigInt work hard.
  const seed = typeof text === "string" && /^\d{1,20}$/.test(text) ? BigInt(text) : -1n;
  if (seed < SAMPLING_LIMITS.seed.min || seed > SAMPLING_LIMITS.seed.max) {
    throw refusal(
      "seed",
      text,
      `decimal digits from ${SAMPLING_LIMITS.seed.min} to ${SAMPLING_LIMITS.seed.max}`,
    );
  }
  return seed;
}

function refusal(field: string, found: unknown, expected: string): ConfigError {
  return new ConfigError(`Cannot generate: ${field} is ${String(found).slice(0, 40)}, expected ${expected}`, {
    field,
    found: typeof found === "number" && !Number.isFinite(found) ? String(found) : found,
    expected,
  });
}
