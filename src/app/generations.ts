/**
 * The generation use cases: start, look, watch, cancel. A generation belongs to who started it, and is as well the session's
 * owner's to see, watch, cancel and run again where it is part of one; admins see all, for everybody else it does not
 * exist. Cancelling is an act of its own: a watcher that leaves changes nothing, unless the generation was started with
 * onDisconnect CANCEL, and whoever has started it does not watch it in time, or not any more, at any gateway.
 */
import { ConfigError, NotFoundError } from "../errors.ts";
import { fromJson, fromJsonOrNull, fromTime, fromTimeOrNull } from "../store/codec.ts";
import { readEvents } from "../store/generation_events.ts";
import {
  findGenerations,
  type GenerationRow,
  isOpen,
  openGenerationsOfSessions,
} from "../store/generations.ts";
import type { Db } from "../store/database.ts";
import { findSessions } from "../store/sessions.ts";
import { unpackTokenIds } from "../store/token_ids.ts";
import { type AuditAction, recordActOnOthers } from "./audit.ts";
import { deleteGeneration } from "./deletion.ts";
import { EventStream } from "./events/event_stream.ts";
import type { LogPoller } from "./events/log_poller.ts";
import { cancelGeneration } from "./generate/cancel.ts";
import { coalesceTokens } from "./generate/coalesce.ts";
import { compareConditions } from "./generate/conditions.ts";
import { toEvent } from "./generate/event_rows.ts";
import { inOwnNames } from "./generate/own_names.ts";
import { readLogged } from "./generate/recovery.ts";
import type { RemoteWatchers } from "./generate/remote_watchers.ts";
import { loggedTokenIds, startReproduction } from "./generate/reproduce.ts";
import { startGeneration } from "./generate/start.ts";
import type { StartOptions } from "./generate/start_types.ts";
import { maySee } from "./roles.ts";
import { requireMessage } from "./sessions.ts";
import {
  type ContextPolicy,
  type DisconnectPolicy,
  type FinishReason,
  type Generation,
  type GenerationEvent,
  type GenerationStatus,
  type GenerationUseCases,
  type Principal,
  type Reproduction,
  TERMINAL_EVENT_KINDS,
} from "./types.ts";

export interface GenerationOptions extends StartOptions {
  /** Wakes those who watch what another gateway runs. */
  readonly remoteLogs: LogPoller<GenerationEvent>;
  /** Told of those among them that have to watch it, for it to go on. */
  readonly remoteWatchers: RemoteWatchers;
}

/** The use cases over the store, the engine and the running jobs. */
export function createGenerations(options: GenerationOptions): GenerationUseCases {
  const { db, clock, jobs, hub, membership, remoteLogs, remoteWatchers } = options;

  /** What the principal has started, what belongs to its sessions, and everything for admins. */
  async function visible(
    principal: Principal,
    rows: readonly GenerationRow[],
  ): Promise<readonly GenerationRow[]> {
    const others = rows.filter((row) => !maySee(principal, row.principal_id));
    const sessions = others.flatMap(({ session_id: id }) => id === null ? [] : [id]);
    const own = new Set(
      (await findSessions(db, sessions)).filter((row) => maySee(principal, row.principal_id))
        .map(({ id }) => id),
    );
    return rows.filter((row) => maySee(principal, row.principal_id) || own.has(row.session_id ?? ""));
  }

  async function requireVisible(principal: Principal, id: string): Promise<GenerationRow> {
    const [row] = await visible(principal, await findGenerations(db, [id]));
    if (row === undefined) throw new NotFoundError(`No generation "${id}"`, { id });
    return row;
  }

  /** While it runs, the row has no text yet: its job has, or, where another gateway runs it, its log. */
  async function withLiveText(row: GenerationRow): Promise<GenerationRow> {
    const job = jobs.get(row.id);
    if (job !== undefined) return { ...row, text: job.text };
    if (!isOpen(row)) return row;
    // It has ended since the row was read.
    if (row.gateway_id === membership.id) return (await findGenerations(db, [row.id]))[0] ?? row;
    return { ...row, text: (await readLogged(db, row.id)).text };
  }

  async function toGenerations(rows: readonly GenerationRow[]): Promise<readonly Generation[]> {
    const originals = rows.flatMap(({ reproduction_of: id }) => id === null ? [] : [id]);
    const conditions = new Map(
      (await findGenerations(db, originals)).map((row) => [row.id, row.conditions]),
    );
    return await Promise.all(
      rows.map(async (row) =>
        toGeneration(await withLiveText(row), conditions.get(row.reproduction_of ?? "") ?? null)
      ),
    );
  }

  async function toOne(row: GenerationRow): Promise<Generation> {
    return (await toGenerations([row]))[0]!;
  }

  const getMany: GenerationUseCases["getMany"] = async (principal, ids) => {
    const rows = await visible(principal, await findGenerations(db, ids));
    const found = new Map((await toGenerations(rows)).map((generation) => [generation.id, generation]));
    return ids.map((id) => found.get(id) ?? null);
  };

  /** Of an admin upon what somebody else has started. */
  function act(actor: Principal, { id: target, principal_id: ownerId }: GenerationRow, action: AuditAction) {
    return { actor, ownerId, at: clock.now(), action, target };
  }

  return {
    getMany,

    async get(principal, id) {
      return (await getMany(principal, [id]))[0]!;
    },

    async start(principal, input) {
      return await toOne(await startGeneration(options, principal, input));
    },

    async regenerate(principal, { messageId, ...rest }) {
      const { sessionId, model } = await sessionOf(db, principal, messageId);
      const input = { ...rest, model, sessionId, prompt: { messageId } };
      const names = { "prompt.messageId": "messageId" };
      return await toOne(await inOwnNames(names, () => startGeneration(options, principal, input)));
    },

    async editMessage(principal, { messageId, content, ...rest }) {
      const { sessionId, model } = await sessionOf(db, principal, messageId);
      const input = { ...rest, model, sessionId, prompt: { text: content }, replacesMessageId: messageId };
      const names = { "prompt.text": "content", replacesMessageId: "messageId" };
      return await toOne(await inOwnNames(names, () => startGeneration(options, principal, input)));
    },

    async reproduce(principal, { id, ...rest }) {
      const original = await requireVisible(principal, id);
      return await toOne(await startReproduction(options, principal, original, rest));
    },

    async openOfSessions(principal, sessionIds) {
      const sessions = (await findSessions(db, sessionIds)).filter((row) =>
        maySee(principal, row.principal_id)
      );
      const rows = await openGenerationsOfSessions(db, sessions.map(({ id }) => id));
      const open = new Map((await toGenerations(rows)).map((found) => [found.sessionId, found]));
      return sessionIds.map((id) => open.get(id) ?? null);
    },

    async tokenIds(principal, id) {
      const { prompt_token_ids: packed } = await requireVisible(principal, id);
      const prompt = packed === null ? null : unpackTokenIds(packed);
      return { prompt, output: await loggedTokenIds(db, id) };
    },

    async delete(principal, id) {
      const row = await requireVisible(principal, id);
      await deleteGeneration(options, row, act(principal, row, "generation.delete"));
    },

    async concurrency({ id }) {
      const { admission } = options;
      return { ...await admission.standing(id), allowed: admission.allowed };
    },

    async cancel(principal, id) {
      const row = await requireVisible(principal, id);
      if (isOpen(row) && principal.role === "ADMIN") {
        await db.transaction().execute((trx) =>
          recordActOnOthers(trx, act(principal, row, "generation.cancel"))
        );
      }
      await cancelGeneration(options, id);
      return await toOne(await requireVisible(principal, id));
    },

    events(principal, id, { afterSeq = 0, signal, coalesce = false }) {
      if (!Number.isInteger(afterSeq) || afterSeq < 0) {
        throw new ConfigError(`Invalid afterSeq: found ${afterSeq}, expected 0 or more`, {
          field: "afterSeq",
        });
      }
      let isOwner = false;
      let isRemote = false;
      let isNeeded = false;
      let noted: Disposable | undefined;
      return new EventStream(
        {
          authorize: async () => {
            const row = await requireVisible(principal, id);
            isOwner = row.principal_id === principal.id;
            isRemote = membership.isShared && isOpen(row) && !jobs.has(id) &&
              row.gateway_id !== membership.id;
            isNeeded = isOwner && isRemote && row.on_disconnect === "CANCEL";
          },
          read: async (after, limit) => (await readEvents(db, id, after, limit)).map(toEvent),
          isTerminal: (event) => TERMINAL_EVENT_KINDS.has(event.kind),
          isOpen: () => isRemote ? remoteLogs.isOpen(id) : jobs.has(id),
          subscribe: (wake) => isRemote ? remoteLogs.follow(id, wake) : hub.subscribe(id, wake),
          ...coalesce ? { coalesce: coalesceTokens } : {},
          onAttached: () => {
            if (isOwner) jobs.ownerJoined(id);
            if (isNeeded) noted = remoteWatchers.note(id);
          },
          onDetached: () => {
            if (isOwner) jobs.ownerLeft(id);
            noted?.[Symbol.dispose]();
          },
        },
        afterSeq,
        signal,
      );
    },
  };
}

/** Of a message that the principal may see. */
async function sessionOf(db: Db, principal: Principal, messageId: string) {
  const { session } = await requireMessage(db, principal, messageId);
  return { sessionId: session.id, model: { id: session.model_id } };
}

/** A generation that is over compares nothing more. */
function toReproduction(row: GenerationRow, originalConditions: string | null): Generation["reproduction"] {
  const reproduction = fromJsonOrNull<Reproduction>(row.reproduction);
  if (reproduction === null) return null;
  const status = reproduction.status === "PENDING" && !isOpen(row) ? "INCOMPLETE" : reproduction.status;
  const differences = compareConditions(fromJsonOrNull(originalConditions), fromJsonOrNull(row.conditions));
  return { ...reproduction, status, differences };
}

function toGeneration(row: GenerationRow, originalConditions: string | null): Generation {
  return {
    id: row.id,
    principalId: row.principal_id,
    modelId: row.model_id,
    artifactSha256: row.artifact_sha256,
    sessionId: row.session_id,
    status: row.status as GenerationStatus,
    finishReason: row.finish_reason as FinishReason | null,
    text: row.text,
    requestedSampling: fromJson(row.requested_sampling),
    effectiveSampling: fromJson(row.effective_sampling),
    samplingRevisionIds: fromJson(row.sampling_revision_ids),
    samplingOrigins: fromJsonOrNull(row.sampling_origins),
    contextPolicy: row.context_policy as ContextPolicy,
    trimmed: fromJsonOrNull(row.trimmed),
    priority: row.priority,
    deadlineSeconds: row.deadline_ms === null ? null : row.deadline_ms / 1000,
    conditions: fromJsonOrNull(row.conditions),
    reproductionOf: row.reproduction_of,
    reproduction: toReproduction(row, originalConditions),
    usage: fromJsonOrNull(row.usage),
    timings: fromJsonOrNull(row.timings),
    error: fromJsonOrNull(row.error),
    onDisconnect: row.on_disconnect as DisconnectPolicy,
    createdAt: fromTime(row.created_at),
    finishedAt: fromTimeOrNull(row.finished_at),
  };
}
