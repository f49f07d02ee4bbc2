/**
 * Sessions: conversations that a model continues. Owners see theirs, admins see all; for everybody else there is no such
 * session. Messages are written by generations (src/app/generate); here they are read, a branch at a time.
 */
import { ConfigError, NotFoundError } from "../errors.ts";
import { fromTime, toTime } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import * as paths from "../store/message_paths.ts";
import * as store from "../store/sessions.ts";
import { type AuditAction, oneActOnOthersAtATime, type OwnedAct, recordActOnOthers } from "./audit.ts";
import type { Clock } from "./clock.ts";
import { deleteSession } from "./deletion.ts";
import type { ActiveJobs } from "./generate/active_jobs.ts";
import { checkConversation } from "./generate/prompt.ts";
import type { ServedTexts } from "./generate/served_text.ts";
import type { Ids } from "./ids.ts";
import type { Membership } from "./membership.ts";
import { requireModel } from "./models.ts";
import { numberKeyset, parsePage, textKeyset, toPage } from "./paging.ts";
import { maySee, requireRole } from "./roles.ts";
import { exportSession } from "./session_export.ts";
import { titleOf } from "./session_title.ts";
import type {
  ContextPolicy,
  MessageRole,
  Principal,
  Session,
  SessionMessage,
  SessionUseCases,
} from "./types.ts";

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
  readonly jobs: ActiveJobs;
  readonly membership: Membership;
}

/** The session use cases over the store. */
export function createSessions(options: SessionOptions): SessionUseCases {
  const { db, clock, ids, texts } = options;

  /** One value changes; an admin's change of somebody else's session is recorded with it. */
  async function change(
    principal: Principal,
    id: string,
    { action, patch }: {
      readonly action: AuditAction;
      readonly patch: (db: Db) => Promise<Parameters<typeof store.updateSession>[2]>;
    },
  ): Promise<Session> {
    const { principal_id: ownerId } = await requireSession(db, principal, id);
    return await db.transaction().execute(async (trx) => {
      await oneActOnOthersAtATime(trx, { actor: principal, ownerId });
      await store.lockSession(trx, id);
      const row = await requireSession(trx, principal, id);
      const values = await patch(trx);
      await store.updateSession(trx, id, values);
      await recordActOnOthers(trx, act(principal, row, action));
      return toSession({ ...row, ...values } as store.SessionRow);
    });
  }

  function act(
    actor: Principal,
    { id: target, principal_id: ownerId }: store.SessionRow,
    action: AuditAction,
  ): OwnedAct {
    return { actor, ownerId, at: clock.now(), action, target };
  }

  const getMany: SessionUseCases["getMany"] = async (principal, ids) => {
    const rows = new Map((await visibleSessions(db, principal, ids)).map((row) => [row.id, row]));
    return ids.map((id) => rows.has(id) ? toSession(rows.get(id)!) : null);
  };

  return {
    getMany,

    async get(principal, id) {
      return (await getMany(principal, [id]))[0]!;
    },

    async list(principal, args, where = {}) {
      const { first, after } = parsePage(SESSIONS, args);
      const filter = { ...where, principalId: principal.role === "ADMIN" ? null : principal.id };
      const page = { first, ...(after === undefined ? {} : { afterId: after }) };
      return toPage(SESSIONS, await store.listSessions(db, filter, page), (row) => row.id, toSession);
    },

    async messages(principal, sessionId, args, leafId) {
      const { first, after } = parsePage(MESSAGES, args);
      const session = await requireSession(db, principal, sessionId);
      const leaf = leafId === undefined
        ? session.active_message_id
        : (await requireMessage(db, principal, leafId, sessionId)).message.id;
      const page = { first, ...(after === undefined ? {} : { afterOrdinal: after }) };
      const rows = leaf === null
        ? { rows: [], hasNextPage: false, totalCount: 0 }
        : await paths.listPath(db, leaf, page);
      const shown = new Map((await toMessages(db, rows.rows)).map((message) => [message.id, message]));
      return toPage(MESSAGES, rows, (row) => row.ordinal, (row) => shown.get(row.id)!);
    },

    async getMessages(principal, ids) {
      const found = await store.findMessages(db, ids);
      const visible = new Set((await visibleSessions(db, principal, sessionIds(found))).map(({ id }) => id));
      const rows = found.filter(({ session_id: id }) => visible.has(id));
      const messages = new Map((await toMessages(db, rows)).map((message) => [message.id, message]));
      return ids.map((id) => messages.get(id) ?? null);
    },

    async branches(principal, junctions) {
      const asked = [...new Set(junctions.map(({ sessionId }) => sessionId))];
      const visible = new Set((await visibleSessions(db, principal, asked)).map(({ id }) => id));
      const found = await store.messagesAfter(
        db,
        junctions.filter(({ sessionId }) => visible.has(sessionId)),
      );
      return junctions.map((junction) => {
        const rows = visible.has(junction.sessionId) ? found.get(store.junctionKey(junction)) ?? [] : [];
        return rows.map((row) => toMessage(row, rows));
      });
    },

    async create(principal, input) {
      requireRole(principal, "GENERATOR", "create sessions");
      const title = checkTitle(input.title ?? null);
      const system = checkLength("systemPrompt", input.systemPrompt || null, MAX_SYSTEM_PROMPT_LENGTH);
      const model = await requireModel(db, input.model);
      // A conversation that the model cannot have is refused now, not with its first prompt.
      checkConversation(await texts.open(model), system, { contextLength: model.served_context_length });
      const now = toTime(clock.now());
      const message: store.NewMessage | null = system === null
        ? null
        : { id: ids(), role: "SYSTEM", content: system, generation_id: null, created_at: now };
      const row: store.SessionRow = {
        id: ids(),
        principal_id: principal.id,
        model_id: model.id,
        title,
        created_at: now,
        updated_at: now,
        active_message_id: message?.id ?? null,
        context_policy: input.contextPolicy ?? "REFUSE",
      };
      await db.transaction().execute(async (trx) => {
        await store.insertSession(trx, row);
        if (message !== null) await store.appendMessages(trx, row.id, null, [message]);
      });
      return toSession(row);
    },

    async rename(principal, id, title) {
      const given = checkTitle(title);
      return await change(principal, id, {
        action: "session.rename",
        patch: async (trx) => {
          const question = given === null ? await store.firstUserMessage(trx, id) : undefined;
          return { title: given ?? titleOf(question?.content ?? "") };
        },
      });
    },

    setContextPolicy: (principal, id, policy) =>
      change(principal, id, {
        action: "session.setContextPolicy",
        patch: () => Promise.resolve({ context_policy: policy }),
      }),

    async selectBranch(principal, messageId) {
      const { session, message } = await requireMessage(db, principal, messageId);
      return await change(principal, session.id, {
        action: "session.selectBranch",
        patch: async (trx) => ({ active_message_id: await paths.newestLeaf(trx, message) }),
      });
    },

    async delete(principal, id) {
      const session = await requireSession(db, principal, id);
      await deleteSession(options, id, act(principal, session, "session.delete"));
    },

    async export(principal, id, format) {
      const session = await requireSession(db, principal, id);
      const exported = await exportSession(db, session, { format, at: clock.now() });
      await db.transaction().execute((trx) =>
        recordActOnOthers(trx, { ...act(principal, session, "session.export"), details: { format } })
      );
      return exported;
    },
  };
}

async function visibleSessions(
  db: Db,
  principal: Principal,
  ids: readonly string[],
): Promise<readonly store.SessionRow[]> {
  return (await store.findSessions(db, ids)).filter((row) => maySee(principal, row.principal_id));
}

/** The row, or NotFoundError where there is none that this principal may see. */
export async function requireSession(db: Db, principal: Principal, id: string): Promise<store.SessionRow> {
  const row = await store.findSession(db, id);
  if (row === undefined || !maySee(principal, row.principal_id)) {
    throw new NotFoundError(`No session "${id}"`, { id });
  }
  return row;
}

/** The row and its session, or NotFoundError where there is none (in `sessionId`, if given) that this principal may see. */
export async function requireMessage(
  db: Db,
  principal: Principal,
  id: string,
  sessionId?: string,
): Promise<{ readonly session: store.SessionRow; readonly message: store.MessageRow }> {
  const message = await store.findMessage(db, id);
  const session = message === undefined ? undefined : await store.findSession(db, message.session_id);
  const isThere = session !== undefined && maySee(principal, session.principal_id) &&
    (sessionId === undefined || session.id === sessionId);
  if (message !== undefined && isThere) return { session, message };
  throw new NotFoundError(`No message "${id}"`, { id });
}

function checkTitle(title: string | null): string | null {
  return checkLength("title", title?.trim() || null, MAX_TITLE_LENGTH);
}

function checkLength(field: string, text: string | null, max: number): string | null {
  if (text === null || text.length <= max) return text;
  throw new ConfigError(
    `Invalid ${field}: it has ${text.length} characters, at most ${max} are allowed`,
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
    activeMessageId: row.active_message_id,
    contextPolicy: row.context_policy as ContextPolicy,
    createdAt: fromTime(row.created_at),
    updatedAt: fromTime(row.updated_at),
  };
}

/** With a query for the siblings of all. */
async function toMessages(db: Db, rows: readonly store.MessageRow[]): Promise<readonly SessionMessage[]> {
  const siblings = await store.idsAfter(db, rows.map(junctionBefore));
  return rows.map((row) => toMessage(row, siblings.get(store.junctionKey(junctionBefore(row))) ?? [row]));
}

function toMessage(row: store.MessageRow, siblings: readonly { readonly id: string }[]): SessionMessage {
  return {
    id: row.id,
    sessionId: row.session_id,
    parentId: row.parent_id,
    siblingIds: siblings.map(({ id }) => id),
    generationId: row.generation_id,
    role: row.role as MessageRole,
    content: row.content,
    createdAt: fromTime(row.created_at),
  };
}

function junctionBefore({ session_id: sessionId, parent_id: messageId }: store.MessageRow): store.Junction {
  return { sessionId, messageId };
}

function sessionIds(rows: readonly store.MessageRow[]): readonly string[] {
  return [...new Set(rows.map(({ session_id: id }) => id))];
}
