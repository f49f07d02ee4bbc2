/** How fast this gateway gets through its generations, from the last few that ended: enough for a guess, no more. */
import type { Clock } from "./clock.ts";

/** Generations that are remembered. */
const WINDOW = 32;

export class Pace {
  readonly #clock: Clock;
  readonly #began = new Map<string, number>();
  readonly #durationsMs: number[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** It holds its units from now on. */
  began(id: string): void {
    this.#began.set(id, this.#clock.now().getTime());
  }

  ended(id: string): void {
    const began = this.#began.get(id);
    if (began === undefined) return;
    this.#began.delete(id);
    // Less than nothing, if the clock was set back.
    this.#durationsMs.push(Math.max(0, this.#clock.now().getTime() - began));
    if (this.#durationsMs.length > WINDOW) this.#durationsMs.shift();
  }

  /**
   * Until the turn at this position comes: of n that run, each as long as the last ones did on average, one ends every
   * n-th part of that. Null before any has ended.
   */
  estimateMs(position: number): number | null {
    if (this.#durationsMs.length === 0) return null;
    const meanMs = this.#durationsMs.reduce((sum, ms) => sum + ms, 0) / this.#durationsMs.length;
    return Math.ceil(position * meanMs / Math.max(1, this.#began.size));
  }
}
