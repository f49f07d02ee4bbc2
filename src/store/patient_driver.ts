/**
 * Transactions on SQLite's one connection. Waits for another process's without holding up this one: SQLite's own waiting
 * blocks the thread that asks, and with it every stream and `/livez`, so here a statement that finds the file locked is
 * given up at once and tried again a little later. Meanwhile whoever else wants the connection has it: who only reads
 * finds nothing locked. Where much is asked at once, streams and `/livez` have their turn in between.
 */
import { type CompiledQuery, type DatabaseConnection, SqliteDriver } from "kysely";
import { StoreBusyError } from "./store_busy.ts";

/** How long a statement, or the beginning of a transaction, waits altogether. */
const PATIENCE_MS = 2_000;
const PAUSE_MS = { first: 1, most: 32 } as const;
/** How long the connection is in use, by whomever, without a turn of the event loop. */
const MAX_HELD_MS = 25;
/** Nobody wants the connection for so long only where the event loop has turned, or something else keeps it from that. */
const IDLE_MS = 5;

/** Lends the connection to one at a time by itself, so the dialect's adapter must not have Kysely do that. */
export class PatientDriver extends SqliteDriver {
  #connection: DatabaseConnection | undefined;
  #isLent = false;
  /** Those who want it, the longest waiting first. */
  readonly #wanted: (() => void)[] = [];
  /** Since when it was in use without a pause, and the event loop may not have had a turn. */
  #heldSinceMs = 0;
  #idleSinceMs = 0;
  /** Those who have found the file locked. */
  #pausing = 0;
  /** A transaction has the lock, so what it finds locked is not another process's. */
  #isInTransaction = false;

  override async acquireConnection(): Promise<DatabaseConnection> {
    await this.#borrow();
    return this.#connection ??= this.#patient(await super.acquireConnection());
  }

  override releaseConnection(): Promise<void> {
    this.#giveBack();
    return Promise.resolve();
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await super.beginTransaction(connection);
    this.#isInTransaction = true;
  }

  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await super.commitTransaction(connection);
    this.#isInTransaction = false;
  }

  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    this.#isInTransaction = false;
    try {
      await super.rollbackTransaction(connection);
    } catch (error) {
      // SQLite does it itself where the disk is full or fails, and what it said then is what the caller is to hear.
      if (!(error instanceof Error) || !/no transaction is active/.test(error.message)) throw error;
    }
  }

  #patient(connection: DatabaseConnection): DatabaseConnection {
    return {
      executeQuery: async <R>(query: CompiledQuery) => {
        if (this.#isHeldLong()) await new Promise<void>((resolve) => this.#afterTurn(resolve));
        const execute = () => connection.executeQuery<R>(query);
        return await (this.#isInTransaction ? execute() : this.#patiently(execute));
      },
      streamQuery: (query, chunkSize) => connection.streamQuery(query, chunkSize),
    };
  }

  /**
   * The outcome of the first attempt that finds nothing locked, or the last StoreBusyError. Nothing depends on what the
   * connection did before, so between attempts it is somebody else's.
   */
  async #patiently<T>(attempt: () => Promise<T>): Promise<T> {
    const untilMs = performance.now() + PATIENCE_MS;
    for (let pauseMs: number = PAUSE_MS.first;; pauseMs = Math.min(2 * pauseMs, PAUSE_MS.most)) {
      // However many wait, there is an attempt a millisecond.
      const waitMs = Math.max(pauseMs, this.#pausing);
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof StoreBusyError) || performance.now() + waitMs > untilMs) throw error;
      }
      this.#giveBack();
      this.#pausing++;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      this.#pausing--;
      await this.#borrow();
    }
  }

  async #borrow(): Promise<void> {
    if (this.#isLent) return await new Promise<void>((resolve) => this.#wanted.push(resolve));
    this.#isLent = true;
    const nowMs = performance.now();
    if (nowMs - this.#idleSinceMs > IDLE_MS) this.#heldSinceMs = nowMs;
  }

  #giveBack(): void {
    const next = this.#wanted.shift();
    if (next === undefined) {
      this.#isLent = false;
      this.#idleSinceMs = performance.now();
    } else if (this.#isHeldLong()) this.#afterTurn(next);
    else next();
  }

  #isHeldLong(): boolean {
    return performance.now() - this.#heldSinceMs > MAX_HELD_MS;
  }

  /** By a timer: what takes less time than that (setImmediate, a message to oneself) comes before any socket is looked at. */
  #afterTurn(next: () => void): void {
    setTimeout(() => {
      this.#heldSinceMs = performance.now();
      next();
    });
  }
}
