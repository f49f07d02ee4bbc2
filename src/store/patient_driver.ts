/**
 * Transactions on SQLite's one connection. Waits for another process's without holding up this one: SQLite's own waiting
 * blocks the thread that asks, and with it every stream and `/livez`, so here a statement that finds the file locked is
 * given up at once and tried again a little later. Everybody else who wants the connection waits as well.
 */
import { type CompiledQuery, type DatabaseConnection, SqliteDriver } from "kysely";
import { StoreBusyError } from "./store_busy.ts";

/** How long a statement, or the beginning of a transaction, waits altogether. */
const PATIENCE_MS = 2_000;
const PAUSE_MS = { first: 1, most: 32 } as const;

export class PatientDriver extends SqliteDriver {
  #connection: DatabaseConnection | undefined;
  /** A transaction has the lock, so what it finds locked is not another process's. */
  #isInTransaction = false;

  override async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection ??= this.#patient(await super.acquireConnection());
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
      executeQuery: <R>(query: CompiledQuery) => {
        const execute = () => connection.executeQuery<R>(query);
        return this.#isInTransaction ? execute() : patiently(execute);
      },
      streamQuery: (query, chunkSize) => connection.streamQuery(query, chunkSize),
    };
  }
}

/** The outcome of the first attempt that finds nothing locked, or the last StoreBusyError. */
async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  const untilMs = performance.now() + PATIENCE_MS;
  for (let pauseMs: number = PAUSE_MS.first;; pauseMs = Math.min(2 * pauseMs, PAUSE_MS.most)) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof StoreBusyError) || performance.now() + pauseMs > untilMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
