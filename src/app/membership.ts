/**
 * This gateway among those on its database: a row with a lease, which a heartbeat moves on. What a gateway runs is its
 * own while its lease lasts; a dead one's is ended or taken over by whoever notices first. Leases run by the clock of the
 * database's server, so those of the gateways need not agree.
 */
import { toTime } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import { isEmbedded, serverTime } from "../store/dialect.ts";
import {
  deleteDeadGateways,
  deleteGateway,
  insertGateway,
  livingGateways,
  renewLease,
} from "../store/gateways.ts";
import type { Clock } from "./clock.ts";

/** A gateway that has not been heard of for so long is dead. */
export const LEASE_MS = 15_000;
/** How often each is heard of, and looks after what the dead have left. */
export const HEARTBEAT_MS = 3_000;

export class Membership {
  readonly id: string;
  /** Whether other gateways may be on this database. */
  readonly isShared: boolean;
  readonly #db: Db;
  readonly #clock: Clock;

  private constructor(db: Db, clock: Clock, id: string) {
    this.#db = db;
    this.#clock = clock;
    this.id = id;
    this.isShared = !isEmbedded(db);
  }

  /** Enters the gateway. A database in the data folder is the folder's owner's alone: all others on it are dead. */
  static async join(db: Db, clock: Clock, id: string): Promise<Membership> {
    const membership = new Membership(db, clock, id);
    await membership.#enter();
    await membership.#forgetDead();
    return membership;
  }

  /** Moves the lease on. Resolves with whether others had taken this gateway for dead, so that it entered anew. */
  async renew(): Promise<boolean> {
    const isBack = !await renewLease(this.#db, this.id, await this.#leaseEnd());
    if (isBack) await this.#enter();
    await this.#forgetDead();
    return isBack;
  }

  /** All that live, this one included. */
  async living(): Promise<ReadonlySet<string>> {
    return new Set([this.id, ...await livingGateways(this.#db, await this.time())]);
  }

  /** What leases go by. */
  async time(): Promise<string> {
    return toTime(await this.#now());
  }

  /** Whether a gateway other than this one runs what bears this id. */
  async isSibling(gatewayId: string | null): Promise<boolean> {
    return this.isShared && gatewayId !== null && gatewayId !== this.id &&
      (await this.living()).has(gatewayId);
  }

  async leave(): Promise<void> {
    await deleteGateway(this.#db, this.id);
  }

  async #enter(): Promise<void> {
    const started_at = toTime(await this.#now());
    await insertGateway(this.#db, { id: this.id, started_at, lease_until: await this.#leaseEnd() });
  }

  async #forgetDead(): Promise<void> {
    const now = toTime(await this.#now());
    await deleteDeadGateways(this.#db, { now, exceptId: this.id, all: !this.isShared });
  }

  async #leaseEnd(): Promise<string> {
    return toTime(new Date((await this.#now()).getTime() + LEASE_MS));
  }

  async #now(): Promise<Date> {
    return await serverTime(this.#db) ?? this.#clock.now();
  }
}
