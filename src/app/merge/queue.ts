/**
 * One merge at a time: it takes the disk's whole speed and as much memory as it is allowed. The others wait in the order
 * they came, and learn their place whenever it changes. The queue is bounded; what waits in it survives the process
 * where its row says enough to start it again.
 */
import { CapacityError, type GeodesicError } from "../../errors.ts";
import type { MergeJob } from "./job.ts";

/** Merges that may wait. */
const MAX_WAITING = 32;
const RETRY_AFTER_MS = 10_000;

export class MergeQueue {
  readonly #waiting: MergeJob[] = [];
  /** Merges whose rows are about to be written, or have just been. */
  readonly #reserved = new Set<string>();
  /** Called when a job is over, however it ended. */
  readonly #onGone: (id: string) => void;
  #running: MergeJob | undefined;
  #closed = false;

  constructor(onGone: (id: string) => void) {
    this.#onGone = onGone;
  }

  get(id: string): MergeJob | undefined {
    return this.#running?.id === id ? this.#running : this.#waiting.find((job) => job.id === id);
  }

  /** Nothing is taken any more, and what waited is being let go of. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** All that wait, run, or are about to wait. */
  ids(): readonly string[] {
    const running = this.#running === undefined ? [] : [this.#running.id];
    return [...running, ...this.#waiting.map(({ id }) => id), ...this.#reserved];
  }

  /** Before its row is written, until the result is disposed: nobody takes it for one that was left behind. */
  reserve(id: string): Disposable {
    this.#reserved.add(id);
    return { [Symbol.dispose]: () => void this.#reserved.delete(id) };
  }

  /** The place of who comes next; 1 is next to run. Throws CapacityError when the queue is full or closing. */
  requirePlace(): number {
    if (this.#closed) throw new CapacityError("The gateway is shutting down", { retryAfterMs: 1000 });
    if (this.#waiting.length < MAX_WAITING) return this.#waiting.length + 1;
    throw new CapacityError(`Cannot queue another merge: ${MAX_WAITING} are waiting`, {
      waiting: MAX_WAITING,
      retryAfterMs: RETRY_AFTER_MS,
    });
  }

  /** Runs it when those before it are done. */
  add(job: MergeJob): void {
    this.#waiting.push(job);
    this.#settle();
  }

  /** Idempotent; resolves when the end is written. Unknown ids have ended already. */
  async cancel(id: string): Promise<void> {
    const job = this.get(id);
    await job?.cancel();
    if (job !== undefined) this.#forget(job);
  }

  /** Another gateway has it now: it stops here, and writes nothing more. */
  async abandon(id: string): Promise<void> {
    const job = this.get(id);
    await job?.abandon();
    if (job !== undefined) this.#forget(job);
  }

  /** The one that runs ends with `error`, and so do those that no later start could take up. */
  async close(error: GeodesicError): Promise<void> {
    this.#closed = true;
    const waiting = this.#waiting.splice(0);
    const ending = waiting.filter((job) => !job.durable);
    if (this.#running !== undefined) ending.push(this.#running);
    await Promise.all(ending.map((job) => job.cancel(error)));
    for (const job of waiting) this.#onGone(job.id);
  }

  #settle(): void {
    if (this.#running === undefined && !this.#closed) {
      this.#running = this.#waiting.shift();
      if (this.#running !== undefined) void this.#run(this.#running);
    }
    for (const [index, job] of this.#waiting.entries()) job.moveTo(index + 1);
  }

  async #run(job: MergeJob): Promise<void> {
    await job.run();
    this.#forget(job);
  }

  #forget(job: MergeJob): void {
    const at = this.#waiting.indexOf(job);
    if (at >= 0) this.#waiting.splice(at, 1);
    if (this.#running === job) this.#running = undefined;
    this.#onGone(job.id);
    this.#settle();
  }
}
