/** How long a hub may say nothing. */
import type { Hub } from "./hub.ts";

const DEFAULT_STALL_MS = 30_000;

/** Aborts when it is not disposed of in time. */
export class StallWatch implements Disposable {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #onOuter = () => this.#controller.abort(this.#outer.reason);

  constructor({ stallMs = DEFAULT_STALL_MS }: Hub, outer: AbortSignal) {
    this.#outer = outer;
    this.signal = this.#controller.signal;
    if (outer.aborted) this.#onOuter();
    outer.addEventListener("abort", this.#onOuter, { once: true });
    this.#timer = setTimeout(
      () => this.#controller.abort(new Stalled(`no answer for ${stallMs / 1000} s`)),
      stallMs,
    );
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#onOuter);
  }
}
class Stalled extends Error {}
