/**
 * Merges as they are recorded, tensor by tensor, and those that wait or run. Reading is open to everybody who was let in:
 * where a model comes from is no secret. Starting and cancelling are for admins.
 */
import { ConfigError, NotFoundError } from "../errors.ts";
import { toTime } from "../store/codec.ts";
import { readMergeEvents } from "../store/merge_events.ts";
import { listMergeTensors, type TensorOrder } from "../store/merge_tensors.ts";
import * as store from "../store/merges.ts";
import { recordAct } from "./audit.ts";
import type { LogPoller } from "./events/log_poller.ts";
import { EventStream } from "./events/event_stream.ts";
import { toMergeEvent } from "./merge/event_rows.ts";
import { mergePreviewer } from "./merge/preview.ts";
import { type MergeRunOptions, startMerge } from "./merge/start.ts";
import { toMerge, toMergeTensor } from "./merge_rows.ts";
import { type Keyset, parsePage, textKeyset, toPage } from "./paging.ts";
import { LEASE_MS } from "./membership.ts";
import { requireRole } from "./roles.ts";
import {
  type Merge,
  type MergeEvent,
  type MergeTensorOrder,
  type MergeUseCases,
  TERMINAL_MERGE_EVENT_KINDS,
} from "./types.ts";

const MERGES = textKeyset("merges");
const PLAN_ORDER: MergeTensorOrder = { field: "PLAN", direction: "ASC" };
const COLUMNS = { PLAN: "ordinal", NAME: "name", LAYER: "layer", T: "t", COSINE: "cosine" } as const;

export interface MergeOptions extends MergeRunOptions {
  /** Wakes those who watch what another gateway runs. */
  readonly remoteLogs: LogPoller<MergeEvent>;
}

/** How often, and how long, a cancel waits for the gateway that has the merge; a dead one's is taken over before that. */
const CANCEL_POLL_MS = 100;
const CANCEL_PATIENCE_MS = 2 * LEASE_MS;

/** The merge use cases over the store and the queue. */
export function createMerges(options: MergeOptions): MergeUseCases {
  const { db, queue, hub, clock, membership, remoteLogs } = options;

  async function allWithParts(rows: readonly store.MergeRow[]): Promise<readonly Merge[]> {
    const ids = rows.map(({ id }) => id);
    const sources = Map.groupBy(await store.mergeSources(db, ids), ({ merge_id: id }) => id);
    const modelIds = await store.modelIdsOfMerges(db, ids);
    return rows.map((row) => {
      const job = queue.get(row.id);
      return toMerge(row, {
        sources: sources.get(row.id) ?? [],
        modelId: modelIds.get(row.id) ?? null,
        // Taken from the queue a moment before its row says that it runs, it is the next one.
        position: row.status === "QUEUED" && job !== undefined ? Math.max(1, job.position) : null,
      });
    });
  }

  async function withParts(row: store.MergeRow): Promise<Merge> {
    return (await allWithParts([row]))[0]!;
  }

  async function requireMerge(id: string): Promise<store.MergeRow> {
    const row = await store.findMerge(db, id);
    if (row === undefined) throw new NotFoundError(`No merge "${id}"`, { id });
    return row;
  }

  /** Another gateway has it, and does what the row asks of it. */
  async function cancelElsewhere(id: string): Promise<store.MergeRow> {
    let row = await requireMerge(id);
    for (
      let waitedMs = 0;
      store.isUnfinished(row) && waitedMs < CANCEL_PATIENCE_MS;
      waitedMs += CANCEL_POLL_MS
    ) {
      if (row.gateway_id === membership.id) await queue.cancel(id); // taken over meanwhile
      else {
        await store.requestMergeCancel(db, id, toTime(clock.now()));
        await new Promise<void>((resolve) => clock.after(CANCEL_POLL_MS, resolve));
      }
      row = await requireMerge(id);
      if (row.gateway_id === membership.id && queue.get(id) === undefined) break; // its end could not be written
    }
    return row;
  }

  return {
    preview: mergePreviewer(options),

    async get(id) {
      const row = await store.findMerge(db, id);
      return row === undefined ? null : await withParts(row);
    },

    async list(args, where = {}) {
      const { first, after } = parsePage(MERGES, args);
      const page = { first, ...(after === undefined ? {} : { afterId: after }) };
      const found = await store.listMerges(db, where, page);
      const merges = new Map((await allWithParts(found.rows)).map((merge) => [merge.id, merge]));
      return toPage(MERGES, found, (row) => row.id, (row) => merges.get(row.id)!);
    },

    async tensors(mergeId, args, where = {}, { field, direction } = PLAN_ORDER) {
      const order: TensorOrder = {
        column: COLUMNS[field],
        direction: direction === "ASC" ? "asc" : "desc",
      };
      const keyset = tensorKeyset(order);
      const { first, after } = parsePage(keyset, args);
      await requireMerge(mergeId);
      const cursor = after === undefined ? {} : { after: { value: after[0], ordinal: after[1] } };
      const rows = await listMergeTensors(db, mergeId, { where, order, first, ...cursor });
      return toPage(keyset, rows, (row) => [row[order.column], row.ordinal] as const, toMergeTensor);
    },

    async start(principal, input) {
      return await withParts(await startMerge(options, principal, input));
    },

    async cancel(principal, id) {
      requireRole(principal, "ADMIN", "cancel merges");
      const row = await requireMerge(id);
      if (row.finished_at === null) {
        await db.transaction().execute((trx) =>
          recordAct(trx, { actor: principal, at: options.clock.now(), action: "merge.cancel", target: id })
        );
      }
      await queue.cancel(id);
      if (membership.isShared) return await withParts(await cancelElsewhere(id));
      return await withParts(await requireMerge(id));
    },

    events(id, { afterSeq = 0, signal }) {
      if (!Number.isInteger(afterSeq) || afterSeq < 0) {
        throw new ConfigError(`Invalid afterSeq: found ${afterSeq}, expected 0 or more`, {
          field: "afterSeq",
        });
      }
      let isRemote = false;
      return new EventStream(
        {
          authorize: async () => {
            const row = await requireMerge(id);
            isRemote = membership.isShared && store.isUnfinished(row) && queue.get(id) === undefined &&
              row.gateway_id !== membership.id;
          },
          read: async (afterSeq, limit) =>
            (await readMergeEvents(db, id, { afterSeq, limit })).map(toMergeEvent),
          isTerminal: (event) => TERMINAL_MERGE_EVENT_KINDS.has(event.kind),
          isOpen: () => isRemote ? remoteLogs.isOpen(id) : queue.get(id) !== undefined,
          subscribe: (wake) => isRemote ? remoteLogs.follow(id, wake) : hub.subscribe(id, wake),
          onAttached: () => {},
          onDetached: () => {},
        },
        afterSeq,
        signal,
      );
    },
  };
}

/** A cursor of one order means nothing in another. */
function tensorKeyset({ column, direction }: TensorOrder): Keyset<TensorKey> {
  return { list: `merge tensors by ${column} ${direction}`, isKey: isTensorKey };
}
type TensorKey = readonly [value: string | number | null, ordinal: number];

function isTensorKey(key: unknown): key is TensorKey {
  if (!Array.isArray(key) || key.length !== 2) return false;
  const [value, ordinal] = key as readonly unknown[];
  return (value === null || typeof value === "string" || Number.isFinite(value)) &&
    Number.isSafeInteger(ordinal);
}
