/**
 * From what a caller sends to the ids that go to the engine. A `text` is one user message, as in a chat window: it goes
 * through the model's chat template where there is one. Ids are taken as they are, for callers with templates of their
 * own. A prompt that leaves no room for a single token is refused here, before anything is written.
 */
import { CapacityError, ConfigError } from "../../errors.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { ChatMessage, PromptSource, TrimmedContext } from "../types.ts";
import { fitTurns } from "./context.ts";
import type { History } from "./history.ts";
import type { ServedText } from "./served_text.ts";

export interface Prompt {
  readonly tokenIds: readonly number[];
  /** Whether the answer is a text of its own (a chat turn) or continues the prompt. */
  readonly continuesText: boolean;
  /** What the session remembers of it. */
  readonly messages: readonly ChatMessage[];
  /** What of the conversation it leaves out; nothing unless given. */
  readonly trimmed?: TrimmedContext;
}

export interface PromptOptions {
  /** Null without a session. */
  readonly history: History | null;
  /** The history leaves something out that could still be read. */
  readonly mayReadMore?: boolean;
  readonly contextLength: number;
  /** The model's own context, where it may be longer than the one that is served. */
  readonly nativeContextLength?: number;
  /** For the policy DROP_OLDEST: tokens to leave for the answer. A conversation that is too long is refused without. */
  readonly dropOldestFor?: number | undefined;
}

/** Bounds on what is worth tokenizing at all; real contexts are far smaller. */
const MAX_PROMPT_CHARACTERS = 4_000_000;
const MAX_MESSAGES = 2000;
/** Text for every token of a context beyond which a prompt is looked at in part before it is encoded. */
const PROBED_PER_TOKEN = 8;
const PROBE_GROWTH = 4;
/** A text that is cut in the middle of a word may have some tokens more than as part of the whole. */
const PROBE_SLACK = 64;
/** What is too long, and what can be done about it. */
const TOO_LONG = {
  prompt: { has: "The prompt has", remedy: "shorten it" },
  beginning: { has: "With the session's system prompt, the prompt has", remedy: "shorten one of them" },
  session: {
    has: "The session is full: with this prompt it has",
    remedy: "begin another session, or have its oldest turns left out (contextPolicy DROP_OLDEST)",
  },
  question: { has: "Even without all that came before, the prompt has", remedy: "shorten the question" },
} as const;
const ROLES: ReadonlySet<string> = new Set(["SYSTEM", "USER", "ASSISTANT"]);

/**
 * Throws ConfigError for a prompt that is malformed, that the template refuses, or that needs a tokenizer where there
 * is none; CapacityError when it does not fit into `contextLength` with one token to spare. `source` is null where the
 * history ends with the question. Null where it takes more of the history to tell, which only `mayReadMore` allows.
 */
export function buildPrompt(
  served: ServedText,
  source: PromptSource | null,
  options: PromptOptions & { readonly mayReadMore?: false },
): Prompt;
export function buildPrompt(
  served: ServedText,
  source: PromptSource | null,
  options: PromptOptions,
): Prompt | null;
export function buildPrompt(
  served: ServedText,
  source: PromptSource | null,
  options: PromptOptions,
): Prompt | null {
  const { history, contextLength, mayReadMore = false } = options;
  const omitted = history?.omitted ?? 0;
  const prompt = source !== null && "tokenIds" in source
    ? fromTokenIds(source.tokenIds, served.vocabSize, history)
    : source !== null && "raw" in source
    ? fromRaw(served, source.raw, options)
    : fromMessages(served, source, options);
  const { length } = prompt.tokenIds;
  const leavesOut = prompt.trimmed !== undefined && prompt.trimmed.droppedMessages > omitted;
  if (mayReadMore && length < contextLength && !leavesOut) return null;
  const drops = options.dropOldestFor !== undefined;
  if (length < contextLength && (omitted === 0 || drops)) return prompt;
  throw tooLong(partOf(options), options, length, omitted > 0 && !drops ? "at least" : "");
}

/** What of a conversation is too long, if all of it is. */
function partOf({ history, dropOldestFor }: PromptOptions): keyof typeof TOO_LONG {
  if (history === null || history.messages.length + history.omitted === 0) return "prompt";
  const isBeginning = history.omitted === 0 && history.messages.every(({ role }) => role === "SYSTEM");
  if (isBeginning) return "beginning";
  return dropOldestFor === undefined ? "session" : "question";
}

function tooLong(
  part: keyof typeof TOO_LONG,
  { contextLength, nativeContextLength = contextLength }: PromptOptions,
  promptTokens: number,
  ofThem: string,
): CapacityError {
  const { has, remedy } = TOO_LONG[part];
  const served = nativeContextLength > contextLength
    ? `, with which the model is served (its own is ${nativeContextLength})`
    : "";
  return new CapacityError(
    `${[has, ofThem, promptTokens].filter((part) => part !== "").join(" ")} tokens, and at most ${
      contextLength - 1
    } fit beside an answer into the context of ${contextLength} tokens${served}: ${remedy}`,
    { promptTokens, contextLength },
  );
}

/**
 * Refuses what is far too long by its beginning: encoding a million characters, only to count them, would hold up
 * everybody else. White space around a message is left out, as many templates do.
 */
function refuseFarTooLong(
  tokenizer: Tokenizer,
  contents: readonly string[],
  { part, ...options }: PromptOptions & { readonly part: keyof typeof TOO_LONG },
): void {
  const { contextLength } = options;
  const text = contents.map((content) => content.trim()).join("\n");
  for (let length = contextLength * PROBED_PER_TOKEN; length < text.length; length *= PROBE_GROWTH) {
    const count = tokenizer.encode(text.slice(0, length)).length - PROBE_SLACK;
    if (count >= contextLength) {
      throw tooLong(part, options, count, "more than");
    }
  }
}

/**
 * Whether a session with this model can be continued at all: it holds only what the chat template takes. Throws
 * ConfigError for a model that takes no conversations or no system prompts, CapacityError for a system prompt that
 * leaves no room.
 */
export function checkConversation(
  served: ServedText,
  systemPrompt: string | null,
  { contextLength }: { readonly contextLength: number },
): void {
  const begin = (messages: readonly ChatMessage[]) =>
    buildPrompt(served, PROBE, { history: { messages, omitted: 0 }, contextLength });
  explained("Cannot begin a session with this model", "model", () => begin([]));
  if (systemPrompt === null) return;
  const system: ChatMessage = { role: "SYSTEM", content: systemPrompt };
  explained("This model takes no system prompt", "systemPrompt", () => begin([system]));
}

/** Any first message. */
const PROBE: PromptSource = { text: "Hello" };

function explained(what: string, field: string, run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`${what}: ${error.message}`, { field }, { cause: error });
  }
}

function fromTokenIds(
  tokenIds: readonly number[],
  vocabSize: number,
  history: History | null,
): Prompt {
  if (history !== null) throw invalid("tokenIds", "a session continues in words: send text or messages");
  if (!Array.isArray(tokenIds) || tokenIds.length === 0) {
    throw invalid("tokenIds", "expected at least one id");
  }
  const wrong = tokenIds.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
  if (wrong >= 0) {
    throw invalid(`tokenIds[${wrong}]`, `found ${tokenIds[wrong]}, expected 0 … ${vocabSize - 1}`);
  }
  return { tokenIds, continuesText: true, messages: [] };
}

function fromRaw(
  { tokenizer }: ServedText,
  text: string,
  options: PromptOptions,
): Prompt {
  if (tokenizer === null) throw invalid("tokenIds", "expected, because the model has no tokenizer");
  if (options.history !== null) throw invalid("raw", "a session is a conversation: send text or messages");
  if (text === "") throw invalid("raw", "expected at least one character");
  checkSize("raw", text.length);
  refuseFarTooLong(tokenizer, [text], { ...options, part: "prompt" });
  return { tokenIds: tokenizer.encode(text, { bos: tokenizer.addsBos }), continuesText: true, messages: [] };
}

function fromMessages(
  { tokenizer }: ServedText,
  source: Extract<PromptSource, { readonly text: string } | { readonly messages: unknown }> | null,
  options: PromptOptions,
): Prompt {
  const { history, contextLength, dropOldestFor } = options;
  if (tokenizer === null) throw invalid("tokenIds", "expected, because the model has no tokenizer");
  const messages = source === null
    ? []
    : "text" in source
    ? [userMessage(source.text)]
    : checkMessages(source.messages);
  const { messages: past, omitted } = history ?? { messages: [], omitted: 0 };
  const conversation = [...past, ...messages];
  // What may be left out does not make it too long.
  const lastTurn = conversation.findLastIndex(({ role }) => role === "USER");
  const counted = dropOldestFor === undefined ? conversation : conversation.slice(Math.max(0, lastTurn));
  refuseFarTooLong(tokenizer, counted.map(({ content }) => content), {
    ...options,
    part: dropOldestFor === undefined ? partOf(options) : "prompt",
  });
  if (source !== null && "text" in source && history === null && !tokenizer.hasChatTemplate) {
    return {
      tokenIds: tokenizer.encode(source.text, { bos: tokenizer.addsBos }),
      continuesText: true,
      messages,
    };
  }
  const encode = (messages: readonly ChatMessage[]) =>
    tokenizer.encodeChat(messages.map(({ role, content }) => ({ role: role.toLowerCase(), content }))).ids;
  if (dropOldestFor === undefined) {
    return { tokenIds: encode(conversation), continuesText: false, messages };
  }
  const { tokenIds, dropped } = fitTurns(conversation, { encode, limit: contextLength - dropOldestFor });
  const trimmed = { droppedMessages: omitted + dropped, keptMessages: conversation.length - dropped };
  return {
    ...{ tokenIds, continuesText: false, messages },
    ...(trimmed.droppedMessages === 0 ? {} : { trimmed }),
  };
}

function userMessage(content: string): ChatMessage {
  if (content === "") throw invalid("text", "expected at least one character");
  checkSize("text", content.length);
  return { role: "USER", content };
}

function checkMessages(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  if (messages.length === 0 || messages.length > MAX_MESSAGES) {
    throw invalid("messages", `found ${messages.length}, expected 1 … ${MAX_MESSAGES}`);
  }
  for (const [index, { role }] of messages.entries()) {
    if (!ROLES.has(role)) {
      throw invalid(`messages[${index}].role`, `expected one of ${[...ROLES].join(", ")}`);
    }
  }
  checkSize("messages", messages.reduce((sum, { content }) => sum + content.length, 0));
  return messages;
}

function checkSize(field: string, characters: number): void {
  if (characters > MAX_PROMPT_CHARACTERS) {
    throw invalid(field, `found ${characters} characters, at most ${MAX_PROMPT_CHARACTERS} are read`);
  }
}

function invalid(field: string, what: string): ConfigError {
  return new ConfigError(`Invalid prompt: ${field}: ${what}`, { field: `prompt.${field}` });
}
