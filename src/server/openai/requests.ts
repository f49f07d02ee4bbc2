/**
 * Requests in the OpenAI shape, read into the use cases' own. What is not carried out is refused by name, rather than
 * passed over: a client that asked for tools or for four answers must not get one without. Fields that change no token
 * (`user`, `metadata`, `store`, …) are passed over. The sampling parameters that other servers add are taken under their
 * usual names: top_k, min_p, typical_p, repetition_penalty, min_tokens, stop_token_ids, ignore_eos.
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

/** What one request asks for, whichever endpoint it came to. */
export interface CompletionRequest {
  readonly input: GenerateInput;
  /** The model by the name the client used. */
  readonly model: string;
  readonly stream: boolean;
  /** A last chunk with the usage. */
  readonly includeUsage: boolean;
  readonly logprobs: boolean;
}

const ROLES: Readonly<Record<string, MessageRole>> = {
  system: "SYSTEM",
  developer: "SYSTEM",
  user: "USER",
  assistant: "ASSISTANT",
};

const textPart = z.object({ type: z.literal("text"), text: z.string() });
const message = z.object({
  role: z.enum(Object.keys(ROLES)),
  content: z.union([z.string(), z.array(textPart)]),
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
  max_completion_tokens: optional(z.int()),
  logprobs: optional(z.boolean()),
  top_logprobs: optional(z.int()),
});
const textSchema = z.object({
  ...common,
  prompt: z.union([z.string(), z.array(z.string()).length(1), z.array(z.int()).min(1)]),
  logprobs: optional(z.int()),
  best_of: optional(z.literal(1)),
  echo: optional(z.literal(false)),
  suffix: optional(z.literal("")),
});
type Sampling = z.infer<z.ZodObject<typeof sampling>>;

/** Would change the answer, and is not carried out. Empty lists and these values say nothing. */
const UNSUPPORTED: Readonly<Record<string, readonly unknown[]>> = {
  tools: [],
  tool_choice: ["none", "auto"],
  functions: [],
  function_call: ["none", "auto"],
  audio: [],
  prediction: [],
  web_search_options: [],
};
/** Any JSON object; without a schema the names of its properties are the model's choice. */
const ANY_OBJECT = '{"type":"object","additionalProperties":true}';

/** `POST /v1/chat/completions`. Throws RequestError. */
export function readChatRequest(body: unknown, idempotencyKey: string | null): CompletionRequest {
  const parsed = parse(chatSchema, body);
  const { top_logprobs: top, logprobs } = parsed;
  if (top !== null && top !== undefined && logprobs !== true) {
    throw new RequestError("top_logprobs", "Invalid top_logprobs: expected logprobs to be true beside it");
  }
  const messages = parsed.messages.map(toMessage);
  return requestOf(parsed, { messages }, {
    ...samplingOf(parsed),
    maxTokens: parsed.max_completion_tokens ?? parsed.max_tokens,
    logprobs: logprobs === true ? top ?? 0 : undefined,
  }, idempotencyKey);
}

/** `POST /v1/completions`: continues a text as it stands. Throws RequestError. */
export function readTextRequest(body: unknown, idempotencyKey: string | null): CompletionRequest {
  const parsed = parse(textSchema, body);
  return requestOf(parsed, toPrompt(parsed.prompt), {
    ...samplingOf(parsed),
    maxTokens: parsed.max_tokens,
    logprobs: parsed.logprobs,
  }, idempotencyKey);
}

function toPrompt(prompt: z.infer<typeof textSchema>["prompt"]): PromptSource {
  if (typeof prompt === "string") return { raw: prompt };
  const [first] = prompt;
  return typeof first === "string" ? { raw: first } : { tokenIds: prompt as readonly number[] };
}

function toMessage({ role, content }: z.infer<typeof message>): ChatMessage {
  const text = typeof content === "string" ? content : content.map((part) => part.text).join("");
  return { role: ROLES[role]!, content: text };
}

function samplingOf(given: Sampling): SamplingInput {
  const { stop, seed, logit_bias: bias, response_format: format } = given;
  return {
    temperature: given.temperature,
    topP: given.top_p,
    topK: given.top_k,
    minP: given.min_p,
    typicalP: given.typical_p,
    presencePenalty: given.presence_penalty,
    frequencyPenalty: given.frequency_penalty,
    repetitionPenalty: given.repetition_penalty,
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
  idempotencyKey: string | null,
): CompletionRequest {
  // Null means "as if it were absent" to these clients, but "no default either" to the use cases.
  const given = Object.fromEntries(Object.entries(sampling).filter(([, value]) => value !== null));
  return {
    input: {
      model: { name: parsed.model },
      prompt,
      sampling: given,
      onDisconnect: "CANCEL",
      ...idempotencyKey === null ? {} : { idempotencyKey },
    },
    model: parsed.model,
    stream: parsed.stream === true,
    includeUsage: parsed.stream_options?.include_usage === true,
    logprobs: typeof parsed.logprobs === "number" || parsed.logprobs === true,
  };
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new RequestError(null, "Invalid request: expected a JSON object");
  }
  for (const [field, harmless] of Object.entries(UNSUPPORTED)) {
    const value = (body as Record<string, unknown>)[field];
    const isEmpty = value === undefined || value === null || (Array.isArray(value) && value.length === 0);
    if (isEmpty || harmless.includes(value)) continue;
    throw new RequestError(field, `Unsupported parameter: ${field} is not carried out by this gateway`);
  }
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const param = issue.path.join(".");
  throw new RequestError(param, `Invalid ${param}: ${issue.message}`);
}
