/**
 * The source of a subscription. An async generator would notice that its reader is gone only after its current
 * await settles; this one ends at once: on `return()`, or when the connection's signal aborts. It pulls one event
 * at a time, so a slow client slows its own reading of the log and nobody else.
 */

const END = { done: true, value: undefined } as const;

export interface SubscriptionSourceOptions {
  /** Ends the stream: the client is gone, or the server stops. */
  readonly signal: AbortSignal;
  /** Freed when the stream ends, however it does. */
  readonly place: Disposable;
  /** What a failure of the source looks like to the client. */
  readonly mapError: (error: unknown) => Error;
}

/** Iterates over what `open` returns, and aborts the signal given to it when the iteration ends early. */
export class SubscriptionSource<T> implements AsyncIterableIterator<T> {
  readonly #source: AsyncIterator<T>;
  readonly #options: SubscriptionSourceOptions;
  readonly #abort = new AbortController();
  /** Reads that wait for the source. */
  readonly #waiting = new Set<(end: IteratorResult<T>) => void>();
  #ended = false;

  constructor(open: (signal: AbortSignal) => AsyncIterable<T>, options: SubscriptionSourceOptions) {
    this.#options = options;
    this.#source = open(this.#abort.signal)[Symbol.asyncIterator]();
    if (options.signal.aborted) this.#end();
    else options.signal.addEventListener("abort", this.#end);
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#ended) return Promise.resolve(END);
    return new Promise((resolve, reject) => {
      this.#waiting.add(resolve);
      this.#source.next().then((result) => {
        this.#waiting.delete(resolve);
        if (result.done) this.#end();
        resolve(result);
      }, (error) => {
        // A source that rejects because it was told to stop has nobody left to tell.
        if (!this.#waiting.delete(resolve)) return;
        this.#end();
        reject(this.#options.mapError(error));
      });
    });
  }

  return(): Promise<IteratorResult<T>> {
    this.#end();
    return Promise.resolve(END);
  }

  throw(error: unknown): Promise<IteratorResult<T>> {
    this.#end();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#end();
    return Promise.resolve();
  }

  readonly #end = (): void => {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.signal.removeEventListener("abort", this.#end);
    this.#abort.abort();
    // Tells the source as well; nobody waits for it, and what it still says is of no interest.
    this.#source.return?.().then(undefined, () => {});
    for (const resolve of this.#waiting) resolve(END);
    this.#waiting.clear();
    this.#options.place[Symbol.dispose]();
  };
}
