/**
 * Tells watchers that a generation's log has grown, and by what. A watcher that is up to date takes the events from
 * here; one that is not reads the log. So a hundred watchers cost no statement per event, and however slow one is,
 * nothing waits for it and nothing piles up here.
 */
import type { GenerationEvent } from "../types.ts";

/** Called after a commit, or with an error when the log can no longer be written. Must not throw. */
export type Wake = (events: readonly GenerationEvent[], error?: Error) => void;

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

  /** Hands committed events to everybody who watches this generation; they are made only for somebody. */
  publish(generationId: string, events: () => readonly GenerationEvent[]): void {
    const watchers = this.#watchers.get(generationId);
    if (watchers === undefined) return;
    const made = events();
    for (const wake of [...watchers]) wake(made);
  }

  /** Nothing more will be written: the last event is out, or the log is broken. */
  close(generationId: string, error?: Error): void {
    for (const wake of [...this.#watchers.get(generationId) ?? []]) wake([], error);
  }
}
