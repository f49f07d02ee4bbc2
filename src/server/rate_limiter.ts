/**
 * Operations per caller, by token bucket. An operation is charged once, when it arrives: what it then waits for (a
 * queue, a model that is being loaded) and every event of a stream costs nothing more.
 */
import type { RateLimit } from "./limits.ts";

/** Callers that are remembered. One that is forgotten has its whole burst again. */
const MAX_CALLERS = 10_000;

interface Bucket {
  tokens: number;
  atMs: number;
}

export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #nowMs: () => number;
  /** Least recently seen first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(limit: RateLimit, nowMs: () => number = () => performance.now()) {
    this.#limit = limit;
    this.#nowMs = nowMs;
  }

  /** Takes one operation; 0, or the milliseconds until there is one to take. */
  take(caller: string): number {
    const { burst, perSecond } = this.#limit;
    const nowMs = this.#nowMs();
    const last = this.#buckets.get(caller) ?? { tokens: burst, atMs: nowMs };
    const tokens = Math.min(burst, last.tokens + (nowMs - last.atMs) / 1000 * perSecond);
    const isLeft = tokens >= 1;
    this.#buckets.delete(caller);
    this.#buckets.set(caller, { tokens: isLeft ? tokens - 1 : tokens, atMs: nowMs });
    if (this.#buckets.size > MAX_CALLERS) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    return isLeft ? 0 : Math.ceil((1 - tokens) / perSecond * 1000);
  }
}
