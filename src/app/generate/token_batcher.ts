/**
 * Gathers tokens into events: one goes out at once when the last event was 50 ms ago, so a slow model's tokens never
 * wait; faster ones go out after 16 tokens or when those 50 ms are over, whichever is first. While one event is being
 * written the next gathers, so a slow disk makes events larger, not more numerous. What waits is bounded by what a
 * generation may produce at all.
 */
import type { Clock } from "../clock.ts";
import type { EventToken } from "../types.ts";

const MIN_INTERVAL_MS = 50;
const MAX_TOKENS = 16;

export class TokenBatcher implements Disposable {
  readonly #clock: Clock;
  readonly #write: (tokens: readonly EventToken[]) => Promise<boolean>;
  #pending: EventToken[] = [];
  #timer: Disposable | undefined;
  #writing: Promise<void> | undefined;
  /** When the last event went out. */
  #flushedMs = -Infinity;
  /** Nothing is written any more: the rest is somebody else's, or could not be written. */
  #isClosed = false;

  /**
   * `write` tells whether they are written, is never called again before its last call has settled, and must not reject.
   * Tokens that are not written are the first of the rest, and nothing is written after them.
   */
  constructor(clock: Clock, write: (tokens: readonly EventToken[]) => Promise<boolean>) {
    this.#clock = clock;
    this.#write = write;
  }

  push(tokens: readonly EventToken[]): void {
    if (tokens.length === 0) return;
    this.#pending.push(...tokens);
    const leftMs = MIN_INTERVAL_MS - (this.#clock.now().getTime() - this.#flushedMs);
    if (leftMs <= 0 || this.#pending.length >= MAX_TOKENS) this.#flush();
    // A clock that was set back must not hold anything up.
    else this.#timer ??= this.#clock.after(Math.min(leftMs, MIN_INTERVAL_MS), () => this.#flush());
  }

  /** What has not been written; it is the caller's now. Waits for the write under way. */
  async takeRest(): Promise<readonly EventToken[]> {
    this.#isClosed = true;
    this[Symbol.dispose]();
    await this.#writing;
    return this.#pending.splice(0);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #flush(): void {
    this[Symbol.dispose]();
    // A write under way takes up what has gathered when it ends.
    if (this.#isClosed || this.#writing !== undefined || this.#pending.length === 0) return;
    const tokens = this.#pending;
    this.#pending = [];
    this.#flushedMs = this.#clock.now().getTime();
    this.#writing = this.#write(tokens).then((isWritten) => {
      this.#writing = undefined;
      if (isWritten) return this.#flush();
      this.#isClosed = true;
      this.#pending.unshift(...tokens);
    });
  }
}
