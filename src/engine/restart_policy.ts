/**
 * When a dead engine is started again, and when that is given up: pure, so that its promises can be tested without
 * waiting. Delays double from the first to the longest and begin anew once an engine has been well for a while. Too
 * many deaths in a short time mean that the next one will not be the last: then there is a long rest, and after it one
 * try at a time.
 */

export interface RestartLimits {
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /** An engine that has been ready for this long was well. */
  readonly healthyMs: number;
  /** As many deaths within `windowMs` are too many. */
  readonly maxDeaths: number;
  readonly windowMs: number;
  /** The rest before one more try. */
  readonly restMs: number;
  /** One that is not ready after so long is as good as dead: a driver may hang while it opens the device. */
  readonly maxStartMs: number;
}

export const RESTART_LIMITS: RestartLimits = Object.freeze({
  firstDelayMs: 250,
  maxDelayMs: 30_000,
  healthyMs: 60_000,
  maxDeaths: 6,
  windowMs: 300_000,
  restMs: 60_000,
  maxStartMs: 300_000,
});

export type RestartDecision =
  /** `attempt` counts from 1 since the engine was last well. */
  | { readonly kind: "restart"; readonly attempt: number; readonly delayMs: number }
  | { readonly kind: "rest"; readonly deaths: number; readonly delayMs: number };

export class RestartPolicy {
  readonly #limits: RestartLimits;
  /** Times of deaths that count. */
  #deaths: number[] = [];
  #attempts = 0;
  #tryingAfterRest = false;

  constructor(limits: RestartLimits) {
    this.#limits = limits;
  }

  /** `readyMs` is how long the engine had been ready; 0 if it never was. */
  died(nowMs: number, readyMs: number): RestartDecision {
    const { firstDelayMs, maxDelayMs, healthyMs, maxDeaths, windowMs, restMs } = this.#limits;
    if (readyMs >= healthyMs) {
      this.#attempts = 0;
      this.#tryingAfterRest = false;
    }
    // Nor do those count that lie ahead: the clock of the wall was set back.
    this.#deaths = [...this.#deaths.filter((at) => at <= nowMs && nowMs - at < windowMs), nowMs];
    if (this.#tryingAfterRest || this.#deaths.length >= maxDeaths) {
      this.#tryingAfterRest = true;
      return { kind: "rest", deaths: this.#deaths.length, delayMs: restMs };
    }
    const delayMs = Math.min(maxDelayMs, firstDelayMs * 2 ** this.#attempts);
    return { kind: "restart", attempt: ++this.#attempts, delayMs };
  }
}
