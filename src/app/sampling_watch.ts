/**
 * Tells whoever watches sampling defaults that they have changed. What is told is only that: a watcher reads what is in
 * force when it gets to it, so changes that come faster than it reads become one, and nothing piles up. Hears the changes
 * of this process.
 */
import { GATEWAY_SCOPE } from "../store/sampling_revisions.ts";

export class SamplingChanges {
  readonly #watchers = new Set<(scope: string) => void>();

  /** A revision of this scope is in force now. */
  publish(scope: string): void {
    for (const wake of [...this.#watchers]) wake(scope);
  }

  /** What `read` gives now, and again after every change of these scopes or the gateway's. Ends with the signal. */
  async *watch<T>(scope: string, read: () => Promise<T>, signal: AbortSignal): AsyncGenerator<T> {
    let news = Promise.withResolvers<void>();
    const wake = (changed: string) => {
      if (changed === scope || changed === GATEWAY_SCOPE) news.resolve();
    };
    const stop = () => news.resolve();
    this.#watchers.add(wake);
    signal.addEventListener("abort", stop, { once: true });
    try {
      while (!signal.aborted) {
        // Armed before it is read: a change meanwhile is read once more.
        news = Promise.withResolvers();
        yield await read();
        if (signal.aborted) return;
        await news.promise;
      }
    } finally {
      this.#watchers.delete(wake);
      signal.removeEventListener("abort", stop);
    }
  }
}
