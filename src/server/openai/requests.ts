/**
 * Requests in the OpenAI shape, read into the use cases' own. The sampling parameters that other servers add are taken
 * under their usual names: top_k, min_p, typical_p, repetition_penalty, min_tokens, stop_token_ids, ignore_eos.
 */
import { z } from "zod";
import type {
  ChatMessage,
  GenerateInput,
  MessageRole,
  PromptSource,
  SamplingInput,
} from "../../app/types.ts";
import { RequestError } from "./errors.ts";
import { requireKnownFields, unsupported } from "./fields.ts";
import { describeIssue } from "./issues.ts";
import type { SentNames } from "./parameters.ts";

/** What one request asks for, whichever endpoint it came to. */
export interface CompletionRequest {
  readonly input: GenerateInput;
  /** The model by the name the client used. */
  readonly model: string;
  readonly stream: boolean;
  /** A last chunk with the usage. */
  readonly includeUsage: boolean;
  readonly logprobs: boolean;
  readonly sent: SentNames;
}

const ROLES: Readonly<Record<string, MessageRole>> = {
  system: "SYSTEM",
  developer: "SYSTEM",
  user: "USER",
  assistant: "ASSISTANT",
};

const textPart = z.object({ type: z.literal("text"), text: z.string() });
/** Clients may keep an answer that has no text as null. */
const message = z.object({
  role: z.enum(Object.keys(ROLES)),
  content: z.union([z.string(), z.array(textPart)]).nullish(),
}).refine(({ role, content }) => role === "assistant" || (content !== null && content !== undefined), {
  path: ["content"],
});

const optional = <T extends z.ZodType>(type: T) => type.nullish();
const sampling = {
  temperature: optional(z.number()),
  top_p: optional(z.number()),
  top_k: optional(z.int()),
  min_p: optional(z.number()),
  typical_p: optional(z.number()),
  presence_penalty: optional(z.number()),
  frequency_penalty: optional(z.number()),
  repetition_penalty: optional(z.number()),
  max_tokens: optional(z.int()),
  // Of chats; some clients send it beside the other one to either endpoint.
  max_completion_tokens: optional(z.int()),
  min_tokens: optional(z.int()),
  stop: optional(z.union([z.string(), z.array(z.string())])),
  stop_token_ids: optional(z.array(z.int())),
  ignore_eos: optional(z.boolean()),
  seed: optional(z.int()),
  logit_bias: optional(z.record(z.string().regex(/^\d{1,10}$/), z.number())),
  response_format: optional(z.discriminatedUnion("type", [
    z.object({ type: z.literal("text") }),
    z.object({ type: z.literal("json_object") }),
    z.object({ type: z.literal("json_schema"), json_schema: z.object({ schema: z.looseObject({}) }) }),
  ])),
};
const common = {
  model: z.string().min(1),
  stream: optional(z.boolean()),
  stream_options: optional(z.object({ include_usage: optional(z.boolean()) })),
  n: optional(z.literal(1)),
  ...sampling,
};
const chatSchema = z.object({
  ...common,
  messages: z.array(message).min(1),
  logprobs: optional(z.boolean()),
  top_logprobs: optional(z.int()),
});
const tokenIds = z.array(z.int()).min(1);
const textSchema = z.object({
  ...common,
  prompt: z.union([
    z.string(),
    z.array(z.string()).length(1),
    tokenIds,
    z.array(tokenIds).length(1),
  ]),
  // Clients that know the field of chats send it with that one's value, too.
  logprobs: z.preprocess((value) => value === false ? null : value, optional(z.int())),
  best_of: optional(z.literal(1)),
  echo: optional(z.literal(false)),
  suffix: optional(z.literal("")),
});
type Sampling = z.infer<z.ZodObject<typeof sampling>>;

/** Of a message: would change the answer, and is not carried out. */
const UNSUPPORTED_IN_MESSAGE = [
  "tool_calls",
  "function_call",
  "tool_call_id",
  "audio",
  "refusal",
  "prefix",
] as const;

const SAYS_NOTHING: ReadonlySet<unknown> = new Set([undefined, null, "", false]);

/** Any JSON object; without a schema the names of its properties are the model's choice. */
const ANY_OBJECT = '{"type":"object","additionalProperties":true}';

/** `POST /v1/chat/completions`. Throws RequestError. */
export function readChatRequest(body: unknown, idempotencyKey: string | null): CompletionRequest {
  const parsed = parse(chatSchema, body, checkMessages);
  const { top_logprobs: top, logprobs } = parsed;
  if (typeof top === "number" && top !== 0 && logprobs !== true) {
    throw new RequestError("top_logprobs", "Invalid top_logprobs: expected logprobs to be true beside it");
  }
  const messages = parsed.messages.map(toMessage);
  return requestOf(parsed, { messages }, {
    ...samplingOf(parsed),
    logprobs: logprobs === true ? top ?? 0 : undefined,
  }, {
    idempotencyKey,
    sent: { maxTokens: sentMaxTokens(parsed), logprobs: "top_logprobs", prompt: "messages" },
  });
}

/** `POST /v1/completions`: continues a text as it stands. Throws RequestError. */
export function readTextRequest(body: unknown, idempotencyKey: string | null): CompletionRequest {
  const parsed = parse(textSchema, body);
  return requestOf(parsed, toPrompt(parsed.prompt), {
    ...samplingOf(parsed),
    logprobs: parsed.logprobs,
  }, { idempotencyKey, sent: { maxTokens: sentMaxTokens(parsed), logprobs: "logprobs", prompt: "prompt" } });
}

function sentMaxTokens({ max_completion_tokens: newer }: Sampling): SentNames["maxTokens"] {
  return typeof newer === "number" ? "max_completion_tokens" : "max_tokens";
}

function toPrompt(prompt: z.infer<typeof textSchema>["prompt"]): PromptSource {
  if (typeof prompt === "string") return { raw: prompt };
  const [first] = prompt;
  if (typeof first === "string") return { raw: first };
  return { tokenIds: typeof first === "object" ? first : prompt as readonly number[] };
}

function toMessage({ role, content }: z.infer<typeof message>): ChatMessage {
  const text = typeof content === "string" ? content : content?.map((part) => part.text).join("");
  return { role: ROLES[role]!, content: text ?? "" };
}

function samplingOf(given: Sampling): SamplingInput {
  const { stop, seed, logit_bias: bias, response_format: format } = given;
  return {
    temperature: given.temperature,
    topP: given.top_p,
    topK: given.top_k === -1 ? 0 : given.top_k, // another server's word for all tokens
    minP: given.min_p,
    typicalP: given.typical_p,
    presencePenalty: given.presence_penalty,
    frequencyPenalty: given.frequency_penalty,
    repetitionPenalty: given.repetition_penalty,
    maxTokens: given.max_completion_tokens ?? given.max_tokens,
    minTokens: given.min_tokens,
    stop: typeof stop === "string" ? [stop] : stop,
    stopTokenIds: given.stop_token_ids,
    ignoreEos: given.ignore_eos,
    // Seeds are 64 bits here; negative ones are those bits, too.
    seed: seed === null || seed === undefined ? seed : BigInt.asUintN(64, BigInt(seed)),
    logitBias: bias === null || bias === undefined
      ? bias
      : Object.entries(bias).map(([id, bias]) => ({ tokenId: Number(id), bias })),
    constraint: format?.type === "json_object"
      ? { jsonSchema: ANY_OBJECT }
      : format?.type === "json_schema"
      ? { jsonSchema: JSON.stringify(format.json_schema.schema) }
      : undefined,
  };
}

function requestOf(
  parsed: z.infer<z.ZodObject<typeof common>> & { readonly logprobs?: unknown },
  prompt: PromptSource,
  sampling: SamplingInput,
  { idempotencyKey, sent }: { readonly idempotencyKey: string | null; readonly sent: SentNames },
): CompletionRequest {
  // Null means "as if it were absent" to these clients, but "no default either" to the use cases.
  const given = Object.fromEntries(Object.entries(sampling).filter(([, value]) => value !== null));
  return {
    input: {
      model: { name: parsed.model },
      prompt,
      sampling: given,
      onDisconnect: "CANCEL",
      // Who has left cannot come back to this answer, except by the same key.
      ...idempotencyKey === null ? { disconnectGraceMs: 0 } : { idempotencyKey },
    },
    model: parsed.model,
    stream: parsed.stream === true,
    includeUsage: parsed.stream_options?.include_usage === true,
    logprobs: typeof parsed.logprobs === "number" || parsed.logprobs === true,
    sent,
  };
}

function parse<S extends z.ZodObject>(
  schema: S,
  body: unknown,
  check: (body: Readonly<Record<string, unknown>>) => void = () => {},
): z.infer<S> {
  if (!isObject(body)) throw new RequestError(null, "Invalid request: expected a JSON object");
  requireKnownFields(body, Object.keys(schema.shape));
  check(body);
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const { param, message } = describeIssue(result.error.issues[0]!, body);
  throw new RequestError(param, message);
}

/** What a union of shapes would only call invalid. */
function checkMessages({ messages }: Readonly<Record<string, unknown>>): void {
  if (!Array.isArray(messages)) return;
  for (const [index, message] of messages.entries()) {
    if (!isObject(message)) continue;
    const at = `messages[${index}]`;
    if (message["role"] === "tool" || message["role"] === "function") throw unsupported(`${at}.role`);
    for (const field of UNSUPPORTED_IN_MESSAGE) {
      const value = message[field];
      const isSaid = Array.isArray(value) ? value.length > 0 : !SAYS_NOTHING.has(value);
      if (isSaid) throw unsupported(`${at}.${field}`);
    }
    if (!Array.isArray(message["content"])) continue;
    const part = message["content"].findIndex((part) => isObject(part) && part["type"] !== "text");
    if (part >= 0) throw unsupported(`${at}.content[${part}].type`);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
