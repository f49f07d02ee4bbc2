/**
 * A watcher's view of a generation or a merge: the log after a cursor, then its tail until the terminal event. Written
 * out as an iterator because a generator function that waits cannot be stopped before its wait ends; here `return()` and
 * an abort take effect at once. It holds at most two batches, and reads the log only while it is behind.
 */
import { ConfigError } from "../../errors.ts";
import type { Wake } from "./event_hub.ts";

/** Events read at once. */
const BATCH = 64;
/** Published events that a watcher has missed from which on it has fallen behind. */
const BEHIND = 8;

/** What every log's events have. */
export interface SequencedEvent {
  /** From 1, without gaps. */
  readonly seq: number;
}

export interface EventSource<E extends SequencedEvent> {
  /** Rejects when the caller may not watch. Runs once, before anything else. */
  authorize(): Promise<void>;
  /** At most `limit` events after `afterSeq`, in order. */
  read(afterSeq: number, limit: number): Promise<readonly E[]>;
  /** Nothing follows this event. */
  isTerminal(event: E): boolean;
  /** False once nothing more will be written. */
  isOpen(): boolean;
  subscribe(wake: Wake<E>): Disposable;
  /** The same in fewer events, for a watcher that has fallen behind what was published while it watched. */
  coalesce?(events: readonly E[]): readonly E[];
  /** The stream was let in, and (later, once) it is over. */
  onAttached(): void;
  onDetached(): void;
}

type Result<E> = IteratorResult<E, undefined>;
const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

export class EventStream<E extends SequencedEvent> implements AsyncIterableIterator<E, undefined> {
  readonly #source: EventSource<E>;
  readonly #signal: AbortSignal | undefined;
  readonly #attached: Promise<void>;
  /** Of the read under way. Racing it against a promise that outlives it would keep every event until the end. */
  #pending: PromiseWithResolvers<Result<E>> | undefined;
  #isClosed = false;
  /** What reads reject with once it is closed, if not undefined. */
  #reason: unknown;
  #isAttached = false;
  #subscription: Disposable | undefined;
  #afterSeq: number;
  #buffer: readonly E[] = [];
  /** Of the next event in the buffer. */
  #position = 0;
  /** The last events that were published while this watched; every watcher has the same. */
  #latest: readonly E[] = [];
  /** The first event that was published while this watched. */
  #liveFrom = Infinity;
  #ended = false;
  /** Why the log can no longer be written; what it holds is still handed out. */
  #broken: Error | undefined;
  #news = Promise.withResolvers<void>();
  /** Calls of `next` are answered in turn. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(source: EventSource<E>, afterSeq: number, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#afterSeq = afterSeq;
    this.#signal = signal;
    // Attached before the first `next`: a caller that leaves before reading has still been there, and left.
    this.#attached = this.#begin();
    this.#attached.catch(() => {});
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result<E>> {
    const result = this.#turn.then(() => this.#nextUnlessClosed());
    this.#turn = result.catch(() => {});
    return result;
  }

  return(): Promise<Result<E>> {
    this.#close();
    return Promise.resolve(DONE);
  }

  readonly #onAbort = () => this.#close(this.#signal?.reason);

  async #nextUnlessClosed(): Promise<Result<E>> {
    const pending = this.#pending = Promise.withResolvers<Result<E>>();
    if (this.#isClosed) this.#giveUp();
    else this.#next().then(pending.resolve, pending.reject);
    try {
      return await pending.promise;
    } catch (error) {
      this.#close();
      throw error;
    }
  }

  async #next(): Promise<Result<E>> {
    await this.#attached;
    while (!this.#isClosed) {
      const event = this.#buffer[this.#position];
      if (event !== undefined) {
        this.#position++;
        this.#afterSeq = event.seq;
        this.#ended = this.#source.isTerminal(event);
        return { done: false, value: event };
      }
      if (this.#ended) break;
      // In this order, nothing that is written meanwhile is missed: arm, look whether more can come, read, wait.
      this.#news = Promise.withResolvers();
      const mayGrow = this.#source.isOpen();
      this.#position = 0;
      this.#buffer = this.#fromLatest() ?? this.#coalesced(await this.#source.read(this.#afterSeq, BATCH));
      if (this.#buffer.length > 0) continue;
      if (this.#broken !== undefined) throw this.#broken;
      if (!mayGrow) break;
      await this.#news.promise;
    }
    this.#close();
    return DONE;
  }

  /** What of the latest events is new; undefined where the log may hold some before them. */
  #fromLatest(): readonly E[] | undefined {
    const [first] = this.#latest;
    if (first === undefined || first.seq > this.#afterSeq + 1) return undefined;
    return this.#latest.filter(({ seq }) => seq > this.#afterSeq);
  }

  /** What was there before this watched is replayed as it stands in the log. */
  #coalesced(events: readonly E[]): readonly E[] {
    const { coalesce } = this.#source;
    if (coalesce === undefined || (events.at(-1)?.seq ?? 0) < this.#liveFrom) return events;
    const replayed = events.filter(({ seq }) => seq < this.#liveFrom);
    const missed = events.slice(replayed.length);
    return missed.length < BEHIND ? events : [...replayed, ...coalesce(missed)];
  }

  async #begin(): Promise<void> {
    await this.#source.authorize();
    await this.#checkCursor();
    this.#isAttached = true;
    this.#source.onAttached();
    if (this.#isClosed) this.#source.onDetached();
    else this.#subscription = this.#source.subscribe((events, error) => this.#wake(events, error));
  }

  /** Whoever continues behind an event that never was would wait for an end that it has been told, or never is. */
  async #checkCursor(): Promise<void> {
    const afterSeq = this.#afterSeq;
    if (afterSeq === 0) return;
    const [event] = await this.#source.read(afterSeq - 1, 1);
    if (event?.seq === afterSeq) return;
    throw new ConfigError(`Invalid afterSeq: found ${afterSeq}, expected the seq of an event that has come`, {
      field: "afterSeq",
      found: afterSeq,
    });
  }

  #wake(events: readonly E[], error: Error | undefined): void {
    if (events.length > 0) {
      this.#latest = events;
      this.#liveFrom = Math.min(this.#liveFrom, events[0]!.seq);
    }
    this.#broken ??= error;
    this.#news.resolve();
  }

  #close(reason?: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#subscription?.[Symbol.dispose]();
    this.#reason = reason;
    this.#giveUp();
    this.#news.resolve();
    if (this.#isAttached) this.#source.onDetached();
  }

  #giveUp(): void {
    if (this.#reason === undefined) this.#pending?.resolve(DONE);
    else this.#pending?.reject(this.#reason);
  }
}
