/** The sampling parameters as forms show them. Which there are, their bounds and defaults, the gateway says. */
import type { ParameterFragment, SamplingInput } from "../operations/generated.ts";

export type Parameter = ParameterFragment;
export type SamplingDraft = Partial<Record<keyof SamplingInput, unknown>>;

const LABELS: Readonly<Record<string, string>> = {
  topP: "Top p",
  topK: "Top k",
  minP: "Min p",
  typicalP: "Typical p",
  maxTokens: "Most tokens",
  minTokens: "Least tokens",
  logprobs: "Alternatives",
  stop: "Stop strings",
  stopTokenIds: "Stop token ids",
  ignoreEos: "Ignore the end",
  logitBias: "Logit bias",
};
/** Where a slider helps: its step, and its end where nothing bounds the value. */
const SLIDERS: Readonly<Record<string, readonly [step: number, end?: number]>> = {
  temperature: [0.05],
  topP: [0.01],
  topK: [1, 200],
  minP: [0.01],
  typicalP: [0.01],
  repetitionPenalty: [0.05],
  presencePenalty: [0.1],
  frequencyPenalty: [0.1],
  logprobs: [1],
};
/** In this order; what is not named here comes last. */
const ORDER = [
  "temperature",
  "topP",
  "topK",
  "minP",
  "typicalP",
  "repetitionPenalty",
  "presencePenalty",
  "frequencyPenalty",
];

export const ORIGINS: Readonly<Record<string, string>> = {
  BUILT_IN: "built in",
  CHECKPOINT: "checkpoint",
  GATEWAY: "gateway",
  MODEL: "this model",
  REQUEST: "request",
};

export function ordered(parameters: readonly Parameter[]): readonly Parameter[] {
  const rank = ({ name }: Parameter) => ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length;
  return [...parameters].sort((a, b) => rank(a) - rank(b));
}

/** repetitionPenalty is "Repetition penalty". */
export function labelOf(name: string): string {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return LABELS[name] ?? words[0]!.toUpperCase() + words.slice(1);
}

export function sliderOf({ name, min, max }: Parameter): { min: number; max: number; step: number } | null {
  const [step, end] = SLIDERS[name] ?? [];
  if (step === undefined || min === null) return null;
  return { min: Number(min), max: Math.min(end ?? Infinity, Number(max ?? end)), step };
}

/** The range as people read it. */
export function rangeOf({ min, max, minExclusive, maxItems }: Parameter): string {
  const from = min === null ? "" : minExclusive ? `above ${min}` : max === null ? `from ${min}` : min;
  const range = max === null
    ? from
    : from === ""
    ? `up to ${max}`
    : minExclusive
    ? `${from}, up to ${max}`
    : `${from} to ${max}`;
  return [range, maxItems === null ? "" : `at most ${maxItems}`].filter(Boolean).join(", ");
}

/** The value that a text stands for; undefined where it stands for none. */
export function parsed({ type, name }: Parameter, text: string): unknown {
  const trimmed = text.trim();
  switch (type) {
    case "STRINGS": {
      const lines = text.split("\n").filter((each) => each !== "");
      return lines.length === 0 ? undefined : lines;
    }
    case "INTEGERS": {
      const ids = trimmed.split(/[\s,]+/).filter(Boolean).map(Number);
      return ids.length === 0 || ids.some((id) => !Number.isInteger(id)) ? undefined : ids;
    }
    case "CONSTRAINT":
    case "LOGIT_BIAS":
      return json(trimmed);
    case "INTEGER":
      if (!/^-?\d+$/.test(trimmed)) return undefined;
      // Seeds are larger than a number can hold.
      return name === "seed" ? trimmed : Number(trimmed);
    case "NUMBER":
      return trimmed === "" || Number.isNaN(Number(trimmed)) ? undefined : Number(trimmed);
    case "BOOLEAN":
      return trimmed === "true";
  }
}

function json(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A value as it is written into its field. */
export function written(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value) && value.every((each) => typeof each === "number")) return value.join(" ");
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value.join("\n");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** A default or a change, given as JSON text, as it stands in a sentence. */
export function shown(text: string | null | undefined): string {
  if (text === null || text === undefined || text === "null") return "not set";
  return text === "[]"
    ? "none"
    : text === "true"
    ? "yes"
    : text === "false"
    ? "no"
    : text.replace(/^"(\d+)"$/, "$1");
}
