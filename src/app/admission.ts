/**
 * How much may run at once: concurrency units, in total and for each principal. A generation holds its model's units
 * from before its row is written until it ends. Nobody waits here; who finds no room is told when to ask
 * again, so nothing piles up.
 */
import { CapacityError } from "../errors.ts";

export interface AdmissionLimits {
  /** Units over all principals. */
  readonly totalUnits: number;
  readonly unitsPerPrincipal: number;
}

/** A rough guess, as nobody can know when another's generation ends. */
const RETRY_AFTER_MS = 1000;

/** Units that are held; disposing twice gives back once. */
export type Permit = Disposable;

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #held = new Map<string, number>();
  #total = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** Units that one principal may hold. */
  get allowed(): number {
    return this.#limits.unitsPerPrincipal;
  }

  /** Units that a principal holds now. */
  held(principalId: string): number {
    return this.#held.get(principalId) ?? 0;
  }

  /** Throws CapacityError with `retryAfterMs`, `held`, `allowed` and the `scope` that is full. */
  acquire(principalId: string, units: number): Permit {
    const held = this.held(principalId);
    this.#check("principal", held, units, this.#limits.unitsPerPrincipal);
    this.#check("gateway", this.#total, units, this.#limits.totalUnits);
    this.#held.set(principalId, held + units);
    this.#total += units;
    let open = true;
    return {
      [Symbol.dispose]: () => {
        if (!open) return;
        open = false;
        this.#release(principalId, units);
      },
    };
  }

  #check(scope: "principal" | "gateway", held: number, units: number, allowed: number): void {
    if (held + units <= allowed) return;
    const whose = scope === "principal" ? "You hold" : "The gateway holds";
    throw new CapacityError(
      `Cannot start a generation of ${units} unit(s): ${whose} ${held} of ${allowed}`,
      { scope, units, held, allowed, retryAfterMs: RETRY_AFTER_MS },
    );
  }

  #release(principalId: string, units: number): void {
    const left = this.held(principalId) - units;
    if (left === 0) this.#held.delete(principalId);
    else this.#held.set(principalId, left);
    this.#total -= units;
  }
}
