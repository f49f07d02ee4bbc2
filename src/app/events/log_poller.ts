/**
 * Watching logs that another gateway writes: nobody publishes their events here, so the database is asked, once for all
 * that are watched, and only while somebody watches. Watchers are woken and then read the log as everybody does.
 */
import type { Clock } from "../clock.ts";
import { Repeat } from "../repeat.ts";
import type { Wake } from "./event_hub.ts";

/** How far a log has come. */
export interface LogState {
  readonly id: string;
  readonly lastSeq: number;
  /** More may be written. */
  readonly isOpen: boolean;
}

export interface LogPollerOptions {
  readonly clock: Clock;
  /** States of these logs; those that are gone are left out. */
  readonly read: (ids: readonly string[]) => Promise<readonly LogState[]>;
  readonly reportError: (error: unknown) => void;
  /** How often the database is asked. */
  readonly everyMs?: number;
}

const POLL_MS = 150;

interface Entry<E> {
  readonly wakes: Set<Wake<E>>;
  lastSeq: number;
  isOpen: boolean;
}

export class LogPoller<E> implements AsyncDisposable {
  readonly #options: LogPollerOptions;
  readonly #entries = new Map<string, Entry<E>>();
  #repeat: Repeat | undefined;

  constructor(options: LogPollerOptions) {
    this.#options = options;
  }

  /** False once a poll has seen its end; what it holds then is all there will be. */
  isOpen(id: string): boolean {
    return this.#entries.get(id)?.isOpen ?? false;
  }

  follow(id: string, wake: Wake<E>): Disposable {
    const entry = this.#entries.get(id) ?? { wakes: new Set(), lastSeq: -1, isOpen: true };
    entry.wakes.add(wake);
    this.#entries.set(id, entry);
    const { clock, reportError, everyMs = POLL_MS } = this.#options;
    this.#repeat ??= new Repeat({ clock, everyMs, work: () => this.#poll(), reportError });
    return {
      [Symbol.dispose]: () => {
        entry.wakes.delete(wake);
        if (entry.wakes.size === 0 && this.#entries.get(id) === entry) this.#entries.delete(id);
        if (this.#entries.size === 0) void this[Symbol.asyncDispose]();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const repeat = this.#repeat;
    this.#repeat = undefined;
    await repeat?.[Symbol.asyncDispose]();
  }

  async #poll(): Promise<void> {
    const open = [...this.#entries].filter(([, entry]) => entry.isOpen);
    if (open.length === 0) return;
    const states = new Map((await this.#options.read(open.map(([id]) => id))).map((one) => [one.id, one]));
    for (const [id, entry] of open) {
      const { lastSeq, isOpen } = states.get(id) ?? { lastSeq: entry.lastSeq, isOpen: false };
      if (lastSeq === entry.lastSeq && isOpen) continue;
      entry.lastSeq = lastSeq;
      entry.isOpen = isOpen;
      for (const wake of [...entry.wakes]) wake([]);
    }
  }
}
