/** What parameters are called: the use cases' names, in errors, become those that the client sent. */
import { ConfigError } from "../../errors.ts";

/** By the use cases' name. */
const NAMES: Readonly<Record<string, string>> = {
  topP: "top_p",
  topK: "top_k",
  minP: "min_p",
  typicalP: "typical_p",
  presencePenalty: "presence_penalty",
  frequencyPenalty: "frequency_penalty",
  repetitionPenalty: "repetition_penalty",
  minTokens: "min_tokens",
  stopTokenIds: "stop_token_ids",
  ignoreEos: "ignore_eos",
  logitBias: "logit_bias",
  idempotencyKey: "Idempotency-Key",
  "constraint.jsonSchema": "response_format.json_schema.schema",
  constraint: "response_format",
  "prompt.raw": "prompt",
  "prompt.tokenIds": "prompt",
  "prompt.messages": "messages",
  tokenIds: "prompt",
};

/** Names that depend on the request. */
export interface SentNames {
  readonly maxTokens: "max_tokens" | "max_completion_tokens";
  readonly logprobs: "logprobs" | "top_logprobs";
  /** What an error is about that names no field. */
  readonly prompt: "messages" | "prompt";
}

/** What is wrong with a parameter in the client's words; other errors as they are. */
export function inSentNames(error: unknown, sent: SentNames): unknown {
  if (!(error instanceof ConfigError)) return error;
  const names: Readonly<Record<string, string>> = {
    ...NAMES,
    maxTokens: sent.maxTokens,
    logprobs: sent.logprobs,
  };
  const { field } = error.details;
  const param = typeof field === "string" ? renamed(field, names) : sent.prompt;
  // Longer names first, so that no part of one is taken for another.
  const words = Object.keys(names).sort((a, b) => b.length - a.length).map((name) =>
    name.replace(".", "\\.")
  );
  const message = error.message.replace(
    new RegExp(`\\b(${words.join("|")})\\b`, "g"),
    (name) => names[name] ?? name,
  );
  return new ConfigError(message, { ...error.details, field: param }, { cause: error });
}

function renamed(field: string, names: Readonly<Record<string, string>>): string {
  const [, name = field, rest = ""] = /^((?:prompt|constraint)\.\w+|\w+)(.*)$/.exec(field) ?? [];
  const to = names[name] ?? name;
  // A client sends biases as an object, by token.
  return to === "logit_bias" ? to : to + rest;
}
