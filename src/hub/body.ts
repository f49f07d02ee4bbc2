/**
 * Bodies from a hub: how long it may say nothing, how slowly it may speak, and how much is read of what should be small.
 * Only time that is spent waiting for it counts, not what a slow disk takes.
 */
import type { Hub, LeastRate } from "./hub.ts";
import { StallWatch } from "./stall_watch.ts";

/** Of one connection: a slow line is shared by several, and never evenly. */
const DEFAULT_LEAST_RATE: LeastRate = { bytesPerSecond: 256, overMs: 60_000 };
/** However soon a connection breaks: the pause before the next one, at least. */
const LEAST_MS = 1_000;

/** Whether what a connection has brought was worth the time that was spent waiting for it. */
export function wasWorthwhile(
  { leastRate: { bytesPerSecond, overMs } = DEFAULT_LEAST_RATE }: Hub,
  { bytes, waitedMs }: { readonly bytes: number; readonly waitedMs: number },
): boolean {
  const least = Math.min(overMs, Math.max(LEAST_MS, waitedMs));
  return bytes >= bytesPerSecond * least / 1000;
}

/** A body came more slowly than it may. */
export class TooSlow extends Error {
  readonly bytes: number;
  readonly waitedMs: number;
  readonly expectedBytesPerSecond: number;

  constructor({ bytes, waitedMs }: { readonly bytes: number; readonly waitedMs: number }, least: LeastRate) {
    super(`${bytes} bytes in ${(waitedMs / 1000).toFixed(1)} s`);
    [this.bytes, this.waitedMs, this.expectedBytesPerSecond] = [bytes, waitedMs, least.bytesPerSecond];
  }

  get bytesPerSecond(): number {
    return 1000 * this.bytes / this.waitedMs;
  }
}

/** A body was longer than it may be. */
export class TooLong extends Error {}

/** Reads a body part by part; what is left of it is let go of in the end. */
export class BodyReader implements AsyncDisposable {
  readonly #hub: Hub;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  readonly #signal: AbortSignal;
  /** In all. */
  #waitedMs = 0;
  /** Since its rate was looked at last. */
  #lately = { bytes: 0, waitedMs: 0 };

  constructor(hub: Hub, body: ReadableStream<Uint8Array<ArrayBuffer>>, signal: AbortSignal) {
    this.#hub = hub;
    this.#reader = body.getReader();
    this.#signal = signal;
  }

  /**
   * The next part, null at the end. Rejects with the signal's reason, with {@link TooSlow}, with why a silent hub was
   * given up, or with the connection's own error.
   */
  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    this.#signal.throwIfAborted();
    using stall = new StallWatch(this.#hub, this.#signal);
    const abort = () => void this.#reader.cancel(stall.signal.reason).catch(() => {});
    stall.signal.addEventListener("abort", abort, { once: true });
    const askedMs = performance.now();
    const { done, value } = await this.#reader.read().finally(() => {
      const ms = performance.now() - askedMs;
      this.#waitedMs += ms;
      this.#lately.waitedMs += ms;
    });
    if (stall.signal.aborted) throw stall.signal.reason;
    if (done) return null;
    this.#requireRate(value.byteLength);
    return value;
  }

  /** For all that was read, and for what did not come. */
  get waitedMs(): number {
    return this.#waitedMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }

  /** Looked at when something comes: who is silent meanwhile is given up for that. */
  #requireRate(bytes: number): void {
    const { leastRate = DEFAULT_LEAST_RATE } = this.#hub;
    this.#lately.bytes += bytes;
    if (this.#lately.waitedMs < leastRate.overMs) return;
    const found = new TooSlow(this.#lately, leastRate);
    if (found.bytesPerSecond < leastRate.bytesPerSecond) throw found;
    this.#lately = { bytes: 0, waitedMs: 0 };
  }
}

/** The whole of a small body. Rejects as {@link BodyReader.read} does, and with {@link TooLong}. */
export async function readBounded(
  hub: Hub,
  response: Response,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<readonly Uint8Array<ArrayBuffer>[]> {
  if (response.body === null) return [];
  await using body = new BodyReader(hub, response.body, signal);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for (let part = await body.read(); part !== null; part = await body.read()) {
    bytes += part.byteLength;
    parts.push(part);
    if (bytes > maxBytes) throw new TooLong(`more than ${maxBytes} bytes`);
  }
  return parts;
}
