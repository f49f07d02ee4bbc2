/**
 * A watcher's view of a generation: the log after a cursor, then its tail until the terminal event. Written out as an
 * iterator because a generator function that waits cannot be stopped before its wait ends; here `return()` and an abort
 * take effect at once. It reads at most one batch ahead, and only when it is asked.
 */
import { type GenerationEvent, TERMINAL_EVENT_KINDS } from "../types.ts";
import type { Wake } from "./event_hub.ts";

/** Events read at once. */
const BATCH = 64;

export interface EventSource {
  /** Rejects when the caller may not watch. Runs once, before anything else. */
  authorize(): Promise<void>;
  /** At most `limit` events after `afterSeq`, in order. */
  read(afterSeq: number, limit: number): Promise<readonly GenerationEvent[]>;
  /** False once nothing more will be written. */
  isOpen(): boolean;
  subscribe(wake: Wake): Disposable;
  /** The stream was let in, and (later, once) it is over. */
  onAttached(): void;
  onDetached(): void;
}

type Result = IteratorResult<GenerationEvent, undefined>;
const DONE: Result = Object.freeze({ done: true, value: undefined });

export class EventStream implements AsyncIterableIterator<GenerationEvent, undefined> {
  readonly #source: EventSource;
  readonly #signal: AbortSignal | undefined;
  readonly #attached: Promise<void>;
  readonly #closed = Promise.withResolvers<Result>();
  #isClosed = false;
  #isAttached = false;
  #subscription: Disposable | undefined;
  #afterSeq: number;
  #buffer: readonly GenerationEvent[] = [];
  #ended = false;
  /** Why the log can no longer be written; what it holds is still handed out. */
  #broken: Error | undefined;
  #news = Promise.withResolvers<void>();
  /** Calls of `next` are answered in turn. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(source: EventSource, afterSeq: number, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#afterSeq = afterSeq;
    this.#signal = signal;
    this.#closed.promise.catch(() => {});
    // Attached before the first `next`: a caller that leaves before reading has still been there, and left.
    this.#attached = source.authorize().then(() => this.#attach());
    this.#attached.catch(() => {});
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    const result = this.#turn.then(() => this.#nextUnlessClosed());
    this.#turn = result.catch(() => {});
    return result;
  }

  return(): Promise<Result> {
    this.#close();
    return Promise.resolve(DONE);
  }

  readonly #onAbort = () => this.#close(this.#signal?.reason);

  async #nextUnlessClosed(): Promise<Result> {
    try {
      return await Promise.race([this.#closed.promise, this.#next()]);
    } catch (error) {
      this.#close();
      throw error;
    }
  }

  async #next(): Promise<Result> {
    await this.#attached;
    while (!this.#isClosed) {
      const [event, ...rest] = this.#buffer;
      if (event !== undefined) {
        this.#buffer = rest;
        this.#afterSeq = event.seq;
        this.#ended = TERMINAL_EVENT_KINDS.has(event.kind);
        return { done: false, value: event };
      }
      if (this.#ended) break;
      // In this order, nothing that is written meanwhile is missed: arm, look whether more can come, read, wait.
      this.#news = Promise.withResolvers();
      const mayGrow = this.#source.isOpen();
      this.#buffer = await this.#source.read(this.#afterSeq, BATCH);
      if (this.#buffer.length > 0) continue;
      if (this.#broken !== undefined) throw this.#broken;
      if (!mayGrow) break;
      await this.#news.promise;
    }
    this.#close();
    return DONE;
  }

  #attach(): void {
    this.#isAttached = true;
    this.#source.onAttached();
    if (this.#isClosed) this.#source.onDetached();
    else this.#subscription = this.#source.subscribe((error) => this.#wake(error));
  }

  #wake(error: Error | undefined): void {
    this.#broken ??= error;
    this.#news.resolve();
  }

  #close(reason?: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#subscription?.[Symbol.dispose]();
    if (reason === undefined) this.#closed.resolve(DONE);
    else this.#closed.reject(reason);
    this.#news.resolve();
    if (this.#isAttached) this.#source.onDetached();
  }
}
