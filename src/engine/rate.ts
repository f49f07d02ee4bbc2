/**
 * Tokens, or whatever is counted, per second over the last few seconds, for the metrics. Owns a short list of buckets;
 * refuses to look at a clock: instants are passed in.
 */

const WINDOW_MS = 5000;
const BUCKET_MS = 100;

export class RecentRate {
  /** Ascending in time, at most WINDOW_MS / BUCKET_MS of them after every `add`. */
  readonly #buckets: { readonly startMs: number; count: number }[] = [];

  add(count: number, nowMs: number): void {
    const last = this.#buckets.at(-1);
    if (last !== undefined && nowMs - last.startMs < BUCKET_MS) last.count += count;
    else this.#buckets.push({ startMs: nowMs, count });
    this.#prune(nowMs);
  }

  /** 0 when nothing came in the window. A burst is spread over at least one bucket. */
  perSecond(nowMs: number): number {
    this.#prune(nowMs);
    const first = this.#buckets[0];
    if (first === undefined) return 0;
    const total = this.#buckets.reduce((sum, { count }) => sum + count, 0);
    return total * 1000 / Math.max(nowMs - first.startMs, BUCKET_MS);
  }

  #prune(nowMs: number): void {
    while (this.#buckets.length > 0 && nowMs - this.#buckets[0]!.startMs > WINDOW_MS) this.#buckets.shift();
  }
}
