/**
 * Sampling parameters as options: `topP` is `--top-p`. Values are held to the same ranges as requests and defaults, by
 * the same validator.
 */
import { resolve } from "node:path";
import { CONSTRAINT_LIMITS } from "../constraint/constraint.ts";
import { parseSampling } from "../app/sampling.ts";
import type { SamplingInput, SamplingKey } from "../app/types.ts";
import { ConfigError, GeodesicError } from "../errors.ts";
import type { LogitBias } from "../model/sampling.ts";
import type { Invocation, OptionSpec } from "./command.ts";
import { readTextFile } from "./read_file.ts";

interface SamplingOption extends OptionSpec {
  readonly key: SamplingKey;
  /** Throws SyntaxError where the text is not of the right kind; ranges are the validator's business. */
  readonly parse: (text: string) => unknown;
}

const number = (key: SamplingKey, description: string): SamplingOption => ({
  key,
  description,
  type: "string",
  value: "X",
  parse: parseNumber,
});
const count = (key: SamplingKey, description: string): SamplingOption => ({
  ...number(key, description),
  value: "N",
});

const OPTIONS: Readonly<Record<string, SamplingOption>> = {
  temperature: number("temperature", "0 always takes the likeliest token"),
  "top-k": count("topK", "Sample among the k likeliest tokens; 0: all"),
  "top-p": number("topP", "Sample among the likeliest tokens that hold this mass; 1: all"),
  "min-p": number("minP", "Drop tokens with less than this share of the likeliest one's probability"),
  "typical-p": number("typicalP", "Locally typical sampling, the mass to keep; 1: off"),
  "repetition-penalty": number("repetitionPenalty", "Make tokens that have occurred less likely; 1: off"),
  "presence-penalty": number("presencePenalty", "Taken off the logit of tokens in the output"),
  "frequency-penalty": number("frequencyPenalty", "Taken off the logit for each time in the output"),
  "max-tokens": count("maxTokens", "Generate at most this many tokens"),
  "min-tokens": count("minTokens", "Do not stop before this many tokens"),
  seed: { ...count("seed", "The same seed gives the same tokens"), parse: parseSeed },
  logprobs: count("logprobs", "Report this many likeliest tokens at each step (with --json)"),
};
const STOP: OptionSpec = {
  type: "string",
  multiple: true,
  value: "TEXT",
  description: "End before this text; repeatable",
};
const STOP_IDS: OptionSpec = { type: "string", value: "1,2,…", description: "End at these token ids" };
const JSON_SCHEMA: OptionSpec = {
  type: "string",
  value: "FILE|TEXT",
  description: "Answer with JSON that is valid by this schema; text begins with {",
};
const REGEX: OptionSpec = { type: "string", value: "RE", description: "Answer with a match of all of it" };
const CHOICE: OptionSpec = {
  type: "string",
  multiple: true,
  value: "TEXT",
  description: "Answer with one of the choices; repeatable",
};
const LOGIT_BIAS: OptionSpec = {
  type: "string",
  multiple: true,
  value: "ID=X",
  description: "Add X to the logit of a token; repeatable",
};
const IGNORE_EOS: OptionSpec = { type: "boolean", description: "Do not stop at the end-of-sequence token" };

export const samplingOptions: Readonly<Record<string, OptionSpec>> = {
  ...OPTIONS,
  stop: STOP,
  "stop-token-ids": STOP_IDS,
  "ignore-eos": IGNORE_EOS,
  "logit-bias": LOGIT_BIAS,
  "json-schema": JSON_SCHEMA,
  regex: REGEX,
  choice: CHOICE,
};

/** What the command line sets. Throws UsageError that names the option. */
export async function parseSamplingOptions(invocation: Invocation): Promise<SamplingInput> {
  const given: Partial<Record<SamplingKey, unknown>> = {};
  for (const [name, { key, parse }] of Object.entries(OPTIONS)) {
    const text = invocation.text(name);
    if (text !== undefined) given[key] = explained(invocation, name, () => parse(text));
  }
  const stop = invocation.texts("stop");
  if (stop.length > 0) given.stop = stop;
  const stopIds = invocation.text("stop-token-ids");
  if (stopIds !== undefined) {
    given.stopTokenIds = explained(invocation, "stop-token-ids", () => parseTokenIds(stopIds));
  }
  const biases = invocation.texts("logit-bias");
  if (biases.length > 0) given.logitBias = biases.map((text) => parseBias(invocation, text));
  if (invocation.flag("ignore-eos")) given.ignoreEos = true;
  const constraint = await parseConstraintOptions(invocation);
  if (constraint !== undefined) given.constraint = constraint;
  try {
    return parseSampling(given);
  } catch (error) {
    throw error instanceof ConfigError ? invocation.usageError(inOptions(error).message) : error;
  }
}

/** How the API calls what options give; the prompt's are not sampling parameters, but come from the same command line. */
const OPTION_OF_FIELD: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(OPTIONS).map(([option, { key }]) => [key, `--${option}`])),
  ...{
    stop: "--stop",
    stopTokenIds: "--stop-token-ids",
    ignoreEos: "--ignore-eos",
    logitBias: "--logit-bias",
  },
  ...{ "constraint.jsonSchema": "--json-schema", "constraint.regex": "--regex" },
  ...{ "constraint.choice": "--choice", "prompt.text": "--prompt", "prompt.raw": "--prompt" },
  "prompt.tokenIds": "--prompt-ids",
};

/** An error about a value that an option gave, in words that name the option; `details.field` stays the API's. */
export function inOptions(error: GeodesicError): GeodesicError {
  const { field } = error.details;
  const [, name = "", place = ""] = /^((?:constraint\.|prompt\.)?\w+)(.*)$/.exec(String(field)) ?? [];
  const option = OPTION_OF_FIELD[name];
  if (option === undefined) return error;
  const message = error.message
    .replace(`sampling parameter "${field}"`, option + place)
    .replace(`prompt: ${String(field).replace(/^prompt\./, "")}:`, `${option + place}:`)
    .replace("at most maxTokens,", "at most --max-tokens,");
  return new GeodesicError(error.code, message, { ...error.details, option }, { cause: error });
}

/** "1, 2,3" → ids. Throws SyntaxError for anything but whole numbers. */
export function parseTokenIds(text: string): readonly number[] {
  return text.split(",").map((part) => {
    if (!/^\s*\d{1,10}\s*$/.test(part)) throw new SyntaxError("token ids, such as 1,2,3");
    return Number(part);
  });
}

/** Runs a parser; its SyntaxError says what would have been right. */
export function explained<T>(invocation: Invocation, name: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invocation.usageError(`--${name} is "${invocation.text(name)}", expected ${error.message}`);
  }
}

/** What is wrong with it, the validator says. Throws UsageError where there are two. */
async function parseConstraintOptions(invocation: Invocation): Promise<unknown> {
  const schema = invocation.text("json-schema");
  const regex = invocation.text("regex");
  const choice = invocation.texts("choice");
  const kinds = [schema !== undefined, regex !== undefined, choice.length > 0].filter(Boolean).length;
  if (kinds === 0) return undefined;
  if (kinds > 1) throw invocation.usageError("Give only one of --json-schema, --regex and --choice");
  return {
    jsonSchema: schema === undefined ? undefined : await readSchema(invocation, schema),
    regex,
    choice: choice.length === 0 ? undefined : choice,
  };
}

async function readSchema({ terminal }: Invocation, given: string): Promise<string> {
  if (/^\s*\{/.test(given)) return given;
  const maxBytes = 4 * CONSTRAINT_LIMITS.jsonSchema.maxLength;
  return await readTextFile(resolve(terminal.userDir, given), { what: "JSON schema", maxBytes });
}

function parseBias(invocation: Invocation, text: string): LogitBias {
  const [, id, bias] = /^(\d{1,10})=(-?\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (id !== undefined) return { tokenId: Number(id), bias: Number(bias) };
  throw invocation.usageError(`--logit-bias is "${text}", expected a token id and a number, such as 42=-5`);
}

function parseNumber(text: string): number {
  const value = text.trim() === "" ? NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw new SyntaxError("a number");
}

function parseSeed(text: string): bigint {
  if (/^\d{1,20}$/.test(text)) return BigInt(text);
  throw new SyntaxError("a whole number from 0 to 2^64 - 1");
}
