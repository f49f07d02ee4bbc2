/**
 * When guessing the next tokens of a sequence pays, and what the guesses are. Every token that comes is held against what the
 * index would have said, whether it was asked or not: so a sequence whose guesses are wrong costs no step to find out,
 * and one that begins to repeat itself is noticed. Decides about one sequence; src/engine/batch.ts knows who else runs.
 *
 * Guessing has a price beyond the rows that are wrong. The host must know the last token before it can guess the next, so
 * there is one step a submit, and the device waits while the host looks. By what was measured of an H100
 * (bench/RESULTS.md) that and a window of four take 1.76 times as long as a step that ran ahead: as much as is won where
 * half of all guesses are right.
 */
import { NgramIndex } from "./ngram_index.ts";

/** Share of the newest token in the running mean of right guesses. */
const SCORE_WEIGHT = 0.25;
/** From nothing it takes four right ones in a row to begin; two wrong ones then end it. */
const SCORE = { on: 0.6, off: 0.5 } as const;
const FIRST_WINDOW = 2;

export class Speculator {
  readonly #index: NgramIndex;
  #score = 0;
  #pays = false;
  #window = FIRST_WINDOW;

  /** @param capacity tokens that the sequence can get, prompt and output */
  constructor(known: Iterable<number>, capacity: number) {
    this.#index = new NgramIndex(capacity);
    for (const token of known) this.#index.add(token);
  }

  /** Enough of the last tokens came as the index said. */
  get pays(): boolean {
    return this.#pays;
  }

  /** The next token of the sequence. */
  add(token: number): void {
    const right = this.#index.continuation(1)[0] === token;
    this.#score += SCORE_WEIGHT * ((right ? 1 : 0) - this.#score);
    this.#pays = this.#score >= (this.#pays ? SCORE.off : SCORE.on);
    this.#index.add(token);
  }

  /** Guesses at the tokens that follow, at most so many. */
  drafts(most: number): Uint32Array {
    return this.#index.continuation(Math.max(0, Math.min(this.#window, most)));
  }

  /** Of so many guesses so many were right: the next window is one longer than that. */
  checked(right: number): void {
    this.#window = right + 1;
  }
}
