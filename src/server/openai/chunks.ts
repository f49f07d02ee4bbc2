/** Answers in the OpenAI shapes: of a chat and of a plain completion, whole and in chunks. */
import type { EventToken, FinishReason, Generation, Usage } from "../../app/types.ts";
import type { CompletionRequest } from "./requests.ts";

/** What one generation looks like to its client. Chunks are plain JSON objects. */
export interface AnswerShape {
  /** Sent first in a stream, before any token; null where the shape has no such thing. */
  opening(): unknown;
  piece(text: string, tokens: readonly EventToken[]): unknown;
  closing(reason: FinishReason): unknown;
  /** The last chunk of a stream that was asked to tell its usage. */
  usage(usage: Usage): unknown;
  whole(text: string, tokens: readonly EventToken[], reason: FinishReason, usage: Usage): unknown;
}

interface Facts {
  readonly generation: Generation;
  readonly request: CompletionRequest;
}

const encoder = new TextEncoder();

/** `chat.completion` and `chat.completion.chunk`. */
export function chatShape({ generation, request }: Facts): AnswerShape {
  const base = (object: string) => baseOf(`chatcmpl-${generation.id}`, object, { generation, request });
  const chunk = (delta: unknown, rest: object = {}) => ({
    ...base("chat.completion.chunk"),
    choices: [{ index: 0, delta, logprobs: null, finish_reason: null, ...rest }],
    ...noUsageYet(request),
  });
  const logprobs = (tokens: readonly EventToken[]) =>
    request.logprobs ? { content: tokens.map(chatLogprob), refusal: null } : null;
  return {
    opening: () => chunk({ role: "assistant", content: "", refusal: null }),
    piece: (content, tokens) => chunk({ content }, { logprobs: logprobs(tokens) }),
    closing: (reason) => chunk({}, { finish_reason: toFinishReason(reason) }),
    usage: (usage) => ({ ...base("chat.completion.chunk"), choices: [], usage: toUsage(usage) }),
    whole: (content, tokens, reason, usage) => ({
      ...base("chat.completion"),
      choices: [{
        index: 0,
        message: { role: "assistant", content, refusal: null },
        logprobs: logprobs(tokens),
        finish_reason: toFinishReason(reason),
      }],
      usage: toUsage(usage),
    }),
  };
}

/** `text_completion`, whole and in chunks. */
export function textShape({ generation, request }: Facts): AnswerShape {
  const base = () => baseOf(`cmpl-${generation.id}`, "text_completion", { generation, request });
  let offset = 0;
  const logprobs = (tokens: readonly EventToken[]) => {
    if (!request.logprobs) return null;
    return {
      tokens: tokens.map(({ text }) => text),
      token_logprobs: tokens.map(({ logprob }) => logprob),
      top_logprobs: tokens.map(({ top }) =>
        Object.fromEntries(top.map(({ text, logprob }) => [text, logprob]))
      ),
      text_offset: tokens.map(({ text }) => {
        const start = offset;
        offset += text.length;
        return start;
      }),
    };
  };
  const choice = (text: string, rest: object = {}) => ({
    ...base(),
    choices: [{ index: 0, text, logprobs: null, finish_reason: null, ...rest }],
  });
  return {
    opening: () => null,
    piece: (text, tokens) => ({ ...choice(text, { logprobs: logprobs(tokens) }), ...noUsageYet(request) }),
    closing: (reason) => ({
      ...choice("", { finish_reason: toFinishReason(reason) }),
      ...noUsageYet(request),
    }),
    usage: (usage) => ({ ...base(), choices: [], usage: toUsage(usage) }),
    whole: (text, tokens, reason, usage) => ({
      ...choice(text, { logprobs: logprobs(tokens), finish_reason: toFinishReason(reason) }),
      usage: toUsage(usage),
    }),
  };
}

/** `system_fingerprint` is the manifest hash of the weights: it leads to the provenance of the answer. */
function baseOf(id: string, object: string, { generation, request }: Facts) {
  return {
    id,
    object,
    created: Math.floor(generation.createdAt.getTime() / 1000),
    model: request.model,
    system_fingerprint: generation.artifactSha256,
  };
}

/** Whoever asked for the usage finds the field in every chunk. */
function noUsageYet({ includeUsage }: CompletionRequest): { readonly usage?: null } {
  return includeUsage ? { usage: null } : {};
}

function chatLogprob({ text, logprob, top }: EventToken) {
  return {
    token: text,
    logprob,
    bytes: [...encoder.encode(text)],
    top_logprobs: top.map(({ text, logprob }) => ({
      token: text,
      logprob,
      bytes: [...encoder.encode(text)],
    })),
  };
}

function toFinishReason(reason: FinishReason): string {
  return reason === "LENGTH" || reason === "CONTEXT_FULL" ? "length" : "stop";
}

function toUsage({ promptTokens, cachedTokens, completionTokens }: Usage) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}
