/**
 * A regular expression that tries one place of a text after the other by itself, so that it can be given up between them.
 * What it finds is what any RegExp finds.
 */
import { ConfigError } from "../errors.ts";

/** Far more than the expressions of real tokenizers take on a busy machine: less than a microsecond for a character. */
const PATIENCE: Patience = { ms: 500, msPerCharacter: 0.005 };
/** Reading the clock takes as long as trying some places. */
const PLACES_BETWEEN_LOOKS = 32;
/** What so many places take at most where each is tried in no time. After more, one looks behind every place. */
const QUICK_MS = 1;
/**
 * No place takes longer, apart from those of texts of many megabytes: then the process was stopped, or did something else,
 * and what that took is no fault of an expression.
 */
const LONGEST_MS = 20;

export interface Patience {
  readonly ms: number;
  readonly msPerCharacter: number;
}

/** How long the expressions of a tokenizer have been at one text, not counting when the process stood still. */
export class Meter {
  readonly #patience: Patience;
  readonly #now: () => number;
  #placesToLook = PLACES_BETWEEN_LOOKS;
  #length = 0;
  #looked = 0;
  #msLeft = Infinity;

  constructor(patience = PATIENCE, now = () => performance.now()) {
    this.#patience = patience;
    this.#now = now;
  }

  /** Begins anew. */
  start(length: number): void {
    this.#placesToLook = PLACES_BETWEEN_LOOKS;
    this.#length = length;
    const { ms, msPerCharacter } = this.#patience;
    this.#msLeft = ms + msPerCharacter * length;
    this.#looked = this.#now();
  }

  /** Throws ConfigError once it takes too long. */
  count(): void {
    if (--this.#placesToLook > 0) return;
    const now = this.#now();
    const took = now - this.#looked;
    this.#looked = now;
    this.#placesToLook = took > QUICK_MS ? 1 : PLACES_BETWEEN_LOOKS;
    this.#msLeft -= Math.min(took, LONGEST_MS);
    if (this.#msLeft > 0) return;
    throw new ConfigError(
      `Cannot encode a text of ${this.#length} characters: the tokenizer's patterns take too long on it`,
      { length: this.#length },
    );
  }
}

export class MeteredExpression extends RegExp {
  readonly #once: RegExp;
  readonly #meter: Meter;

  /** `meter` is that of `expression` where the language makes a copy of one, with other `flags`. */
  constructor(expression: RegExp, meter: Meter | string) {
    const flags = typeof meter === "string" ? meter : expression.flags;
    super(expression, flags);
    this.#once = new RegExp(expression, flags.replace(/[gy]/g, "") + "y");
    this.#meter = typeof meter === "string" ? (expression as MeteredExpression).#meter : meter;
  }

  override exec(text: string): RegExpExecArray | null {
    const isSticky = this.sticky;
    const isGlobal = this.global || isSticky;
    for (let at = isGlobal ? this.lastIndex : 0; at <= text.length;) {
      this.#once.lastIndex = at;
      const found = this.#once.exec(text);
      this.#meter.count();
      if (found !== null) {
        if (isGlobal) this.lastIndex = this.#once.lastIndex;
        return found;
      }
      if (isSticky) break;
      at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
    }
    if (isGlobal) this.lastIndex = 0;
    return null;
  }
}
