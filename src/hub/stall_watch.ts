/** Bodies from a hub: how long it may say nothing, and how much is read of what should be small. */
import type { Hub } from "./hub_fetch.ts";

const DEFAULT_STALL_MS = 30_000;

/** Aborts when nobody has called {@link seen} for too long. */
export class StallWatch implements Disposable {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #ms: number;
  #timer: ReturnType<typeof setTimeout>;
  readonly #onOuter = () => this.#controller.abort(this.#outer.reason);

  constructor({ stallMs = DEFAULT_STALL_MS }: Hub, outer: AbortSignal) {
    this.#outer = outer;
    this.#ms = stallMs;
    this.signal = this.#controller.signal;
    if (outer.aborted) this.#onOuter();
    outer.addEventListener("abort", this.#onOuter, { once: true });
    this.#timer = this.#start();
  }

  seen(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#start();
  }

  #start() {
    return setTimeout(
      () => this.#controller.abort(new Stalled(`no answer for ${this.#ms / 1000} s`)),
      this.#ms,
    );
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#onOuter);
  }
}
class Stalled extends Error {}

/** A body was longer than it may be. */
export class TooLong extends Error {}

/**
 * The whole of a small body. Rejects with the signal's reason, with {@link TooLong}, with why a silent hub was given up,
 * or with the connection's own error; the body is let go of in any case.
 */
export async function readBounded(
  hub: Hub,
  response: Response,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<readonly Uint8Array<ArrayBuffer>[]> {
  const reader = response.body?.getReader();
  if (reader === undefined) return [];
  using stall = new StallWatch(hub, signal);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const abort = () => void reader.cancel(stall.signal.reason).catch(() => {});
  stall.signal.addEventListener("abort", abort, { once: true });
  try {
    for (let bytes = 0;;) {
      const { done, value } = await reader.read();
      if (stall.signal.aborted) throw stall.signal.reason;
      if (done) return parts;
      stall.seen();
      bytes += value.byteLength;
      parts.push(value);
      if (bytes > maxBytes) throw new TooLong(`more than ${maxBytes} bytes`);
    }
  } finally {
    stall.signal.removeEventListener("abort", abort);
    await reader.cancel().catch(() => {});
  }
}
