/**
 * Writes the logs of many subjects: what comes while a transaction is under way, or in the same turn, goes into the next
 * one together. An engine's step gives every sequence of its batch a token, so this is one commit a step instead of one
 * a sequence. When a transaction fails, its writes are tried again one by one: only those that cannot be written fail.
 * While the database is away, all of them wait for it; what comes meanwhile gathers where it is made (token_batcher.ts).
 */
import type { Db } from "../../store/database.ts";
import { StoreBusyError } from "../../store/store_busy.ts";

/** Writes of one transaction. */
const MAX_GROUP = 64;
/** A database that is restarted, or whose stand-by takes over, is back by then. */
const PATIENCE_MS = 30_000;
const PAUSE_MS = { first: 50, most: 1_000 } as const;

export interface LogWriterOptions<R> {
  /** One statement. */
  readonly insert: (trx: Db, rows: readonly R[]) => Promise<void>;
  /**
   * Whether this very row is in the log: where a connection is lost with a commit under way, nobody else knows whether
   * that has happened.
   */
  readonly isWritten: (db: Db, row: R) => Promise<boolean>;
  /** How long a write waits for a database that is away. */
  readonly patienceMs?: number;
}

/** A change of one row that others change as well, as sums are. */
export interface SharedChange {
  /** Of the row. */
  readonly key: string;
  /** May be called again after a transaction that failed. */
  readonly write: (trx: Db) => Promise<void>;
}

export interface LogWrite<R> {
  /** Whose log it is. */
  readonly subjectId: string;
  /** The rows to insert, called in the transaction's order. */
  rows(): readonly R[];
  /**
   * Changes of its own rows that belong to it, made before anybody's events are inserted and in the order of subjects: so
   * does whoever takes a subject from a gateway that is dead (its row, then its log), and no two transactions wait for each
   * other. May be called again after a transaction that failed.
   */
  readonly also?: ((trx: Db) => Promise<void>) | undefined;
  /** Made after everybody's own ones, and in the order of keys: no two transactions wait for each other. */
  readonly shared?: SharedChange | undefined;
  /** The transaction of the last `rows` has failed. */
  undo(): void;
  /** It is on disk. Called in order. */
  done(): void;
}

interface Waiting<R> {
  readonly write: LogWrite<R>;
  readonly settled: PromiseWithResolvers<void>;
}

export class LogWriter<R> {
  readonly #db: Db;
  readonly #options: LogWriterOptions<R>;
  #waiting: Waiting<R>[] = [];
  #isWriting = false;

  constructor(db: Db, options: LogWriterOptions<R>) {
    this.#db = db;
    this.#options = options;
  }

  /**
   * Resolves after the commit; rejects when this very write cannot be made, and then nothing of it has happened, unless
   * the database went away with the commit and has not come back.
   */
  write(write: LogWrite<R>): Promise<void> {
    const settled = Promise.withResolvers<void>();
    this.#waiting.push({ write, settled });
    if (!this.#isWriting) {
      this.#isWriting = true;
      queueMicrotask(() => this.#drain());
    }
    return settled.promise;
  }

  /** Never rejects. */
  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, MAX_GROUP);
      const untilMs = performance.now() + (this.#options.patienceMs ?? PATIENCE_MS);
      const error = await this.#commit(group, untilMs);
      if (error === null) continue;
      // A database that has been away for so long is so for each of them.
      if (group.length === 1 || error instanceof StoreBusyError) {
        for (const { settled } of group) settled.reject(error);
      } else {
        for (const one of group) await this.#commitAlone(one, untilMs);
      }
    }
    this.#isWriting = false;
  }

  async #commitAlone(one: Waiting<R>, untilMs: number): Promise<void> {
    const error = await this.#commit([one], untilMs);
    if (error !== null) one.settled.reject(error);
  }

  /** The error, or null. A promise that rejects is no reason here to lose the others. */
  async #commit(group: readonly Waiting<R>[], untilMs: number): Promise<unknown> {
    let unsure: R | undefined;
    for (let pauseMs: number = PAUSE_MS.first;; pauseMs = Math.min(2 * pauseMs, PAUSE_MS.most)) {
      const { begun, rows, error } = await this.#try(group, unsure);
      if (error === null) break;
      for (const write of begun.reverse()) write.undo();
      if (!(error instanceof StoreBusyError) || performance.now() + pauseMs > untilMs) return error;
      unsure ??= rows[0];
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    for (const { write, settled } of group) {
      try {
        write.done();
        settled.resolve();
      } catch (error) {
        settled.reject(error);
      }
    }
    return null;
  }

  /** Once. With `unsure`, a row of an attempt that may have been committed, that is looked for first. */
  async #try(group: readonly Waiting<R>[], unsure: R | undefined) {
    const begun: LogWrite<R>[] = [];
    const rows: R[] = [];
    try {
      for (const { write } of group) {
        begun.push(write);
        rows.push(...write.rows());
      }
      if (unsure === undefined || !await this.#options.isWritten(this.#db, unsure)) {
        await this.#insert(group, rows);
      }
      return { begun, rows, error: null };
    } catch (error) {
      return { begun, rows, error: error ?? new Error("The transaction failed") };
    }
  }

  async #insert(group: readonly Waiting<R>[], rows: readonly R[]): Promise<void> {
    const { insert } = this.#options;
    // One statement is a transaction of its own, for half the price.
    const isBare = group.every(({ write }) => write.also === undefined && write.shared === undefined);
    if (isBare) return await insert(this.#db, rows);
    const own = group.map(({ write }) => write).sort((a, b) => compare(a.subjectId, b.subjectId));
    const shared = group.flatMap(({ write }) => write.shared ?? []).sort((a, b) => compare(a.key, b.key));
    await this.#db.transaction().execute(async (trx) => {
      for (const write of own) await write.also?.(trx);
      await insert(trx, rows);
      for (const change of shared) await change.write(trx);
    });
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
