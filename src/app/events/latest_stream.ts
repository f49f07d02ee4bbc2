/**
 * A stream of what is newest: of each subject it holds one event, the latest, so whoever reads slowly misses what is out
 * of date and nothing piles up. Written out as an iterator for the same reason as event_stream.ts: `return()` and an
 * abort take effect at once.
 */
type Result<E> = IteratorResult<E, undefined>;
const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

export interface LatestSource<E> {
  /** Rejects when there is nothing to watch. What it gives comes before anything that is pushed meanwhile. */
  begin(): Promise<readonly (readonly [subject: string, event: E])[]>;
  /** Calls back with every event from now on. */
  subscribe(push: (subject: string, event: E) => void): Disposable;
  /** Asked once it has begun; what was pushed before of other subjects is dropped. */
  isWanted(subject: string): boolean;
  /** What to tell of a subject that had news while it began; its news alone unless given. */
  beginWith?(first: E, news: E): E;
}

export class LatestStream<E> implements AsyncIterableIterator<E, undefined> {
  readonly #signal: AbortSignal | undefined;
  readonly #subscription: Disposable;
  readonly #begun: Promise<void>;
  /** In the order in which the subjects first had news. */
  readonly #pending = new Map<string, E>();
  #waiting: PromiseWithResolvers<void> | undefined;
  #isClosed = false;
  #reason: unknown;
  readonly #closed = Promise.withResolvers<void>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(source: LatestSource<E>, signal: AbortSignal | undefined) {
    this.#signal = signal;
    // Subscribed before anything is read, so that nothing falls between.
    this.#subscription = source.subscribe((subject, event) => this.#push(subject, event));
    this.#begun = source.begin().then((first) => {
      const meanwhile = new Map([...this.#pending].filter(([subject]) => source.isWanted(subject)));
      this.#pending.clear();
      for (const [subject, event] of first) {
        const news = meanwhile.get(subject);
        this.#pending.set(subject, news === undefined ? event : source.beginWith?.(event, news) ?? news);
        meanwhile.delete(subject);
      }
      for (const [subject, event] of meanwhile) this.#pending.set(subject, event);
    });
    this.#begun.catch(() => {});
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result<E>> {
    const result = this.#turn.then(() => this.#next());
    this.#turn = result.catch(() => {});
    return result;
  }

  return(): Promise<Result<E>> {
    this.#close();
    return Promise.resolve(DONE);
  }

  readonly #onAbort = () => this.#close(this.#signal?.reason);

  async #next(): Promise<Result<E>> {
    try {
      await this.#untilClosed(this.#begun);
      for (;;) {
        if (this.#isClosed) return this.#end();
        const [first] = this.#pending;
        if (first !== undefined) {
          this.#pending.delete(first[0]);
          return { done: false, value: first[1] };
        }
        this.#waiting = Promise.withResolvers();
        await this.#waiting.promise; // closing ends it, too
      }
    } catch (error) {
      this.#close();
      throw error;
    }
  }

  #untilClosed(promise: Promise<void>): Promise<void> {
    return this.#isClosed ? Promise.resolve() : Promise.race([promise, this.#closed.promise]);
  }

  #end(): Result<E> {
    if (this.#reason !== undefined) throw this.#reason;
    return DONE;
  }

  #push(subject: string, event: E): void {
    if (this.#isClosed) return;
    this.#pending.set(subject, event);
    this.#waiting?.resolve();
  }

  #close(reason?: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#reason = reason;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#subscription[Symbol.dispose]();
    this.#pending.clear();
    this.#closed.resolve();
    this.#waiting?.resolve();
  }
}
