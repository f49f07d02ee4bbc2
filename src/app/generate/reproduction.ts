/**
 * Holds the tokens of a generation against those of an earlier one that it runs again. An earlier one that was cut short
 * (cancelled, failed) is matched by whatever begins as it did.
 */
import type { Reproduction } from "../types.ts";

export class ReproductionCheck {
  readonly #expected: readonly number[];
  readonly #isWhole: boolean;
  #count = 0;
  #firstDifference: number | null = null;

  /** `isWhole`: nothing came after the expected tokens. */
  constructor(expected: readonly number[], { isWhole }: { readonly isWhole: boolean }) {
    this.#expected = expected;
    this.#isWhole = isWhole;
  }

  /** The next token. */
  take(id: number): void {
    const position = this.#count++;
    if (position >= this.#expected.length && !this.#isWhole) return;
    if (this.#expected[position] !== id) this.#firstDifference ??= position;
  }

  /** `finished`: no more come, by the generation's own end and not by somebody's hand. */
  verdict({ finished }: { readonly finished: boolean }): Reproduction {
    const missing = finished && this.#count < this.#expected.length ? this.#count : null;
    const firstDifference = this.#firstDifference ?? missing;
    if (firstDifference !== null) return { status: "DIFFERS", firstDifference };
    return { status: finished ? "MATCHED" : "INCOMPLETE", firstDifference: null };
  }
}
