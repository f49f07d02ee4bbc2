/**
 * What happens to keys beside requests: their last use is noted in the background, a key at most once a minute, and
 * whoever holds something open for a key hears when it is revoked, by whichever process.
 */
import { revokedKeyIds, touchApiKeys } from "../store/api_keys.ts";
import { toTime } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import type { Clock } from "./clock.ts";
import { Repeat } from "./repeat.ts";

export interface KeyActivityOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly reportError: (error: unknown) => void;
}

/** A use is written this long after it was, with all others of that time. */
const WRITE_DELAY_MS = 1_000;
/** A key's use is written no more often. */
const USE_INTERVAL_MS = 60_000;
/** How often the database is asked for keys that another process has revoked, while somebody listens. */
const POLL_MS = 1_000;

type Listener = (principalId: string) => void;

export class KeyActivity implements AsyncDisposable {
  readonly #options: KeyActivityOptions;
  /** When a key's use was noted last, in this process. */
  readonly #notedMs = new Map<string, number>();
  readonly #unwritten = new Set<string>();
  readonly #listeners = new Set<Listener>();
  /** Keys whose revocation was told or lies before the first listener. */
  #knownRevoked: Set<string> | undefined;
  #writeTimer: Disposable | undefined;
  #polling: Repeat | undefined;
  #work: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: KeyActivityOptions) {
    this.#options = options;
  }

  /** Costs a look into a map; the writing comes later. */
  used(id: string): void {
    const { clock } = this.#options;
    const nowMs = clock.now().getTime();
    // A clock that was set back must not keep uses from being noted.
    const sinceMs = Math.abs(nowMs - (this.#notedMs.get(id) ?? -Infinity));
    if (this.#isClosed || sinceMs < USE_INTERVAL_MS) return;
    this.#notedMs.set(id, nowMs);
    this.#unwritten.add(id);
    this.#writeTimer ??= clock.after(WRITE_DELAY_MS, () => this.#enqueue(() => this.#write()));
  }

  /** This process has revoked it. */
  revoked(id: string): void {
    this.#notedMs.delete(id);
    this.#tell(id);
  }

  /** As far as whoever listens was told, or would have been. */
  isRevoked(id: string): boolean {
    return this.#knownRevoked?.has(id) ?? false;
  }

  onRevoked(listener: Listener): Disposable {
    this.#listeners.add(listener);
    if (this.#polling === undefined && !this.#isClosed) {
      if (this.#knownRevoked === undefined) this.#enqueue(() => this.#poll());
      const { clock, reportError } = this.#options;
      this.#polling = new Repeat({ clock, reportError, everyMs: POLL_MS, work: () => this.#poll() });
    }
    return {
      [Symbol.dispose]: () => {
        this.#listeners.delete(listener);
        if (this.#listeners.size === 0) void this.#stopPolling();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#stopPolling();
    this.#writeTimer?.[Symbol.dispose]();
    this.#enqueue(() => this.#write());
    await this.#work;
  }

  async #stopPolling(): Promise<void> {
    const polling = this.#polling;
    this.#polling = undefined;
    await polling?.[Symbol.asyncDispose]();
  }

  /** One after another; nobody waits, so failures are reported. */
  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch(this.#options.reportError);
  }

  async #write(): Promise<void> {
    this.#writeTimer = undefined;
    const ids = [...this.#unwritten];
    this.#unwritten.clear();
    try {
      await touchApiKeys(this.#options.db, ids, toTime(this.#options.clock.now()));
    } catch (error) {
      for (const id of ids) this.#notedMs.delete(id); // the next use is noted
      throw error;
    }
  }

  async #poll(): Promise<void> {
    if (this.#isClosed) return;
    const ids = await revokedKeyIds(this.#options.db);
    if (this.#knownRevoked === undefined) this.#knownRevoked = new Set(ids);
    else for (const id of ids) this.#tell(id);
  }

  #tell(id: string): void {
    const known = this.#knownRevoked;
    if (known?.has(id)) return;
    known?.add(id);
    for (const listener of [...this.#listeners]) listener(id);
  }
}
