/**
 * Which KV blocks of one model are free, which are used and by how many sequences, and which are unused but kept for
 * the prompt tokens that they hold. Owns nothing on the device: a block is an index into the runner's cache. Refuses to
 * hand out more than it has and to take back what it did not hand out.
 */
import type { BlockId } from "../model/runner.ts";
import type { CachedPrefix, PrefixKey } from "./prefix.ts";

/** A bounded set of block ids 0 … total − 1. free + used + cached = total at all times. */
export class BlockPool {
  readonly total: number;
  readonly #free: BlockId[];
  /** Sequences that have the block in their table. */
  readonly #references: Uint32Array;
  readonly #keys = new Map<BlockId, PrefixKey>();
  readonly #byKey = new Map<PrefixKey, BlockId>();
  /** With a key and without references, least recently used first: a set keeps the order of insertion. */
  readonly #idle = new Set<BlockId>();

  constructor(total: number) {
    this.total = total;
    this.#references = new Uint32Array(total);
    // Descending, so that pop() hands out low ids first: a half-used cache stays dense at its start.
    this.#free = Array.from({ length: total }, (_, index) => (total - 1 - index) as BlockId);
  }

  get free(): number {
    return this.#free.length;
  }
  /** Unused, but still found by {@link lookup}. */
  get cached(): number {
    return this.#idle.size;
  }
  get used(): number {
    return this.total - this.available;
  }
  /** What {@link take} can hand out. */
  get available(): number {
    return this.#free.length + this.#idle.size;
  }

  /**
   * Takes `count` blocks, forgetting the least recently used cached ones when no other is left. The scheduler plans
   * with what is available, so asking for more is a broken invariant.
   */
  take(count: number): BlockId[] {
    if (count > this.available) {
      throw new Error(`Cannot take ${count} blocks: ${this.available} of ${this.total} are available`);
    }
    return Array.from({ length: count }, () => {
      const block = this.#free.pop() ?? this.#evict();
      this.#references[block] = 1;
      return block;
    });
  }

  /** The blocks of the longest run of `keys`, from the first, that the pool has. */
  lookup(keys: readonly PrefixKey[]): CachedPrefix {
    const blocks: BlockId[] = [];
    let idle = 0;
    for (const key of keys) {
      const block = this.#byKey.get(key);
      if (block === undefined) break;
      blocks.push(block);
      if (this.#references[block] === 0) idle++;
    }
    return { blocks, idle };
  }

  /** One more sequence uses blocks that {@link lookup} found. */
  share(blocks: readonly BlockId[]): void {
    for (const block of blocks) {
      if (!this.#keys.has(block)) throw new Error(`Cannot share block ${block}: it has no key`);
      this.#references[block]!++;
      this.#idle.delete(block);
    }
  }

  /** Lets a used block be found by `key` from now on; nothing is ever written to it again. The first one stays. */
  publish(block: BlockId, key: PrefixKey): void {
    if (this.#references[block] === 0) throw new Error(`Cannot publish block ${block}: it is not used`);
    if (this.#byKey.has(key) || this.#keys.has(block)) return;
    this.#keys.set(block, key);
    this.#byKey.set(key, block);
  }

  /** Lets blocks be found by these keys no more. Whoever uses them keeps them. */
  forget(keys: readonly PrefixKey[]): void {
    for (const key of keys) {
      const block = this.#byKey.get(key);
      if (block === undefined) continue;
      this.#byKey.delete(key);
      this.#keys.delete(block);
      if (this.#idle.delete(block)) this.#free.push(block);
    }
  }

  /** Blocks of a table that nobody else uses, and that would be available without its sequence. */
  countOwn(blocks: readonly BlockId[]): number {
    return blocks.reduce((count, block) => count + (this.#references[block] === 1 ? 1 : 0), 0);
  }

  /**
   * Gives a sequence's table back; each block must be used. The last block of a prefix is forgotten first, for it is
   * of no use without those before it.
   */
  release(table: readonly BlockId[]): void {
    for (const block of table.toReversed()) {
      if (!(this.#references[block]! > 0)) throw new Error(`Cannot release block ${block}: it is not used`);
      if (--this.#references[block]! > 0) continue;
      if (this.#keys.has(block)) this.#idle.add(block);
      else this.#free.push(block);
    }
  }

  #evict(): BlockId {
    const [block] = this.#idle;
    this.#idle.delete(block!);
    this.#byKey.delete(this.#keys.get(block!)!);
    this.#keys.delete(block!);
    return block!;
  }
}
