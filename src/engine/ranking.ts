/**
 * Who comes first: higher priority, and among equals who came earlier; but waiting raises a priority, so that nobody
 * waits for ever. As it rises by the same amount for everybody, the order of two sequences never changes, and is fixed
 * when they arrive: a priority is worth so many steps of earlier arrival. Only what arrives within those steps can
 * overtake, so the number of those before a sequence is bounded. Time is counted in steps, for clocks are not
 * deterministic.
 */

/** Steps of waiting that make up for one level of priority: some seconds of a busy GPU. */
export const AGEING_STEPS = 256;

export interface Ranked {
  /** See {@link rankOf}; lower comes first. */
  readonly rank: number;
  /** Counts arrivals; decides between equal ranks. */
  readonly arrival: number;
}

/** The rank of what arrives with this priority when so many steps have been planned. */
export function rankOf(priority: number, steps: number): number {
  return steps - priority * AGEING_STEPS;
}

/** Items in order of rank. Short enough for plain insertion. */
export class RankedList<T extends Ranked> implements Iterable<T> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }
  get items(): readonly T[] {
    return this.#items;
  }

  add(item: T): void {
    let at = this.#items.length;
    while (at > 0 && isBefore(item, this.#items[at - 1]!)) at--;
    this.#items.splice(at, 0, item);
  }

  /** False when it is not there. */
  delete(item: T): boolean {
    const at = this.#items.indexOf(item);
    if (at >= 0) this.#items.splice(at, 1);
    return at >= 0;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#items[Symbol.iterator]();
  }
}

function isBefore(a: Ranked, b: Ranked): boolean {
  return a.rank === b.rank ? a.arrival < b.arrival : a.rank < b.rank;
}
