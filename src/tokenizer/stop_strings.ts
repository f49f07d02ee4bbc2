/**
 * Finds the first of several strings in text that arrives in pieces. Text that may yet turn out to be the beginning
 * of one is held back, so that no client ever sees a part of a stop string. Holds at most the longest string's
 * length less one; knows nothing of tokens.
 */

export interface StopResult {
  /** Text that is certain to precede any stop string. */
  readonly text: string;
  /** The string that was found; nothing comes after it. */
  readonly stop: string | null;
}

export class StopMatcher {
  readonly #stops: readonly string[];
  #held = "";
  #found: string | null = null;

  /** Empty strings match nothing. */
  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop.length > 0);
  }

  /** The stop string that has been found, if any. Afterwards `push` and `flush` give no text. */
  get found(): string | null {
    return this.#found;
  }

  push(delta: string): StopResult {
    if (this.#found !== null) return { text: "", stop: this.#found };
    const text = this.#held + delta;
    const match = this.#earliest(text);
    if (match !== null) {
      this.#held = "";
      this.#found = match.stop;
      return { text: text.slice(0, match.index), stop: match.stop };
    }
    const safe = text.length - this.#openLength(text);
    this.#held = text.slice(safe);
    return { text: text.slice(0, safe), stop: null };
  }

  /** The text still held back when the generation ends for another reason. */
  flush(): string {
    const text = this.#held;
    this.#held = "";
    return text;
  }

  /** The match that begins first; of two that begin together, the shorter, because it is complete first. */
  #earliest(text: string): { readonly index: number; readonly stop: string } | null {
    let best: { index: number; stop: string } | null = null;
    for (const stop of this.#stops) {
      const index = text.indexOf(stop);
      if (index < 0) continue;
      if (best === null || index < best.index || (index === best.index && stop.length < best.stop.length)) {
        best = { index, stop };
      }
    }
    return best;
  }

  /** Length of the longest end of `text` with which some stop string begins. */
  #openLength(text: string): number {
    const longest = Math.max(0, ...this.#stops.map((stop) => stop.length - 1));
    for (let length = Math.min(longest, text.length); length > 0; length--) {
      const end = text.slice(text.length - length);
      if (this.#stops.some((stop) => stop.length > length && stop.startsWith(end))) return length;
    }
    return 0;
  }
}
