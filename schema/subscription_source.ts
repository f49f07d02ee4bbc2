/**
 * The source of a subscription. An async generator would notice that its reader is gone only after its current
 * await settles; this one ends at once: on `return()`, or when the connection's signal aborts. It pulls one event
 * at a time, so a slow client slows its own reading of the log and nobody else.
 */

import { GeodesicError } from "../src/errors.ts";

const END = { done: true, value: undefined } as const;

export interface SubscriptionSourceOptions {
  /** Ends the stream: the client is gone, or the server stops. A GeodesicError as its reason is told to the client. */
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
  readonly #waiting = new Set<PromiseWithResolvers<IteratorResult<T>>>();
  /** Why it ended, as long as the client has not been told. */
  #lastWords: Error | undefined;
  #ended = false;

  constructor(open: (signal: AbortSignal) => AsyncIterable<T>, options: SubscriptionSourceOptions) {
    this.#options = options;
    this.#source = open(this.#abort.signal)[Symbol.asyncIterator]();
    if (options.signal.aborted) this.#onAbort();
    else options.signal.addEventListener("abort", this.#onAbort);
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#ended) return this.#endOnce();
    const read = Promise.withResolvers<IteratorResult<T>>();
    this.#waiting.add(read);
    this.#source.next().then((result) => {
      this.#waiting.delete(read);
      if (result.done) this.#end();
      read.resolve(result);
    }, (error) => {
      // A source that rejects because it was told to stop has nobody left to tell.
      if (!this.#waiting.delete(read)) return;
      this.#end();
      read.reject(this.#options.mapError(error));
    });
    return read.promise;
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

  readonly #onAbort = (): void => {
    const { reason } = this.#options.signal;
    this.#end(reason instanceof GeodesicError ? this.#options.mapError(reason) : undefined);
  };

  #endOnce(): Promise<IteratorResult<T>> {
    const error = this.#lastWords;
    this.#lastWords = undefined;
    return error === undefined ? Promise.resolve(END) : Promise.reject(error);
  }

  #end(lastWords?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#lastWords = lastWords;
    this.#options.signal.removeEventListener("abort", this.#onAbort);
    this.#abort.abort();
    // Tells the source as well; nobody waits for it, and what it still says is of no interest.
    this.#source.return?.().then(undefined, () => {});
    for (const read of this.#waiting) this.#endOnce().then(read.resolve, read.reject);
    this.#waiting.clear();
    this.#options.place[Symbol.dispose]();
  }
}
