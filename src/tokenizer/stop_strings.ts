/**
 * Finds the first of several strings in text that arrives in pieces: the one that begins first in the whole text, however it
 * is cut. Text that may yet turn out to be the beginning of one is held back, so that no client ever sees a part of a stop
 * string. Holds at most the longest string's length less one; knows nothing of tokens.
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
  #holdsStop = false;

  /** Empty strings match nothing. */
  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop.length > 0);
  }

  /** The stop string that has been found, if any. Afterwards `push` and `flush` give no text. */
  get found(): string | null {
    return this.#found;
  }

  /** A stop string is complete, but what began before it may yet become another. If nothing follows, it is the first. */
  get holdsStop(): boolean {
    return this.#holdsStop;
  }

  push(delta: string): StopResult {
    if (this.#found !== null) return { text: "", stop: this.#found };
    const text = this.#held + delta;
    const match = this.#earliest(text);
    const safe = text.length - this.#openLength(text);
    if (match !== null && match.index <= safe) return this.#stopAt(text, match);
    this.#holdsStop = match !== null;
    this.#held = text.slice(safe);
    return { text: text.slice(0, safe), stop: null };
  }

  /** The text still held back when the generation ends for another reason, up to a stop string in it. */
  flush(): string {
    const text = this.#held;
    const match = this.#earliest(text);
    if (match !== null) return this.#stopAt(text, match).text;
    this.#held = "";
    return text;
  }

  #stopAt(text: string, { index, stop }: { readonly index: number; readonly stop: string }): StopResult {
    this.#held = "";
    this.#holdsStop = false;
    this.#found = stop;
    return { text: text.slice(0, index), stop };
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
