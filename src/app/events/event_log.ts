/**
 * The one writer of the log of a generation or a merge. Appends run one after another, each in a transaction with
 * whatever row changes belong to it, and are published once they are committed: what a watcher has seen is on disk.
 * Sequence numbers have no gaps, because a failed append takes none.
 */
import type { Db } from "../../store/database.ts";
import type { Clock } from "../clock.ts";
import type { EventHub } from "./event_hub.ts";

/** A body with its place in the log. */
export interface LogEntry<B> {
  readonly seq: number;
  readonly at: Date;
  readonly body: B;
}

export interface EventLogOptions<B, E> {
  readonly db: Db;
  readonly clock: Clock;
  readonly hub: EventHub<E>;
  /** What is watched: the generation or the merge. */
  readonly subjectId: string;
  /** Events that are there already. */
  readonly lastSeq: number;
  /** Inserts the rows of these entries. */
  readonly insert: (trx: Db, entries: readonly LogEntry<B>[]) => Promise<void>;
  /** What watchers see of an entry. */
  readonly toEvent: (entry: LogEntry<B>) => E;
  /** Told what was committed, whether anybody watches or not. */
  readonly onAppended?: (at: Date, bodies: readonly B[]) => void;
}

export class EventLog<B, E> {
  readonly #options: EventLogOptions<B, E>;
  #lastSeq: number;
  #tail: Promise<void> = Promise.resolve();

  constructor(options: EventLogOptions<B, E>) {
    this.#options = options;
    this.#lastSeq = options.lastSeq;
  }

  /** Resolves after the commit. `also` runs in the same transaction; when either fails, neither happened. */
  append(bodies: readonly B[], also?: (trx: Db, at: Date) => Promise<void>): Promise<void> {
    const result = this.#tail.then(() => this.#append(bodies, also));
    this.#tail = result.catch(() => {});
    return result;
  }

  async #append(
    bodies: readonly B[],
    also: ((trx: Db, at: Date) => Promise<void>) | undefined,
  ): Promise<void> {
    const { db, clock, hub, subjectId, insert, toEvent, onAppended } = this.#options;
    const at = clock.now();
    const entries = bodies.map((body, index) => ({ seq: this.#lastSeq + 1 + index, at, body }));
    await db.transaction().execute(async (trx) => {
      await insert(trx, entries);
      await also?.(trx, at);
    });
    this.#lastSeq += entries.length;
    if (entries.length === 0) return;
    onAppended?.(at, bodies);
    hub.publish(subjectId, () => entries.map(toEvent));
  }
}
