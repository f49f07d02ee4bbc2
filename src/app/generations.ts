/**
 * The generation use cases: start, look, watch, cancel. A generation belongs to who started it; admins see all, for
 * everybody else it does not exist. Cancelling is an act of its own: a watcher that leaves changes nothing, unless the
 * generation was started with onDisconnect CANCEL and its owner's last watcher leaves.
 */
import { ConfigError, NotFoundError } from "../errors.ts";
import { fromJson, fromJsonOrNull, fromTime, fromTimeOrNull } from "../store/codec.ts";
import { readEvents } from "../store/generation_events.ts";
import { findGeneration, type GenerationRow, isOpen } from "../store/generations.ts";
import { EventStream } from "./events/event_stream.ts";
import { toEvent } from "./generate/event_rows.ts";
import { endInterrupted } from "./generate/recovery.ts";
import { startGeneration, type StartOptions } from "./generate/start.ts";
import { maySee } from "./roles.ts";
import {
  type DisconnectPolicy,
  type FinishReason,
  type Generation,
  type GenerationStatus,
  type GenerationUseCases,
  type Principal,
  TERMINAL_EVENT_KINDS,
} from "./types.ts";

/** The use cases over the store, the engine and the running jobs. */
export function createGenerations(options: StartOptions): GenerationUseCases {
  const { db, clock, jobs, hub } = options;

  async function requireVisible(principal: Principal, id: string): Promise<GenerationRow> {
    const row = await findGeneration(db, id);
    if (row === undefined || !maySee(principal, row.principal_id)) {
      throw new NotFoundError(`No generation "${id}"`, { id });
    }
    return row;
  }

  /** While it runs, the row has no text yet. */
  function withLiveText(row: GenerationRow): Generation {
    return toGeneration({ ...row, text: jobs.get(row.id)?.text ?? row.text });
  }

  return {
    async get(principal, id) {
      const row = await findGeneration(db, id);
      return row !== undefined && maySee(principal, row.principal_id) ? withLiveText(row) : null;
    },

    async start(principal, input) {
      return withLiveText(await startGeneration(options, principal, input));
    },

    concurrency({ id }) {
      const { admission } = options;
      return { held: admission.held(id), allowed: admission.allowed };
    },

    async cancel(principal, id) {
      await requireVisible(principal, id);
      await jobs.cancel(id);
      const row = await requireVisible(principal, id);
      if (!isOpen(row) || jobs.has(id)) return withLiveText(row);
      // Its end could not be written (a full disk), and nobody runs it any more.
      await endInterrupted(db, clock, id);
      return toGeneration(await requireVisible(principal, id));
    },

    events(principal, id, { afterSeq = 0, signal }) {
      if (!Number.isInteger(afterSeq) || afterSeq < 0) {
        throw new ConfigError(`Invalid afterSeq: found ${afterSeq}, expected 0 or more`, {
          field: "afterSeq",
        });
      }
      let isOwner = false;
      return new EventStream(
        {
          authorize: async () => {
            isOwner = (await requireVisible(principal, id)).principal_id === principal.id;
          },
          read: async (after, limit) => (await readEvents(db, id, after, limit)).map(toEvent),
          isTerminal: (event) => TERMINAL_EVENT_KINDS.has(event.kind),
          isOpen: () => jobs.has(id),
          subscribe: (wake) => hub.subscribe(id, wake),
          onAttached: () => isOwner && jobs.ownerJoined(id),
          onDetached: () => isOwner && jobs.ownerLeft(id),
        },
        afterSeq,
        signal,
      );
    },
  };
}

function toGeneration(row: GenerationRow): Generation {
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
    usage: fromJsonOrNull(row.usage),
    timings: fromJsonOrNull(row.timings),
    error: fromJsonOrNull(row.error),
    onDisconnect: row.on_disconnect as DisconnectPolicy,
    createdAt: fromTime(row.created_at),
    finishedAt: fromTimeOrNull(row.finished_at),
  };
}
