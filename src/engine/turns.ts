/**
 * Turns of the event loop for a thread that would otherwise never leave its own: between two of them, messages that
 * have arrived are delivered. A MessageChannel costs microseconds, where `setTimeout(0)` costs 2 ms, and unlike
 * `setImmediate` it does not let a Worker's incoming messages wait for several turns (both measured on Deno 2.9).
 */
export class MessageTurns implements Disposable {
  readonly #channel = new MessageChannel();
  readonly #waiting: (() => void)[] = [];

  constructor() {
    this.#channel.port1.onmessage = () => this.#waiting.shift()?.();
  }

  /** Resolves in a later turn. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#channel.port2.postMessage(null);
    });
  }

  /** Turns that are waited for never come. */
  [Symbol.dispose](): void {
    this.#channel.port1.close();
    this.#channel.port2.close();
  }
}
