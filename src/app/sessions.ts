/**
 * Sessions: conversations that a model continues. Owners see theirs, admins see all; for everybody else there is no such
 * session. Messages are written by generations (src/app/generate); here they are read.
 */
import { ConfigError, NotFoundError } from "../errors.ts";
import { fromTime, toTime } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import * as store from "../store/sessions.ts";
import type { Clock } from "./clock.ts";
import { checkConversation } from "./generate/prompt.ts";
import type { ServedTexts } from "./generate/served_text.ts";
import type { Ids } from "./ids.ts";
import { requireModel } from "./models.ts";
import { numberKeyset, parsePage, textKeyset, toPage } from "./paging.ts";
import { maySee, requireRole } from "./roles.ts";
import type { MessageRole, Principal, Session, SessionMessage, SessionUseCases } from "./types.ts";

const MAX_TITLE_LENGTH = 200;
/** Far beyond any context; a bound for what is stored. */
const MAX_SYSTEM_PROMPT_LENGTH = 100_000;
const SESSIONS = textKeyset("sessions");
const MESSAGES = numberKeyset("messages");

export interface SessionOptions {
  readonly db: Db;
  readonly texts: ServedTexts;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** The session use cases over the store. */
export function createSessions({ db, clock, ids, texts }: SessionOptions): SessionUseCases {
  return {
    async get(principal, id) {
      const row = await store.findSession(db, id);
      return row !== undefined && maySee(principal, row.principal_id) ? toSession(row) : null;
    },

    async list(principal, args) {
      const { first, after } = parsePage(SESSIONS, args);
      const owner = principal.role === "ADMIN" ? null : principal.id;
      const page = { first, ...(after === undefined ? {} : { afterId: after }) };
      return toPage(SESSIONS, await store.listSessions(db, owner, page), (row) => row.id, toSession);
    },

    async messages(principal, sessionId, args) {
      const { first, after } = parsePage(MESSAGES, args);
      await requireSession(db, principal, sessionId);
      const page = { first, ...(after === undefined ? {} : { afterOrdinal: after }) };
      return toPage(MESSAGES, await store.listMessages(db, sessionId, page), (row) => row.ordinal, toMessage);
    },

    async create(principal, input) {
      requireRole(principal, "GENERATOR", "create sessions");
      const title = checkLength("title", input.title?.trim() || null, MAX_TITLE_LENGTH);
      const system = checkLength("systemPrompt", input.systemPrompt || null, MAX_SYSTEM_PROMPT_LENGTH);
      const model = await requireModel(db, input.model);
      // A conversation that the model cannot have is refused now, not with its first prompt.
      checkConversation(await texts.open(model), system, { contextLength: model.served_context_length });
      const now = toTime(clock.now());
      const row: store.SessionRow = {
        id: ids(),
        principal_id: principal.id,
        model_id: model.id,
        title,
        created_at: now,
        updated_at: now,
      };
      await db.transaction().execute(async (trx) => {
        await store.insertSession(trx, row);
        if (system === null) return;
        const message = { id: ids(), role: "SYSTEM", content: system, generation_id: null, created_at: now };
        await store.appendMessages(trx, row.id, [message]);
      });
      return toSession(row);
    },

    async delete(principal, id) {
      await requireSession(db, principal, id);
      await store.deleteSession(db, id);
    },
  };
}

/** The row, or NotFoundError where there is none that this principal may see. */
export async function requireSession(db: Db, principal: Principal, id: string): Promise<store.SessionRow> {
  const row = await store.findSession(db, id);
  if (row === undefined || !maySee(principal, row.principal_id)) {
    throw new NotFoundError(`No session "${id}"`, { id });
  }
  return row;
}

function checkLength(field: string, text: string | null, max: number): string | null {
  if (text === null || text.length <= max) return text;
  throw new ConfigError(
    `Cannot create a session: ${field} has ${text.length} characters, at most ${max} are allowed`,
    {
      field,
      found: text.length,
      allowed: max,
    },
  );
}

function toSession(row: store.SessionRow): Session {
  return {
    id: row.id,
    principalId: row.principal_id,
    modelId: row.model_id,
    title: row.title,
    createdAt: fromTime(row.created_at),
    updatedAt: fromTime(row.updated_at),
  };
}

function toMessage(row: store.MessageRow): SessionMessage {
  return {
    id: row.id,
    sessionId: row.session_id,
    generationId: row.generation_id,
    role: row.role as MessageRole,
    content: row.content,
    createdAt: fromTime(row.created_at),
  };
}
