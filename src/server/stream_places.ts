/** Places for open subscriptions: a bounded number in total and for each caller, and a gauge of how many are taken. */
import { CapacityError } from "../errors.ts";

export class StreamPlaces {
  readonly #limits: { readonly streams: number; readonly streamsPerPrincipal: number };
  /** Taken, by principal. */
  readonly #held = new Map<string, number>();
  #taken = 0;
  #onEmpty: (() => void)[] = [];

  constructor(limits: { readonly streams: number; readonly streamsPerPrincipal: number }) {
    this.#limits = limits;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Dispose to give the place back; a second time does nothing. Throws CapacityError when all are taken. */
  take(principalId: string): Disposable {
    const { streams, streamsPerPrincipal } = this.#limits;
    const held = this.#held.get(principalId) ?? 0;
    if (this.#taken >= streams) throw full(`${streams} are open`, streams);
    if (held >= streamsPerPrincipal) throw full(`you have ${streamsPerPrincipal} open`, streamsPerPrincipal);
    this.#taken++;
    this.#held.set(principalId, held + 1);
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.#giveBack(principalId);
        isHeld = false;
      },
    };
  }

  /** Resolves once no subscription is open, which may be now. */
  empty(): Promise<void> {
    return this.#taken === 0 ? Promise.resolve() : new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  #giveBack(principalId: string): void {
    this.#taken--;
    const held = this.#held.get(principalId)! - 1;
    if (held === 0) this.#held.delete(principalId);
    else this.#held.set(principalId, held);
    if (this.#taken === 0) this.#onEmpty.splice(0).forEach((resolve) => resolve());
  }
}

function full(why: string, limit: number): CapacityError {
  return new CapacityError(`Cannot open another subscription: ${why}, which is the limit`, { limit });
}
