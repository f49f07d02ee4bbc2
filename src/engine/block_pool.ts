/**
 * Which KV blocks of one model are free and which are taken. Owns nothing on the device: a block is an index
 * into the runner's cache. Refuses to hand out more than it has and to take back what it did not hand out.
 */
import type { BlockId } from "../model/runner.ts";

/** A bounded set of block ids 0 … total − 1. free + used = total at all times. */
export class BlockPool {
  readonly total: number;
  readonly #free: BlockId[];
  /** 1 = handed out. */
  readonly #taken: Uint8Array;

  constructor(total: number) {
    this.total = total;
    this.#taken = new Uint8Array(total);
    // Descending, so that pop() hands out low ids first: a half-used cache stays dense at its start.
    this.#free = Array.from({ length: total }, (_, index) => (total - 1 - index) as BlockId);
  }

  get free(): number {
    return this.#free.length;
  }

  get used(): number {
    return this.total - this.#free.length;
  }

  /** Takes `count` blocks. The scheduler admits only what fits, so asking for more is a broken invariant. */
  take(count: number): BlockId[] {
    if (count > this.#free.length) {
      throw new Error(`Cannot take ${count} blocks: ${this.#free.length} of ${this.total} are free`);
    }
    const blocks = this.#free.splice(this.#free.length - count, count).reverse();
    for (const block of blocks) this.#taken[block] = 1;
    return blocks;
  }

  /** Gives blocks back; each must be taken. */
  release(blocks: readonly BlockId[]): void {
    for (const block of blocks) {
      if (this.#taken[block] !== 1) throw new Error(`Cannot release block ${block}: it is not taken`);
      this.#taken[block] = 0;
      this.#free.push(block);
    }
  }
}
