/**
 * The log of a generation or a merge. Appends are written in order, each together with whatever row changes belong to
 * it, and are published once they are committed: what a watcher has seen is on disk. Sequence numbers have no gaps,
 * because a failed append takes none.
 */
import type { Db } from "../../store/database.ts";
import type { Clock } from "../clock.ts";
import type { EventHub } from "./event_hub.ts";
import type { LogWriter, SharedChange } from "./log_writer.ts";

/** A body with its place in the log. */
export interface LogEntry<B> {
  readonly seq: number;
  readonly at: Date;
  readonly body: B;
}

export interface EventLogOptions<B, E, R> {
  /** Of all logs of this kind. */
  readonly writer: LogWriter<R>;
  readonly clock: Clock;
  readonly hub: EventHub<E>;
  /** What is watched: the generation or the merge. */
  readonly subjectId: string;
  /** Events that are there already. */
  readonly lastSeq: number;
  readonly toRow: (entry: LogEntry<B>) => R;
  /** What watchers see of an entry. */
  readonly toEvent: (entry: LogEntry<B>) => E;
  /** Told what was committed, whether anybody watches or not. */
  readonly onAppended?: (at: Date, bodies: readonly B[]) => void;
}

export class EventLog<B, E, R = unknown> {
  readonly #options: EventLogOptions<B, E, R>;
  #lastSeq: number;

  constructor(options: EventLogOptions<B, E, R>) {
    this.#options = options;
    this.#lastSeq = options.lastSeq;
  }

  /**
   * Resolves after the commit. `also` and what `shared` gives run in the same transaction; when any of it fails, none
   * happened. They may run again after a transaction that failed for somebody else's reason.
   */
  append(
    bodies: readonly B[],
    also?: (trx: Db, at: Date) => Promise<void>,
    shared?: (at: Date) => SharedChange,
  ): Promise<void> {
    const { writer, clock, hub, subjectId, toRow, toEvent, onAppended } = this.#options;
    const at = clock.now();
    let entries: readonly LogEntry<B>[] = [];
    return writer.write({
      subjectId,
      rows: () => {
        entries = bodies.map((body, index) => ({ seq: this.#lastSeq + 1 + index, at, body }));
        this.#lastSeq += entries.length;
        return entries.map(toRow);
      },
      also: also && ((trx) => also(trx, at)),
      shared: shared?.(at),
      undo: () => {
        this.#lastSeq -= entries.length;
      },
      done: () => {
        if (entries.length === 0) return;
        onAppended?.(at, bodies);
        hub.publish(subjectId, () => entries.map(toEvent));
      },
    });
  }
}
