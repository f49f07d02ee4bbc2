/**
 * Sampling parameters from outside: one validator for requests, admins' defaults and the command line, against the
 * ranges of src/model/sampling.ts, and the resolution of what is left unsaid. Errors name the field, what was found and
 * what is allowed. Unknown keys are refused: a misspelt parameter must not pass as a default.
 */
import { parseConstraint } from "../constraint/constraint.ts";
import { ConfigError } from "../errors.ts";
import type { GenerationConfig } from "../formats/generation_config.ts";
import { type LogitBias, SAMPLING_LIMITS, type SamplingParams } from "../model/sampling.ts";
import type { SamplingInput, SamplingKey, SamplingOrigin } from "./types.ts";

/** What holds where nobody has said anything: the model's own distribution, and an answer of moderate length. */
export const BUILT_IN_SAMPLING: SamplingParams = Object.freeze({
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  typicalP: 1,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: Object.freeze([]),
  constraint: null,
  maxTokens: 512,
  minTokens: 0,
  stop: Object.freeze([]),
  stopTokenIds: Object.freeze([]),
  ignoreEos: false,
  // Stands for "drawn anew for every generation"; see resolveSampling.
  seed: 0n,
  logprobs: -1,
});

/** Every parameter's name, in the order of the type. */
export const SAMPLING_KEYS = Object.freeze(Object.keys(BUILT_IN_SAMPLING)) as readonly SamplingKey[];

/** Largest token id that a request may name; real vocabularies are far smaller. */
const MAX_TOKEN_ID = 2 ** 31 - 1;

interface Range {
  readonly min?: number;
  readonly minExclusive?: number;
  readonly max: number;
}
type Parser<K extends SamplingKey> = (field: K, value: unknown) => SamplingParams[K];

const PARSERS: { readonly [K in SamplingKey]: Parser<K> } = {
  temperature: number,
  topK: integer,
  topP: number,
  minP: number,
  typicalP: number,
  repetitionPenalty: number,
  presencePenalty: number,
  frequencyPenalty: number,
  logitBias,
  constraint: parseConstraint,
  maxTokens: integer,
  minTokens: integer,
  stop: stopStrings,
  stopTokenIds,
  ignoreEos: boolean,
  seed,
  logprobs: integer,
};

/**
 * Checks every value given and returns them; `null` stays (it means "not set here"), `undefined` goes. Throws
 * ConfigError with `details.field`, `found` and `allowed` for the first that is wrong.
 */
export function parseSampling(input: unknown): SamplingInput {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw refused("sampling", input, "an object");
  }
  const parsed: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(input)) {
    if (!isSamplingKey(field)) throw refused(field, value, `one of ${SAMPLING_KEYS.join(", ")}`, "Unknown");
    if (value === null) parsed[field] = null;
    else if (value !== undefined) parsed[field] = parseField(field, value);
  }
  return parsed as SamplingInput;
}

/** A layer of defaults with where its values come from. */
export interface SamplingLayer<O extends string> {
  readonly origin: O;
  readonly values: SamplingInput;
}

/** The first layer that sets a value wins; what none sets is built in. */
export function layerSampling<O extends string>(
  layers: readonly SamplingLayer<O>[],
): { readonly values: SamplingParams; readonly origins: Readonly<Record<SamplingKey, O | "BUILT_IN">> } {
  const values: Record<string, unknown> = {};
  const origins = {} as Record<SamplingKey, O | "BUILT_IN">;
  for (const key of SAMPLING_KEYS) {
    const layer = layers.find(({ values }) => values[key] !== undefined && values[key] !== null);
    values[key] = layer?.values[key] ?? BUILT_IN_SAMPLING[key];
    origins[key] = layer?.origin ?? "BUILT_IN";
  }
  return { values: values as unknown as SamplingParams, origins };
}

/**
 * The parameters a generation runs with. A request must fit the model's context and vocabulary, defaults are cut to them
 * (the gateway's are for all models). Without a seed from anywhere, `drawSeed` gives one, and the result says which it
 * was. `origins` say where each came from.
 */
export function resolveSampling(
  request: SamplingInput,
  defaults: readonly SamplingLayer<SamplingOrigin>[],
  options: { readonly contextLength: number; readonly vocabSize: number; readonly drawSeed: () => bigint },
): { readonly values: SamplingParams; readonly origins: Readonly<Record<SamplingKey, SamplingOrigin>> } {
  const { contextLength, vocabSize } = options;
  for (const field of ["maxTokens", "minTokens"] as const) {
    const asked = request[field];
    if (typeof asked === "number" && asked > contextLength) {
      throw refused(field, asked, `at most the context of ${contextLength} tokens`);
    }
  }
  requireTokens("stopTokenIds", request.stopTokenIds ?? [], vocabSize);
  requireTokens("logitBias", (request.logitBias ?? []).map(({ tokenId }) => tokenId), vocabSize);
  const { values, origins } = layerSampling([{ origin: "REQUEST", values: request }, ...defaults]);
  const maxTokens = Math.min(values.maxTokens, contextLength);
  if (values.minTokens > maxTokens && origins.minTokens === "REQUEST") {
    throw refused("minTokens", values.minTokens, `at most maxTokens, which is ${maxTokens}`);
  }
  const resolved = {
    ...values,
    maxTokens,
    minTokens: Math.min(values.minTokens, maxTokens),
    stopTokenIds: values.stopTokenIds.filter((id) => id < vocabSize),
    logitBias: values.logitBias.filter(({ tokenId }) => tokenId < vocabSize),
    seed: origins.seed === "BUILT_IN" ? options.drawSeed() : values.seed,
  };
  return { values: resolved, origins };
}

function requireTokens(field: SamplingKey, ids: readonly number[], vocabSize: number): void {
  const wrong = ids.findIndex((id) => id >= vocabSize);
  if (wrong >= 0) throw refused(`${field}[${wrong}]`, ids[wrong], `a token id, 0 … ${vocabSize - 1}`);
}

/**
 * What a checkpoint's generation_config.json recommends. It was written for another runtime, so a value outside our
 * ranges is no error: it is left out. `do_sample: false` means greedy.
 */
export function samplingOfCheckpoint(config: GenerationConfig | null): SamplingInput {
  if (config === null) return {};
  const candidates: readonly (readonly [SamplingKey, number | null])[] = [
    ["temperature", config.doSample === false ? 0 : config.temperature],
    ["topK", config.topK],
    ["topP", config.topP],
    ["minP", config.minP],
    ["repetitionPenalty", config.repetitionPenalty],
    ["maxTokens", config.maxNewTokens],
  ];
  const values: Record<string, unknown> = {};
  for (const [field, value] of candidates) {
    try {
      if (value !== null) values[field] = parseField(field, value);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
    }
  }
  return values as SamplingInput;
}

function isSamplingKey(field: string): field is SamplingKey {
  return Object.hasOwn(PARSERS, field);
}

function parseField<K extends SamplingKey>(field: K, value: unknown): SamplingParams[K] {
  return PARSERS[field](field, value);
}

function number(
  field: Exclude<SamplingKey, "logitBias" | "constraint" | "stop" | "stopTokenIds" | "ignoreEos" | "seed">,
  value: unknown,
): number {
  const range: Range = SAMPLING_LIMITS[field];
  if (typeof value !== "number" || !inRange(value, range)) throw refused(field, value, describe(range));
  return value;
}

function integer(field: "topK" | "maxTokens" | "minTokens" | "logprobs", value: unknown): number {
  const range: Range = SAMPLING_LIMITS[field];
  if (!Number.isInteger(value)) throw refused(field, value, `an integer, ${describe(range)}`);
  return number(field, value);
}

function boolean(field: SamplingKey, value: unknown): boolean {
  if (typeof value !== "boolean") throw refused(field, value, "true or false");
  return value;
}

function seed(field: SamplingKey, value: unknown): bigint {
  const { min, max } = SAMPLING_LIMITS.seed;
  const wide = typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof wide !== "bigint" || wide < min || wide > max) {
    throw refused(field, value, `an integer, ${min} … ${max}`);
  }
  return wide;
}

function stopStrings(field: SamplingKey, value: unknown): readonly string[] {
  const { maxItems, maxLength } = SAMPLING_LIMITS.stop;
  const allowed = `at most ${maxItems} strings of 1 … ${maxLength} characters`;
  if (!Array.isArray(value) || value.length > maxItems) throw refused(field, value, allowed);
  return value.map((item: unknown, index) => {
    if (typeof item !== "string" || item === "" || [...item].length > maxLength) {
      throw refused(`${field}[${index}]`, item, allowed);
    }
    return item;
  });
}

function stopTokenIds(field: SamplingKey, value: unknown): readonly number[] {
  const { maxItems } = SAMPLING_LIMITS.stopTokenIds;
  const allowed = `at most ${maxItems} token ids`;
  if (!Array.isArray(value) || value.length > maxItems) throw refused(field, value, allowed);
  return value.map((item: unknown, index) => {
    if (!isTokenId(item)) throw refused(`${field}[${index}]`, item, allowed);
    return item;
  });
}

function logitBias(field: SamplingKey, value: unknown): readonly LogitBias[] {
  const { maxItems, bias: range } = SAMPLING_LIMITS.logitBias;
  const allowed = `at most ${maxItems} pairs of a token id and a bias, ${describe(range)}, each id once`;
  if (!Array.isArray(value) || value.length > maxItems) throw refused(field, value, allowed);
  const ids = new Set<number>();
  return value.map((item: unknown, index) => {
    const entry = `${field}[${index}]`;
    if (typeof item !== "object" || item === null || !("tokenId" in item) || !("bias" in item)) {
      throw refused(entry, item, allowed);
    }
    const { tokenId, bias } = item;
    if (!isTokenId(tokenId) || ids.has(tokenId)) throw refused(`${entry}.tokenId`, tokenId, allowed);
    if (typeof bias !== "number" || !inRange(bias, range)) throw refused(`${entry}.bias`, bias, allowed);
    ids.add(tokenId);
    return { tokenId, bias };
  });
}

function isTokenId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_TOKEN_ID;
}

function inRange(value: number, range: Range): boolean {
  // Written so that NaN fails every comparison.
  const above = range.minExclusive === undefined ? value >= range.min! : value > range.minExclusive;
  return above && value <= range.max;
}

function describe(range: Range): string {
  return range.minExclusive === undefined
    ? `${range.min} … ${range.max}`
    : `more than ${range.minExclusive}, at most ${range.max}`;
}

function refused(field: string, found: unknown, allowed: string, what = "Invalid"): ConfigError {
  const shown = show(found);
  return new ConfigError(`${what} sampling parameter "${field}": found ${shown}, expected ${allowed}`, {
    field,
    found: shown,
    allowed,
  });
}

/** Short, and without throwing: this is a stranger's value. */
function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return String(value);
}
