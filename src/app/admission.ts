/**
 * How much may run at once: concurrency units, in total at this gateway and for each principal at all of them. A
 * generation's claim is written with its row; it holds its units at once or waits for its turn (fair_queue.ts), and it
 * goes with the transaction that ends the generation, so nothing is held that does not run. The queue is bounded; who
 * finds no place in it is told when to ask again.
 */
import { CapacityError } from "../errors.ts";
import type { Db } from "../store/database.ts";
import {
  allClaims,
  deleteClaim,
  holdClaim,
  insertClaim,
  lastTurns,
  lockClaims,
  lockUnitTurn,
  standingOf,
  type UnitClaimRow,
} from "../store/unit_claims.ts";
import type { Clock } from "./clock.ts";
import { type Claim, fairOrder, type FairState, nextGrants } from "./fair_queue.ts";
import { Pace } from "./pace.ts";

export interface AdmissionLimits {
  /** Units over all principals, at this gateway. */
  readonly totalUnits: number;
  readonly unitsPerPrincipal: number;
  /** Generations that may wait at this gateway. */
  readonly maxQueued?: number;
  /** Of these, those of one principal. */
  readonly maxQueuedPerPrincipal?: number;
}

export interface AdmissionOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly gatewayId: string;
  readonly limits: AdmissionLimits;
  /** Whether units may become free without this gateway knowing. */
  readonly isShared: boolean;
  readonly reportError: (error: unknown) => void;
}

export interface NewClaim {
  readonly generationId: string;
  readonly principalId: string;
  readonly units: number;
  readonly priority: number;
}

/** Where a claim stands in the queue. */
export interface QueuePlace {
  /** 1 is next. */
  readonly position: number;
  /** A guess by how long generations took of late; null before any has ended. */
  readonly estimateMs: number | null;
}

/** What came of a claim: its place, or null where it holds its units. */
export interface Entered {
  readonly place: QueuePlace | null;
  /** Call it once the transaction is committed, never otherwise. */
  settle(): void;
}

const MAX_QUEUED = 256;
const MAX_QUEUED_PER_PRINCIPAL = 64;
/** Changed places are told no more often. */
const ANNOUNCE_MS = 1_000;
/** How often a gateway with waiting generations looks for units that others have freed. */
const POLL_MS = 250;
/** Where nothing better is known, and the bounds of what is. */
const RETRY_MS = { unknown: 1_000, least: 500, most: 60_000 } as const;

interface Waiter {
  readonly granted: PromiseWithResolvers<void>;
  readonly onMoved: (place: QueuePlace) => void;
  position: number;
}

export class Admission implements Disposable {
  readonly #options: AdmissionOptions;
  readonly #pace: Pace;
  /** Claims of this process that wait for their turn, by generation. */
  readonly #waiters = new Map<string, Waiter>();
  #pumping: Promise<void> | undefined;
  #pumpAgain = false;
  #pollTimer: Disposable | undefined;
  #announceTimer: Disposable | undefined;
  #isClosed = false;
  /** The last attempt to give units away could not be written. */
  #isFailing = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#pace = new Pace(options.clock);
  }

  /** Units that one principal may hold. */
  get allowed(): number {
    return this.#options.limits.unitsPerPrincipal;
  }

  /** Units that a principal holds, and its generations that wait, at all gateways. */
  standing(principalId: string): Promise<{ readonly held: number; readonly queued: number }> {
    return standingOf(this.#options.db, principalId);
  }

  /**
   * Writes the claim in the transaction that writes its generation. Throws CapacityError with `scope` and the figures
   * where it could never have its units, or (with `retryAfterMs`) where the queue is full.
   */
  async enter(trx: Db, claim: NewClaim): Promise<Entered> {
    const { gatewayId } = this.#options;
    this.#requirePossible(claim);
    const turn = await lockUnitTurn(trx);
    await insertClaim(trx, {
      generation_id: claim.generationId,
      principal_id: claim.principalId,
      gateway_id: gatewayId,
      units: claim.units,
      priority: claim.priority,
      is_held: 0,
    });
    const { granted, left } = await this.#grant(trx, turn);
    const isHeld = granted.some(({ generationId }) => generationId === claim.generationId);
    const place = isHeld ? null : this.#requirePlace(claim, left);
    return { place, settle: () => this.#settle(granted) };
  }

  /** Resolves when the generation holds its units; rejects with the signal's reason. */
  async granted(
    generationId: string,
    { signal, place, onMoved }: {
      readonly signal: AbortSignal;
      readonly place: QueuePlace | null;
      readonly onMoved: (place: QueuePlace) => void;
    },
  ): Promise<void> {
    if (place !== null) await this.#turn(generationId, { signal, place, onMoved });
    // Only now: of one that has ended meanwhile nobody would ever hear again.
    this.#pace.began(generationId);
  }

  async #turn(
    generationId: string,
    { signal, place, onMoved }: {
      readonly signal: AbortSignal;
      readonly place: QueuePlace;
      readonly onMoved: (place: QueuePlace) => void;
    },
  ): Promise<void> {
    signal.throwIfAborted();
    const waiter: Waiter = { granted: Promise.withResolvers(), onMoved, position: place.position };
    const abort = () => waiter.granted.reject(signal.reason);
    this.#waiters.set(generationId, waiter);
    signal.addEventListener("abort", abort, { once: true });
    this.#schedulePoll();
    this.pump(); // units may have become free, or its own, before anybody waited here
    try {
      await waiter.granted.promise;
    } finally {
      this.#waiters.delete(generationId);
      signal.removeEventListener("abort", abort);
    }
  }

  /** In the transaction that ends the generation; {@link ended} follows its commit. */
  async release(trx: Db, generationId: string): Promise<void> {
    await deleteClaim(trx, generationId);
  }

  /** Units may be free now. */
  ended(generationId: string): void {
    this.#pace.ended(generationId);
    this.pump();
  }

  /** Gives free units to those that wait here. Nobody waits for it. */
  pump(): void {
    if (this.#isClosed || this.#waiters.size === 0) return;
    if (this.#pumping !== undefined) return void (this.#pumpAgain = true);
    this.#pumping = this.#pumpOnce().then(() => void (this.#isFailing = false), (error) => {
      if (!this.#isFailing) this.#options.reportError(error);
      this.#isFailing = true;
    }).finally(() => {
      this.#pumping = undefined;
      if (this.#isFailing) this.#schedulePoll(); // nobody else would try again
      if (!this.#pumpAgain) return;
      this.#pumpAgain = false;
      this.pump();
    });
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#pollTimer?.[Symbol.dispose]();
    this.#announceTimer?.[Symbol.dispose]();
  }

  /** Resolves when nothing of it uses the database any more; call it after disposing. */
  async idle(): Promise<void> {
    await this.#pumping;
  }

  async #pumpOnce(): Promise<void> {
    const { granted, left } = await this.#options.db.transaction().execute(async (trx) =>
      await this.#grant(trx, await lockUnitTurn(trx))
    );
    this.#settle(granted);
    // Units that were given before somebody waited for them, or by a commit whose answer was lost.
    for (const { generationId, isHeld } of left.claims) {
      if (isHeld) this.#waiters.get(generationId)?.granted.resolve();
    }
    this.#announceTimer ??= this.#options.clock.after(ANNOUNCE_MS, () => {
      this.#announceTimer = undefined;
      this.#announce().catch(this.#options.reportError);
    });
  }

  /** Under the lock; what is left is the state without those that were granted. */
  async #grant(
    trx: Db,
    turn: number,
  ): Promise<{ readonly granted: readonly Claim[]; readonly left: FairState }> {
    const state = await this.#state(trx);
    const granted: Claim[] = [];
    const gone = new Set<string>();
    const lastTurn = new Map(state.lastTurns);
    const next = nextGrants(state, this.#options.limits);
    const there = await lockClaims(trx, next.map(({ generationId }) => generationId));
    for (const claim of next) {
      lastTurn.set(claim.principalId, turn);
      if (!there.has(claim.generationId)) {
        gone.add(claim.generationId); // it has ended since the claims were read
        continue;
      }
      await holdClaim(trx, toRow(claim), turn);
      granted.push(claim);
    }
    const ids = new Set(granted.map(({ generationId }) => generationId));
    const claims = state.claims.filter(({ generationId }) => !gone.has(generationId))
      .map((claim) => ids.has(claim.generationId) ? { ...claim, isHeld: true } : claim);
    return { granted, left: { ...state, claims, lastTurns: lastTurn } };
  }

  async #state(db: Db): Promise<FairState> {
    const claims = (await allClaims(db)).map(toClaim);
    const waiting = new Set(claims.filter(({ isHeld }) => !isHeld).map(({ principalId }) => principalId));
    return { claims, lastTurns: await lastTurns(db, [...waiting]), gatewayId: this.#options.gatewayId };
  }

  #settle(granted: readonly Claim[]): void {
    for (const { generationId } of granted) this.#waiters.get(generationId)?.granted.resolve();
  }

  async #announce(): Promise<void> {
    if (this.#isClosed || this.#waiters.size === 0) return;
    for (const [index, { generationId }] of fairOrder(await this.#state(this.#options.db)).entries()) {
      const waiter = this.#waiters.get(generationId);
      const position = index + 1;
      if (waiter === undefined || waiter.position === position) continue;
      waiter.position = position;
      waiter.onMoved({ position, estimateMs: this.#pace.estimateMs(position) });
    }
  }

  #schedulePoll(): void {
    if (this.#isClosed || !(this.#options.isShared || this.#isFailing)) return;
    this.#pollTimer ??= this.#options.clock.after(POLL_MS, () => {
      this.#pollTimer = undefined;
      this.pump();
      if (this.#waiters.size > 0) this.#schedulePoll();
    });
  }

  #requirePossible({ units }: NewClaim): void {
    const { totalUnits, unitsPerPrincipal } = this.#options.limits;
    if (units > unitsPerPrincipal) throw impossible("principal", units, unitsPerPrincipal);
    if (units > totalUnits) throw impossible("gateway", units, totalUnits);
  }

  #requirePlace({ generationId, principalId }: NewClaim, state: FairState): QueuePlace {
    const { maxQueued = MAX_QUEUED, maxQueuedPerPrincipal = MAX_QUEUED_PER_PRINCIPAL } = this.#options.limits;
    const order = fairOrder(state);
    const own = order.filter((claim) => claim.principalId === principalId);
    if (own.length > maxQueuedPerPrincipal) throw this.#full("principal", own.length, maxQueuedPerPrincipal);
    if (order.length > maxQueued) throw this.#full("gateway", order.length, maxQueued);
    const position = order.findIndex((claim) => claim.generationId === generationId) + 1;
    return { position, estimateMs: this.#pace.estimateMs(position) };
  }

  #full(scope: "principal" | "gateway", found: number, allowed: number): CapacityError {
    const estimateMs = this.#pace.estimateMs(1) ?? RETRY_MS.unknown;
    const retryAfterMs = Math.min(Math.max(Math.ceil(estimateMs), RETRY_MS.least), RETRY_MS.most);
    const whose = scope === "principal" ? "of yours" : "generations";
    return new CapacityError(
      `Cannot queue another generation: ${found - 1} ${whose} wait already, as many as may`,
      { scope, queued: found - 1, allowed, retryAfterMs },
    );
  }
}

function impossible(scope: "principal" | "gateway", units: number, allowed: number): CapacityError {
  const whose = scope === "principal" ? "a principal" : "the gateway";
  return new CapacityError(
    `Cannot start a generation of ${units} unit(s): ${whose} may hold ${allowed}, however long it waits`,
    { scope, units, allowed },
  );
}

function toClaim(row: UnitClaimRow): Claim {
  return {
    generationId: row.generation_id,
    principalId: row.principal_id,
    units: row.units,
    priority: row.priority,
    isHeld: row.is_held === 1,
    gatewayId: row.gateway_id,
  };
}

function toRow(claim: Claim): UnitClaimRow {
  return {
    generation_id: claim.generationId,
    principal_id: claim.principalId,
    gateway_id: claim.gatewayId,
    units: claim.units,
    priority: claim.priority,
    is_held: claim.isHeld ? 1 : 0,
  };
}
