/**
 * Who gets concurrency units next. Among principals that wait, the one that holds least; of those that hold the same,
 * the one whose last turn is longest ago; within a principal, higher priority first, then who came first. So a principal
 * with a hundred requests never starves one with a single request. Whoever's turn it is waits until its units are free:
 * nobody slips past it because they ask for less, and it does not starve either. Pure.
 */
export interface Claim {
  readonly generationId: string;
  readonly principalId: string;
  readonly units: number;
  readonly priority: number;
  readonly isHeld: boolean;
  /** Where it runs or will run. */
  readonly gatewayId: string;
}

export interface FairLimits {
  /** Units over all principals, at one gateway. */
  readonly totalUnits: number;
  /** At all gateways together. */
  readonly unitsPerPrincipal: number;
}

export interface FairState {
  readonly claims: readonly Claim[];
  /** When principals were given units last; absent: never. */
  readonly lastTurns: ReadonlyMap<string, number>;
  /** The gateway whose claims are looked at. */
  readonly gatewayId: string;
}

/** Claims of this gateway that get their units now, in the order of their turns. */
export function nextGrants(state: FairState, limits: FairLimits): readonly Claim[] {
  const rest = new FairRest(state);
  const granted: Claim[] = [];
  for (;;) {
    const next = rest.next(({ principalId, units }) =>
      rest.held(principalId) + units <= limits.unitsPerPrincipal
    );
    if (next === undefined || rest.totalHeld + next.units > limits.totalUnits) return granted;
    rest.grant(next);
    granted.push(next);
  }
}

/** All that wait at this gateway, in the order in which they would be given units if nobody else came. */
export function fairOrder(state: FairState): readonly Claim[] {
  const rest = new FairRest(state);
  const order: Claim[] = [];
  for (let next = rest.next(() => true); next !== undefined; next = rest.next(() => true)) {
    rest.grant(next);
    order.push(next);
  }
  return order;
}

/** What is left of a state while turns are taken. */
class FairRest {
  readonly #waiting = new Map<string, Claim[]>();
  readonly #held = new Map<string, number>();
  readonly #turns: Map<string, number>;
  #turn: number;
  totalHeld = 0;

  constructor({ claims, lastTurns, gatewayId }: FairState) {
    this.#turns = new Map(lastTurns);
    this.#turn = Math.max(0, ...lastTurns.values());
    for (const claim of claims) {
      const { principalId, units, isHeld } = claim;
      const isHere = claim.gatewayId === gatewayId;
      if (isHeld) {
        this.#held.set(principalId, this.held(principalId) + units);
        if (isHere) this.totalHeld += units;
      } else if (isHere) {
        const own = this.#waiting.get(principalId);
        if (own === undefined) this.#waiting.set(principalId, [claim]);
        else own.push(claim);
      }
    }
    for (const own of this.#waiting.values()) {
      own.sort((a, b) => b.priority - a.priority || compare(a.generationId, b.generationId));
    }
  }

  held(principalId: string): number {
    return this.#held.get(principalId) ?? 0;
  }

  /** The first claim of the principal whose turn it is, among those whose first claim may have its units. */
  next(may: (claim: Claim) => boolean): Claim | undefined {
    const heads = [...this.#waiting.values()].map((own) => own[0]!).filter(may);
    return heads.sort((a, b) =>
      this.held(a.principalId) - this.held(b.principalId) ||
      this.#lastTurn(a.principalId) - this.#lastTurn(b.principalId) ||
      compare(a.generationId, b.generationId)
    )[0];
  }

  grant({ principalId, units }: Claim): void {
    const own = this.#waiting.get(principalId)!;
    own.shift();
    if (own.length === 0) this.#waiting.delete(principalId);
    this.#held.set(principalId, this.held(principalId) + units);
    this.#turns.set(principalId, ++this.#turn);
    this.totalHeld += units;
  }

  #lastTurn(principalId: string): number {
    return this.#turns.get(principalId) ?? 0;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
