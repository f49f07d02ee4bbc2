/** Places for open subscriptions: a bounded number, and a gauge of how many are taken. */
import { CapacityError } from "../errors.ts";

export class StreamPlaces {
  readonly #limit: number;
  #taken = 0;
  #onEmpty: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Dispose to give the place back; a second time does nothing. Throws CapacityError when all are taken. */
  take(): Disposable {
    if (this.#taken >= this.#limit) {
      throw new CapacityError(
        `Cannot open another subscription: ${this.#limit} are open, which is the limit`,
        {
          limit: this.#limit,
        },
      );
    }
    this.#taken++;
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (held) this.#taken--;
        held = false;
        if (this.#taken === 0) this.#onEmpty.splice(0).forEach((resolve) => resolve());
      },
    };
  }

  /** Resolves once no subscription is open, which may be now. */
  empty(): Promise<void> {
    return this.#taken === 0 ? Promise.resolve() : new Promise((resolve) => this.#onEmpty.push(resolve));
  }
}
