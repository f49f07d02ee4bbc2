/**
 * Tells watchers that a generation's log has grown. It carries no events: a woken watcher reads the log, so however
 * slow it is, nothing waits for it and nothing piles up here.
 */

/** Called after a commit; with an error when the log can no longer be written. Must not throw. */
export type Wake = (error?: Error) => void;

export class EventHub {
  readonly #watchers = new Map<string, Set<Wake>>();

  subscribe(generationId: string, wake: Wake): Disposable {
    const watchers = this.#watchers.get(generationId) ?? new Set();
    this.#watchers.set(generationId, watchers.add(wake));
    return {
      [Symbol.dispose]: () => {
        watchers.delete(wake);
        if (watchers.size === 0) this.#watchers.delete(generationId);
      },
    };
  }

  /** Wakes everybody who watches this generation. */
  publish(generationId: string, error?: Error): void {
    for (const wake of [...this.#watchers.get(generationId) ?? []]) wake(error);
  }
}
