/**
 * What is known of each model's presence on the device, and who wants to hear of changes. A model that was never
 * touched is COLD and takes no entry. Only src/app/loading.ts writes here.
 */
import type { ErrorRecord } from "../errors.ts";
import type { Clock } from "./clock.ts";
import type { LoadFigures, ModelNews, Residency, ResidencyListener, ResidencyState } from "./types.ts";

/** What changes; `since` is the board's to say: it moves only when the state does. */
export type ResidencyChange =
  | { readonly state: "LOADING"; readonly progress: LoadFigures }
  | { readonly state: "MISSING_WEIGHTS" | "FAILED"; readonly error: ErrorRecord }
  | { readonly state: "COLD" | "WARM" | "UNLOADING" };

export class ResidencyBoard {
  readonly #clock: Clock;
  readonly #startedAt: Date;
  readonly #entries = new Map<string, Residency>();
  readonly #listeners = new Set<ResidencyListener>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  get(modelId: string): Residency {
    return this.#entries.get(modelId) ??
      { state: "COLD", fraction: 0, stage: null, load: null, since: this.#startedAt, error: null };
  }

  /** Models in this state. COLD is the absence of any other: see {@link notCold}. */
  inState(state: Exclude<ResidencyState, "COLD">): readonly string[] {
    return [...this.#entries].filter(([, entry]) => entry.state === state).map(([id]) => id);
  }

  notCold(): readonly string[] {
    return [...this.#entries].filter(([, entry]) => entry.state !== "COLD").map(([id]) => id);
  }

  set(modelId: string, change: ResidencyChange): void {
    const before = this.get(modelId);
    const load = change.state === "LOADING" ? change.progress : null;
    const after: Residency = {
      state: change.state,
      fraction: load?.fraction ?? (change.state === "WARM" ? 1 : 0),
      stage: load?.stage ?? null,
      load,
      since: before.state === change.state ? before.since : this.#clock.now(),
      error: "error" in change ? change.error : null,
    };
    this.#entries.set(modelId, after);
    const news = before.state === after.state ? "PROGRESS" : "RESIDENCY";
    for (const listener of this.#listeners) listener(modelId, after, news);
  }

  /** Tells that something else about the model has changed. */
  announce(modelId: string, news: "REGISTERED" | "UPDATED" | "REMOVED"): void {
    for (const listener of this.#listeners) listener(modelId, this.get(modelId), news satisfies ModelNews);
  }

  /** Listeners are called in turn and must not throw. Dispose to stop. */
  subscribe(listener: ResidencyListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }
}
