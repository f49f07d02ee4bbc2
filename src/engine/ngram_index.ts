/**
 * What came after these tokens the last time: an index of one sequence, prompt and output, by its runs of four, three and two
 * tokens. A token costs three writes and a look-up at most three reads and comparisons, however long the sequence is;
 * memory is four words for every token of the longest that the sequence can get.
 */

/** Longer runs first: what they say is right more often. */
const RUNS = [4, 3, 2] as const;

export class NgramIndex {
  readonly #tokens: Uint32Array;
  /** By hash of a run: the place after its last occurrence, or that of another run with this hash; 0 is none. */
  readonly #places: readonly Uint32Array[];
  readonly #mask: number;
  #length = 0;

  /** @param capacity most tokens that are added */
  constructor(capacity: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(2, capacity)));
    this.#tokens = new Uint32Array(capacity);
    this.#places = RUNS.map(() => new Uint32Array(size));
    this.#mask = size - 1;
  }

  add(token: number): void {
    for (const [index, run] of RUNS.entries()) {
      if (this.#length >= run) this.#places[index]![this.#hash(run)] = this.#length;
    }
    this.#tokens[this.#length++] = token;
  }

  /** At most `count` tokens that may come next, none where the last two have not been seen before. */
  continuation(count: number): Uint32Array {
    const place = this.#find();
    if (place === null) return new Uint32Array(0);
    const tokens = new Uint32Array(count);
    for (let n = 0; n < count; n++) {
      const at = place + n;
      // Past the end it goes on as it has just begun, which is right for what repeats itself.
      tokens[n] = at < this.#length ? this.#tokens[at]! : tokens[at - this.#length]!;
    }
    return tokens;
  }

  #find(): number | null {
    for (const [index, run] of RUNS.entries()) {
      if (this.#length < run) continue;
      const place = this.#places[index]![this.#hash(run)]!;
      if (place > 0 && this.#matches(place, run)) return place;
    }
    return null;
  }

  #matches(place: number, run: number): boolean {
    for (let back = 1; back <= run; back++) {
      if (this.#tokens[place - back] !== this.#tokens[this.#length - back]) return false;
    }
    return true;
  }

  /** Of the last `run` tokens (FNV-1a over words). */
  #hash(run: number): number {
    let hash = 2166136261;
    for (let back = run; back >= 1; back--) {
      hash = Math.imul(hash ^ this.#tokens[this.#length - back]!, 16777619);
    }
    return (hash ^ (hash >>> 15)) & this.#mask;
  }
}
