/**
 * How many messages one thread has posted to another that has not read them yet. `postMessage` queues without limit and
 * tells nobody; a counter in shared memory lets the writer wait for a reader that is behind.
 */

/** Some seconds of a full batch; at most a few megabytes, whatever is in the messages. */
const MAX_UNREAD = 1024;
const LOOK_AGAIN_MS = 5;

export class Backlog {
  readonly shared: SharedArrayBuffer;
  readonly #unread: Int32Array<SharedArrayBuffer>;

  /** Over the memory that the other thread has made, or over new one. */
  constructor(shared = new SharedArrayBuffer(4)) {
    this.shared = shared;
    this.#unread = new Int32Array(shared);
  }

  /** The writer, before it posts. */
  add(): void {
    Atomics.add(this.#unread, 0, 1);
  }

  /** The reader, when it is done with one. */
  remove(): void {
    Atomics.sub(this.#unread, 0, 1);
  }

  /** Resolves at once unless the reader is far behind; then, when it has caught up by half. */
  async shrunk(): Promise<void> {
    if (Atomics.load(this.#unread, 0) <= MAX_UNREAD) return;
    // Looked at again and again, because Atomics.waitAsync does not keep Deno's event loop alive (2.9). It is rare.
    while (Atomics.load(this.#unread, 0) > MAX_UNREAD / 2) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }
}
