/**
 * Signs of life in a stream of events. Comments of SSE and pings of WebSockets never reach a page's code, so a client
 * that wants to know whether its stream is alive asks for events that say so. They are made here and stand in no log.
 */
import { ConfigError } from "../src/errors.ts";

const MAX_SECONDS = 300;
const END = { done: true, value: undefined } as const;

/** Milliseconds of silence before a heartbeat, or null for none. Throws ConfigError. */
export function heartbeatMs(seconds: number | null | undefined): number | null {
  if (seconds === null || seconds === undefined) return null;
  if (seconds >= 1 && seconds <= MAX_SECONDS) return seconds * 1_000;
  throw new ConfigError(`Invalid heartbeatSeconds: found ${seconds}, expected 1 … ${MAX_SECONDS}`, {
    field: "heartbeatSeconds",
  });
}

/** Iterates over `source`, with what `make` returns whenever it says nothing for `everyMs`. */
export class Heartbeats<T> implements AsyncIterableIterator<T> {
  readonly #source: AsyncIterator<T>;
  readonly #everyMs: number;
  readonly #make: (last: T | undefined) => T;
  /** The source's next result, which is asked for once however many heartbeats come before it. */
  #result: Promise<void> | undefined;
  #arrived: (() => Promise<IteratorResult<T>>) | undefined;
  #last: T | undefined;
  #wake: () => void = () => {};
  #ended = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(source: AsyncIterable<T>, everyMs: number, make: (last: T | undefined) => T) {
    this.#source = source[Symbol.asyncIterator]();
    this.#everyMs = everyMs;
    this.#make = make;
  }

  next(): Promise<IteratorResult<T>> {
    const result = this.#turn.then(() => this.#next());
    this.#turn = result.catch(() => {});
    return result;
  }

  async return(): Promise<IteratorResult<T>> {
    this.#ended = true;
    this.#wake();
    await this.#source.return?.();
    return END;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #next(): Promise<IteratorResult<T>> {
    if (this.#ended) return END;
    this.#result ??= this.#source.next().then(
      (result) => this.#arrive(() => Promise.resolve(result)),
      (error) => this.#arrive(() => Promise.reject(error)),
    );
    if (this.#arrived === undefined) await this.#silence();
    if (this.#ended) return END;
    const arrived = this.#arrived;
    if (arrived === undefined) return { done: false, value: this.#make(this.#last) };
    this.#arrived = undefined;
    this.#result = undefined;
    const result = await arrived();
    if (!result.done) this.#last = result.value;
    return result;
  }

  #arrive(result: () => Promise<IteratorResult<T>>): void {
    this.#arrived = result;
    this.#wake();
  }

  /** Until something comes, the time is over, or nobody reads any more. */
  #silence(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#everyMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
