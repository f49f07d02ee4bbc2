/**
 * Finds tokens of a fixed list in a text, from a position on, in time bounded by the longest token. Works on UTF-16
 * code units, as positions in strings do.
 */

interface Node<T> {
  readonly next: Map<number, Node<T>>;
  value: T | undefined;
}

export interface TrieMatch<T> {
  readonly value: T;
  /** Index after the match. */
  readonly end: number;
}

export class TokenTrie<T> {
  readonly #root: Node<T> = { next: new Map(), value: undefined };
  #longest = 0;

  constructor(entries: Iterable<readonly [string, T]>) {
    for (const [content, value] of entries) {
      let node = this.#root;
      for (let i = 0; i < content.length; i++) {
        const unit = content.charCodeAt(i);
        let next = node.next.get(unit);
        if (next === undefined) node.next.set(unit, next = { next: new Map(), value: undefined });
        node = next;
      }
      node.value = value;
      this.#longest = Math.max(this.#longest, content.length);
    }
  }

  /** Length of the longest entry, in code units. */
  get longest(): number {
    return this.#longest;
  }

  /** Every entry that lies in `text` from `start` on, shortest first, not reaching past `limit`. */
  matches(text: string, start: number, limit = text.length): readonly TrieMatch<T>[] {
    const found: TrieMatch<T>[] = [];
    let node: Node<T> | undefined = this.#root;
    for (let i = start; i < limit; i++) {
      node = node.next.get(text.charCodeAt(i));
      if (node === undefined) break;
      if (node.value !== undefined) found.push({ value: node.value, end: i + 1 });
    }
    return found;
  }

  /** Whether some entry begins with `text.slice(start, end)` and is longer than it. */
  isProperPrefix(text: string, start: number, end: number): boolean {
    let node: Node<T> | undefined = this.#root;
    for (let i = start; i < end && node !== undefined; i++) node = node.next.get(text.charCodeAt(i));
    return node !== undefined && node.next.size > 0;
  }
}
