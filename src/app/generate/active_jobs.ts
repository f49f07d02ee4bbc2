/**
 * The generations that run in this process, with who watches them. A generation that is not here has ended: its row and
 * its log say how.
 */
import { CapacityError, type ErrorRecord } from "../../errors.ts";
import type { DisconnectPolicy } from "../types.ts";
import type { GenerationJob } from "./job.ts";

interface Entry {
  readonly job: GenerationJob;
  readonly modelId: string;
  readonly onDisconnect: DisconnectPolicy;
  /** Streams of the owner. An admin who looks in decides nothing about somebody else's generation. */
  ownerWatchers: number;
}

export class ActiveJobs {
  readonly #entries = new Map<string, Entry>();
  #closed = false;

  get(id: string): GenerationJob | undefined {
    return this.#entries.get(id)?.job;
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  /** Generations that wait for this model. */
  waitingFor(modelId: string): number {
    return [...this.#entries.values()].filter((entry) => entry.modelId === modelId && entry.job.isWaiting)
      .length;
  }

  add(id: string, entry: Omit<Entry, "ownerWatchers">): void {
    this.#entries.set(id, { ...entry, ownerWatchers: 0 });
  }

  remove(id: string): void {
    this.#entries.delete(id);
  }

  ownerJoined(id: string): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.ownerWatchers++;
  }

  /** The last of the owner's watchers to leave takes a generation with CANCEL along. */
  ownerLeft(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || --entry.ownerWatchers > 0) return;
    if (entry.onDisconnect === "CANCEL") void entry.job.cancel();
  }

  /** No more are taken; those that run end as failed, and their terminal events are written. */
  async close(error: ErrorRecord): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#entries.values()].map(({ job }) => job.fail(error)));
  }

  /** Throws CapacityError once the gateway is closing. */
  requireOpen(): void {
    if (this.#closed) throw new CapacityError("The gateway is shutting down", {});
  }
}
