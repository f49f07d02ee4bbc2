/**
 * Writes the logs of many subjects: what comes while a transaction is under way, or in the same turn, goes into the next
 * one together. An engine's step gives every sequence of its batch a token, so this is one commit a step instead of one
 * a sequence. When a transaction fails, its writes are tried again one by one: only those that cannot be written fail.
 */
import type { Db } from "../../store/database.ts";

/** Writes of one transaction. */
const MAX_GROUP = 64;

export interface LogWrite<R> {
  /** The rows to insert, called in the transaction's order. */
  rows(): readonly R[];
  /** Row changes that belong to it. May be called again after a transaction that failed. */
  readonly also?: ((trx: Db) => Promise<void>) | undefined;
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
  readonly #insert: (trx: Db, rows: readonly R[]) => Promise<void>;
  #waiting: Waiting<R>[] = [];
  #isWriting = false;

  /** `insert` is one statement. */
  constructor(db: Db, insert: (trx: Db, rows: readonly R[]) => Promise<void>) {
    this.#db = db;
    this.#insert = insert;
  }

  /** Resolves after the commit; rejects when this very write cannot be made, and then nothing of it has happened. */
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
      const error = await this.#commit(group);
      if (error === null) continue;
      if (group.length === 1) group[0]!.settled.reject(error);
      else for (const one of group) await this.#commitAlone(one);
    }
    this.#isWriting = false;
  }

  async #commitAlone(one: Waiting<R>): Promise<void> {
    const error = await this.#commit([one]);
    if (error !== null) one.settled.reject(error);
  }

  /** The error, or null. A promise that rejects is no reason here to lose the others. */
  async #commit(group: readonly Waiting<R>[]): Promise<unknown> {
    const begun: LogWrite<R>[] = [];
    const insert = async (db: Db) => {
      const rows = group.flatMap(({ write }) => {
        begun.push(write);
        return write.rows();
      });
      await this.#insert(db, rows);
    };
    try {
      // One statement is a transaction of its own, for half the price.
      if (group.every(({ write }) => write.also === undefined)) await insert(this.#db);
      else {
        await this.#db.transaction().execute(async (trx) => {
          await insert(trx);
          for (const { write } of group) await write.also?.(trx);
        });
      }
    } catch (error) {
      for (const write of begun.reverse()) write.undo();
      return error ?? new Error("The transaction failed");
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
}
