/**
 * Finds tokens of a fixed list in a text, from a position on, in time bounded by the longest token. Works on UTF-16
 * code units, as positions in strings do.
 */

/** Most nodes have one next: that of `unit`. */
interface Node<T> {
  unit: number;
  next: Node<T> | undefined;
  more: Map<number, Node<T>> | undefined;
  value: T | undefined;
}

function newNode<T>(): Node<T> {
  return { unit: -1, next: undefined, more: undefined, value: undefined };
}

function nextOf<T>(node: Node<T>, unit: number): Node<T> | undefined {
  return node.unit === unit ? node.next : node.more?.get(unit);
}

function addNext<T>(node: Node<T>, unit: number): Node<T> {
  const next = newNode<T>();
  if (node.next !== undefined) (node.more ??= new Map()).set(unit, next);
  else Object.assign(node, { unit, next });
  return next;
}

export interface TrieMatch<T> {
  readonly value: T;
  /** Index after the match. */
  readonly end: number;
}

export class TokenTrie<T> {
  readonly #root: Node<T> = newNode();
  #longest = 0;

  constructor(entries: Iterable<readonly [string, T]>) {
    for (const [content, value] of entries) {
      let node = this.#root;
      for (let i = 0; i < content.length; i++) {
        const unit = content.charCodeAt(i);
        node = nextOf(node, unit) ?? addNext(node, unit);
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
  *matches(text: string, start: number, limit = text.length): Generator<TrieMatch<T>, void> {
    let node: Node<T> | undefined = this.#root;
    for (let i = start; i < limit; i++) {
      node = nextOf(node, text.charCodeAt(i));
      if (node === undefined) break;
      if (node.value !== undefined) yield { value: node.value, end: i + 1 };
    }
  }

  /** Whether some entry begins with `text.slice(start, end)` and is longer than it. */
  isProperPrefix(text: string, start: number, end: number): boolean {
    let node: Node<T> | undefined = this.#root;
    for (let i = start; i < end && node !== undefined; i++) node = nextOf(node, text.charCodeAt(i));
    return node?.next !== undefined;
  }
}
