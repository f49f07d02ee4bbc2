/**
 * Tells watchers that the log of a generation or a merge has grown, and by what. A watcher that is up to date takes the
 * events from here; one that is not reads the log. So a hundred watchers cost no statement per event, and however slow
 * one is, nothing waits for it and nothing piles up here.
 */

/** Called after a commit, or with an error when the log can no longer be written. Must not throw. */
export type Wake<E> = (events: readonly E[], error?: Error) => void;

export class EventHub<E> {
  readonly #watchers = new Map<string, Set<Wake<E>>>();

  subscribe(subjectId: string, wake: Wake<E>): Disposable {
    const watchers = this.#watchers.get(subjectId) ?? new Set();
    this.#watchers.set(subjectId, watchers.add(wake));
    return {
      [Symbol.dispose]: () => {
        watchers.delete(wake);
        if (watchers.size === 0) this.#watchers.delete(subjectId);
      },
    };
  }

  /** Hands committed events to everybody who watches this subject; they are made only for somebody. */
  publish(subjectId: string, events: () => readonly E[]): void {
    const watchers = this.#watchers.get(subjectId);
    if (watchers === undefined) return;
    const made = events();
    for (const wake of [...watchers]) wake(made);
  }

  /** Nothing more will be written: the last event is out, or the log is broken. */
  close(subjectId: string, error?: Error): void {
    for (const wake of [...this.#watchers.get(subjectId) ?? []]) wake([], error);
  }
}
