/**
 * Where in a session's tree a prompt goes: behind the current branch, behind an answer of another one, in the place of a
 * question, or nowhere, because a question that is there already is asked again. No branch is ever changed; what is asked
 * differently begins another one beside it.
 */
import { CapacityError, ConfigError, NotFoundError } from "../../errors.ts";
import type { Db } from "../../store/database.ts";
import {
  findMessage,
  idsAfter,
  junctionKey,
  lastOfPrompt,
  lastOrdinal,
  type MessageRow,
  type SessionRow,
} from "../../store/sessions.ts";
import type { GenerateInput } from "../types.ts";

/** Messages of a session over all its branches. */
const MAX_MESSAGES = 10_000;
/** Branches from one message. */
const MAX_BRANCHES = 100;

export interface Place {
  readonly session: SessionRow;
  /** What the prompt follows, or where it ends if it is there already; null at the beginning. */
  readonly parentId: string | null;
  /** The branch ends with the question. */
  readonly asksAgain: boolean;
  /** Of the session's newest message when this was looked up. */
  readonly seenOrdinal: number;
}

/** Throws ConfigError and NotFoundError for messages that cannot be meant, CapacityError for a session that is full. */
export async function findPlace(db: Db, session: SessionRow, input: GenerateInput): Promise<Place> {
  const seenOrdinal = await lastOrdinal(db, session.id);
  if (seenOrdinal >= MAX_MESSAGES) {
    throw new CapacityError(`The session is full: it has ${seenOrdinal} messages`, {
      sessionId: session.id,
      messages: seenOrdinal,
      allowed: MAX_MESSAGES,
    });
  }
  const asksAgain = "messageId" in input.prompt;
  const parentId = await findParent(db, session, input);
  const junction = { sessionId: session.id, messageId: parentId };
  const branches = (await idsAfter(db, [junction])).get(junctionKey(junction)) ?? [];
  if (branches.length >= MAX_BRANCHES) {
    throw new CapacityError(`Cannot branch here: there are ${branches.length} branches already`, {
      parentMessageId: parentId,
      branches: branches.length,
      allowed: MAX_BRANCHES,
    });
  }
  return { session, parentId, asksAgain, seenOrdinal };
}

/** Without a session there is nothing that these fields could name. */
export function refusePlaceWithoutSession(input: GenerateInput): void {
  const field = "messageId" in input.prompt
    ? "prompt.messageId"
    : (["parentMessageId", "replacesMessageId"] as const).find((name) => input[name] !== undefined);
  if (field === undefined) return;
  throw invalid("sessionId", `${field} is a message of a session, and sessionId names none`);
}

async function findParent(db: Db, session: SessionRow, input: GenerateInput): Promise<string | null> {
  const { prompt, parentMessageId, replacesMessageId } = input;
  const given = ["messageId" in prompt, parentMessageId !== undefined, replacesMessageId !== undefined];
  if (given.filter(Boolean).length > 1) {
    throw invalid(
      parentMessageId === undefined ? "replacesMessageId" : "parentMessageId",
      "give at most one of parentMessageId, replacesMessageId and prompt.messageId",
    );
  }
  if ("messageId" in prompt) return await endOfQuestion(db, session, prompt.messageId);
  if (replacesMessageId !== undefined) {
    const message = await requireMessage(db, session, replacesMessageId);
    if (message.is_answer === 0 && message.generation_id !== null) return message.parent_id;
    throw invalid("replacesMessageId", "only what was asked can be asked differently");
  }
  if (parentMessageId !== undefined) {
    const message = await requireMessage(db, session, parentMessageId);
    if (message.is_answer === 1 || message.generation_id === null) return message.id;
    throw invalid("parentMessageId", "expected an answer; prompt.messageId asks a question again");
  }
  return session.active_message_id;
}

/** The last message of the question that this one is part of, or the answer to. */
async function endOfQuestion(db: Db, session: SessionRow, messageId: string): Promise<string> {
  const message = await requireMessage(db, session, messageId);
  if (message.is_answer === 1 && message.parent_id !== null) return message.parent_id;
  const last = message.generation_id === null ? undefined : await lastOfPrompt(db, message.generation_id);
  if (last !== undefined) return last.id;
  throw invalid("prompt.messageId", "expected a question, or an answer");
}

async function requireMessage(db: Db, session: SessionRow, id: string): Promise<MessageRow> {
  const message = await findMessage(db, id);
  if (message?.session_id === session.id) return message;
  throw new NotFoundError(`The session has no message "${id}"`, { id, sessionId: session.id });
}

function invalid(field: string, what: string): ConfigError {
  return new ConfigError(`Invalid ${field}: ${what}`, { field });
}
