/**
 * What a generation has been told so far, for the case that an engine dies under it. The next attempt has the same
 * prompt, parameters and seed, so it gives the same tokens again: those that were delivered are held against it and
 * kept back, and what comes after them continues the stream. An attempt that says something else cannot continue it.
 */
import type { WireToken } from "../../engine/protocol.ts";
import { DeviceLostError } from "../../errors.ts";

export class Replay {
  readonly #delivered: number[] = [];
  /** Delivered tokens that this attempt has repeated. */
  #repeated = 0;

  /** The attempt has said all that had been delivered. */
  get caughtUp(): boolean {
    return this.#repeated === this.#delivered.length;
  }

  /** A new attempt begins. */
  restart(): void {
    this.#repeated = 0;
  }

  /** Whether this token is new. Throws DeviceLostError when the attempt differs from what was delivered. */
  take({ id }: WireToken): boolean {
    const isNew = this.caughtUp;
    if (isNew) this.#delivered.push(id);
    else if (this.#delivered[this.#repeated] !== id) throw this.#differs();
    this.#repeated++;
    return isNew;
  }

  /** The attempt is complete. Throws DeviceLostError when it has said less than was delivered. */
  finish(): void {
    if (!this.caughtUp) throw this.#differs();
  }

  #differs(): DeviceLostError {
    return new DeviceLostError(
      "The engine was restarted, and what it generated again differs from what had been delivered",
      { deliveredTokens: this.#delivered.length, repeatedTokens: this.#repeated },
    );
  }
}
