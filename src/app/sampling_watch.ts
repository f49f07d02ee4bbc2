/**
 * Tells whoever watches sampling defaults that they have changed, at whichever gateway. What is told is only that: a
 * watcher reads what is in force when it gets to it, so changes that come faster than it reads become one, and nothing
 * piles up.
 */
import type { Db } from "../store/database.ts";
import { isEmbedded } from "../store/dialect.ts";
import { GATEWAY_SCOPE, revisionNumbers } from "../store/sampling_revisions.ts";
import type { Clock } from "./clock.ts";
import { LogPoller } from "./events/log_poller.ts";

/** How soon a change at another gateway is heard of. */
const POLL_MS = 500;

export interface SamplingChangesOptions {
  readonly db: Db;
  readonly clock: Clock;
  /** Told when the database cannot be asked for the changes of others. */
  readonly reportError: (error: unknown) => void;
}

/** Dispose it before the database. */
export class SamplingChanges implements AsyncDisposable {
  readonly #watchers = new Set<(scope: string) => void>();
  /** Asks for the changes of others, where there may be any, while somebody watches. */
  readonly #others: LogPoller<never> | null;

  constructor({ db, clock, reportError }: SamplingChangesOptions) {
    this.#others = isEmbedded(db) ? null : new LogPoller({
      ...{ clock, reportError, everyMs: POLL_MS },
      read: async (scopes) => {
        const numbers = new Map((await revisionNumbers(db, scopes)).map((row) => [row.scope, row.revision]));
        return scopes.map((id) => ({ id, lastSeq: numbers.get(id) ?? 0, isOpen: true }));
      },
    });
  }

  /** A revision of this scope is in force now. */
  publish(scope: string): void {
    for (const wake of [...this.#watchers]) wake(scope);
  }

  /**
   * What `read` gives now, and again whenever these scopes or the gateway's have changed; what has the same `version` as
   * the one before is not told again. Ends with the signal.
   */
  async *watch<T>(
    scope: string,
    { read, version }: { readonly read: () => Promise<T>; readonly version: (value: T) => string },
    signal: AbortSignal,
  ): AsyncGenerator<T> {
    let news = Promise.withResolvers<void>();
    const wake = (changed: string) => {
      if (changed === scope || changed === GATEWAY_SCOPE) news.resolve();
    };
    const stop = () => news.resolve();
    let told: string | undefined;
    using _following = this.#follow(scope, stop);
    this.#watchers.add(wake);
    signal.addEventListener("abort", stop, { once: true });
    try {
      while (!signal.aborted) {
        // Armed before it is read: a change meanwhile is read once more.
        news = Promise.withResolvers();
        const value = await read();
        const isNew = version(value) !== told;
        told = version(value);
        if (isNew) yield value;
        if (signal.aborted) return;
        await news.promise;
      }
    } finally {
      this.#watchers.delete(wake);
      signal.removeEventListener("abort", stop);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#others?.[Symbol.asyncDispose]();
  }

  #follow(scope: string, wake: () => void): Disposable {
    const following = new DisposableStack();
    if (this.#others !== null) {
      for (const one of new Set([scope, GATEWAY_SCOPE])) following.use(this.#others.follow(one, wake));
    }
    return following;
  }
}
