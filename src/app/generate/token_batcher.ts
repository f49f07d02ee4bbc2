/**
 * Gathers tokens into events: the first goes out at once, later ones after 16 tokens or 50 ms, whichever is first.
 * While one event is being written the next gathers, so a slow disk makes events larger, not more numerous. What waits
 * is bounded by what a generation may produce at all.
 */
import type { Clock } from "../clock.ts";
import type { EventToken } from "../types.ts";

const MAX_DELAY_MS = 50;
const MAX_TOKENS = 16;

export class TokenBatcher implements Disposable {
  readonly #clock: Clock;
  readonly #write: (tokens: readonly EventToken[]) => Promise<void>;
  #pending: EventToken[] = [];
  #timer: Disposable | undefined;
  #writing: Promise<void> | undefined;
  #started = false;

  /** `write` is never called again before its last call has settled, and must not reject. */
  constructor(clock: Clock, write: (tokens: readonly EventToken[]) => Promise<void>) {
    this.#clock = clock;
    this.#write = write;
  }

  push(tokens: readonly EventToken[]): void {
    if (tokens.length === 0) return;
    this.#pending.push(...tokens);
    if (!this.#started || this.#pending.length >= MAX_TOKENS) this.#flush();
    else this.#timer ??= this.#clock.after(MAX_DELAY_MS, () => this.#flush());
    this.#started = true;
  }

  /** What has not been handed to `write`; it is the caller's now. Waits for the write under way. */
  async takeRest(): Promise<readonly EventToken[]> {
    this[Symbol.dispose]();
    const rest = this.#pending;
    this.#pending = [];
    await this.#writing;
    return rest;
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #flush(): void {
    this[Symbol.dispose]();
    // A write under way takes up what has gathered when it ends.
    if (this.#writing !== undefined || this.#pending.length === 0) return;
    const tokens = this.#pending;
    this.#pending = [];
    this.#writing = this.#write(tokens).then(() => {
      this.#writing = undefined;
      this.#flush();
    });
  }
}
