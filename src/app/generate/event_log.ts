/**
 * The one writer of a generation's log. Appends run one after another, each in a transaction with whatever row changes
 * belong to it, and are published once they are committed: what a watcher has seen is on disk. Sequence numbers have
 * no gaps, because a failed append takes none.
 */
import { fromJson, fromTime, toJson, toTime } from "../../store/codec.ts";
import type { Db } from "../../store/database.ts";
import { appendEvents, type GenerationEventRow } from "../../store/generation_events.ts";
import type { Clock } from "../clock.ts";
import type { GenerationEvent, GenerationEventBody } from "../types.ts";
import type { EventHub } from "./event_hub.ts";

export interface EventLogOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly hub: EventHub;
  readonly generationId: string;
  /** Events that are there already. */
  readonly lastSeq: number;
}

export class EventLog {
  readonly #options: EventLogOptions;
  #lastSeq: number;
  #tail: Promise<void> = Promise.resolve();

  constructor(options: EventLogOptions) {
    this.#options = options;
    this.#lastSeq = options.lastSeq;
  }

  /** Resolves after the commit. `also` runs in the same transaction; when either fails, neither happened. */
  append(bodies: readonly GenerationEventBody[], also?: (trx: Db, at: Date) => Promise<void>): Promise<void> {
    const result = this.#tail.then(() => this.#append(bodies, also));
    this.#tail = result.catch(() => {});
    return result;
  }

  async #append(
    bodies: readonly GenerationEventBody[],
    also: ((trx: Db, at: Date) => Promise<void>) | undefined,
  ): Promise<void> {
    const { db, clock, hub, generationId } = this.#options;
    const at = clock.now();
    const rows = bodies.map((body, index) => toEventRow(generationId, this.#lastSeq + 1 + index, at, body));
    await db.transaction().execute(async (trx) => {
      await appendEvents(trx, rows);
      await also?.(trx, at);
    });
    this.#lastSeq += rows.length;
    if (rows.length > 0) hub.publish(generationId, () => rows.map(toEvent));
  }
}

export function toEventRow(
  generationId: string,
  seq: number,
  at: Date,
  { kind, ...payload }: GenerationEventBody,
): GenerationEventRow {
  return { generation_id: generationId, seq, at: toTime(at), kind, payload: toJson(payload) };
}

export function toEvent(row: GenerationEventRow): GenerationEvent {
  const body = { kind: row.kind, ...fromJson<object>(row.payload) } as GenerationEventBody;
  return { ...body, seq: row.seq, generationId: row.generation_id, at: fromTime(row.at) };
}
