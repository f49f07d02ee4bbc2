/** Sampling parameters as a form shows them: the range of each, what is in force, and where that comes from. */
import { SAMPLING_LIMITS } from "../model/sampling.ts";
import { SAMPLING_KEYS } from "./sampling.ts";
import type { SamplingDefaults, SamplingKey, SamplingParameter } from "./types.ts";

const TYPES: Readonly<Record<SamplingKey, SamplingParameter["type"]>> = {
  temperature: "NUMBER",
  topK: "INTEGER",
  topP: "NUMBER",
  minP: "NUMBER",
  typicalP: "NUMBER",
  repetitionPenalty: "NUMBER",
  presencePenalty: "NUMBER",
  frequencyPenalty: "NUMBER",
  logitBias: "LOGIT_BIAS",
  constraint: "CONSTRAINT",
  maxTokens: "INTEGER",
  minTokens: "INTEGER",
  stop: "STRINGS",
  stopTokenIds: "INTEGERS",
  ignoreEos: "BOOLEAN",
  seed: "INTEGER",
  logprobs: "INTEGER",
};

interface Limits {
  readonly min?: number | bigint;
  readonly minExclusive?: number;
  readonly max?: number | bigint;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly bias?: { readonly min: number; readonly max: number };
}

/** `contextLength` bounds what counts tokens; null where no model is meant. */
export function describeParameters(
  { values, origins }: SamplingDefaults,
  contextLength: number | null,
): readonly SamplingParameter[] {
  const all: { readonly [K in SamplingKey]?: Limits } = SAMPLING_LIMITS;
  return SAMPLING_KEYS.map((name) => {
    const limits = all[name] ?? {};
    const range = limits.bias ?? limits;
    const counts = name === "maxTokens" || name === "minTokens";
    const max = counts && contextLength !== null ? contextLength : limits.bias?.max ?? limits.max ?? null;
    const isDrawn = name === "seed" && origins.seed === "BUILT_IN";
    const isOff = name === "logprobs" && values.logprobs < 0;
    return {
      name,
      type: TYPES[name],
      min: limits.minExclusive ?? range.min ?? null,
      max,
      minExclusive: limits.minExclusive !== undefined,
      maxItems: limits.maxItems ?? null,
      maxLength: limits.maxLength ?? null,
      value: isDrawn || isOff
        ? null
        : counts && contextLength !== null
        ? Math.min(values[name] as number, contextLength)
        : values[name],
      origin: origins[name],
    };
  });
}
