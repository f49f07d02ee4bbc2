/**
 * The generations that run in this process, with who watches them. A place is taken before a generation's row is
 * written, so that nobody ever finds the row without it, and closing waits for those that are about to start. A
 * generation that is not here has ended: its row and its log say how.
 */
import { CapacityError, type ErrorRecord } from "../../errors.ts";
import type { Clock } from "../clock.ts";
import type { DisconnectPolicy } from "../types.ts";
import type { GenerationJob } from "./job.ts";

interface Entry {
  readonly modelId: string;
  readonly onDisconnect: DisconnectPolicy;
  /** With CANCEL: from when its owner's last watcher leaves, or (see FIRST_WATCHER_MS) from its start. */
  readonly graceMs: number;
  job: GenerationJob | undefined;
  /** Resolves with the job, or with undefined if none came of it. */
  readonly started: PromiseWithResolvers<GenerationJob | undefined>;
  /** Streams of the owner. An admin who looks in decides nothing about somebody else's generation. */
  ownerWatchers: number;
  /** Runs while nobody of them is there. */
  grace: Disposable | undefined;
}

export interface ActiveJobsOptions {
  readonly clock: Clock;
  /** Whether its owner watches it at another gateway; null where there can be none. */
  readonly isWatchedElsewhere: ((id: string) => Promise<boolean>) | null;
  readonly reportError: (error: unknown) => void;
}

/** Whoever has started a generation is given so long at least to come and watch it, for that takes a request of its own. */
const FIRST_WATCHER_MS = 5_000;
/** How often is looked whether it is still watched elsewhere. */
const LOOK_AGAIN_MS = 1_000;

export class ActiveJobs {
  readonly #options: ActiveJobsOptions;
  readonly #entries = new Map<string, Entry>();
  #closed = false;

  constructor(options: ActiveJobsOptions) {
    this.#options = options;
  }

  get(id: string): GenerationJob | undefined {
    return this.#entries.get(id)?.job;
  }

  /** All that run, or are about to. */
  ids(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Running, or about to. */
  has(id: string): boolean {
    return this.#entries.has(id);
  }

  /** Generations that wait for this model, those about to start included. */
  waitingFor(modelId: string): number {
    return [...this.#entries.values()]
      .filter((entry) => entry.modelId === modelId && entry.job?.isWaiting !== false).length;
  }

  /** Takes a place; `start` or `remove` follows. Throws CapacityError once the gateway is closing. */
  reserve(id: string, entry: Pick<Entry, "modelId" | "onDisconnect" | "graceMs">): void {
    if (this.#closed) throw new CapacityError("The gateway is shutting down", { retryAfterMs: 1000 });
    this.#entries.set(id, {
      ...entry,
      ...{ job: undefined, started: Promise.withResolvers(), ownerWatchers: 0, grace: undefined },
    });
  }

  start(id: string, job: GenerationJob): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new Error(`Generation "${id}" has no place`);
    entry.job = job;
    entry.started.resolve(job);
    this.ownerCalled(id);
  }

  /** Its owner has started it, now or with the same key before: one with CANCEL waits anew for somebody to watch it. */
  ownerCalled(id: string): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#awaitOwner(id, entry, Math.max(entry.graceMs, FIRST_WATCHER_MS));
  }

  remove(id: string): void {
    const entry = this.#entries.get(id);
    entry?.grace?.[Symbol.dispose]();
    entry?.started.resolve(undefined);
    this.#entries.delete(id);
  }

  ownerJoined(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.ownerWatchers++;
    entry.grace?.[Symbol.dispose]();
    entry.grace = undefined;
  }

  /** The last of the owner's watchers to leave takes a generation with CANCEL along, unless one is back in time. */
  ownerLeft(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.ownerWatchers--;
    this.#awaitOwner(id, entry, entry.graceMs);
  }

  /** Resolves when that is written, or nothing runs under this id. */
  async cancel(id: string): Promise<void> {
    await (await this.#entries.get(id)?.started.promise)?.cancel();
  }

  /** Ends it as failed; resolves when that is written, or nothing runs under this id. */
  async fail(id: string, error: ErrorRecord): Promise<void> {
    await (await this.#entries.get(id)?.started.promise)?.fail(error);
  }

  /** No more are taken; those that run end as failed, and their terminal events are written. */
  async close(error: ErrorRecord): Promise<void> {
    this.#closed = true;
    const entries = [...this.#entries.values()];
    await Promise.all(entries.map(async ({ started }) => (await started.promise)?.fail(error)));
  }

  /** Does nothing while somebody watches, or where nobody has to. */
  #awaitOwner(id: string, entry: Entry, graceMs: number): void {
    if (entry.onDisconnect !== "CANCEL" || entry.ownerWatchers > 0) return;
    this.#after(entry, graceMs, () => this.#giveUp(id, entry, { wasWatched: false }));
  }

  #after(entry: Entry, ms: number, act: () => void): void {
    entry.grace?.[Symbol.dispose]();
    entry.grace = undefined;
    if (ms === 0) return act();
    entry.grace = this.#options.clock.after(ms, () => {
      entry.grace = undefined;
      act();
    });
  }

  /** Unless it is watched elsewhere: then once it is no more, and a grace later. */
  #giveUp(id: string, entry: Entry, { wasWatched }: { readonly wasWatched: boolean }): void {
    const { isWatchedElsewhere, reportError } = this.#options;
    if (isWatchedElsewhere === null) return void this.cancel(id);
    const isWatched = isWatchedElsewhere(id).catch((error) => {
      if (this.#entries.get(id) === entry) reportError(error);
      return true; // perhaps it is
    });
    void isWatched.then((isWatched) => {
      const isBack = entry.ownerWatchers > 0 || entry.grace !== undefined;
      if (isBack || this.#entries.get(id) !== entry) return;
      if (isWatched) this.#after(entry, LOOK_AGAIN_MS, () => this.#giveUp(id, entry, { wasWatched: true }));
      else if (wasWatched) this.#awaitOwner(id, entry, entry.graceMs);
      else void this.cancel(id);
    });
  }
}
