/** Rows of the gateways on this database. One whose lease has run out is dead: what it ran may be ended or taken over. */
import { type Expression, expressionBuilder, type Insertable, type SqlBool } from "kysely";
import type { Database, Db, GatewaysTable } from "./database.ts";

export async function insertGateway(db: Db, row: Insertable<GatewaysTable>): Promise<void> {
  await db.insertInto("gateways").values(row).execute();
}

/** False when there is no such row any more. */
export async function renewLease(db: Db, id: string, until: string): Promise<boolean> {
  const { numUpdatedRows } = await db.updateTable("gateways").set({ lease_until: until }).where("id", "=", id)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

export async function deleteGateway(db: Db, id: string): Promise<void> {
  await db.deleteFrom("gateways").where("id", "=", id).execute();
}

/** All whose lease has not run out. */
export async function livingGateways(db: Db, now: string): Promise<readonly string[]> {
  const rows = await db.selectFrom("gateways").select("id").where("lease_until", ">", now).execute();
  return rows.map(({ id }) => id);
}

/** Forgets those whose lease has run out, or (`all`) every one but `exceptId`. */
export async function deleteDeadGateways(
  db: Db,
  { now, exceptId, all }: { readonly now: string; readonly exceptId: string; readonly all: boolean },
): Promise<void> {
  await db.deleteFrom("gateways").where("id", "!=", exceptId)
    .$if(!all, (q) => q.where("lease_until", "<=", now)).execute();
}

/** Who asks for work that nobody does. */
export interface OrphanTaker {
  /** By the clock of leases. Not who lives: a gateway that has joined since then would be taken for dead. */
  readonly now: string;
  readonly gatewayId: string;
  /** What this gateway runs; others of its own rows are left from an end that could not be written. */
  readonly holds: readonly string[];
}

/** Whether a row of an unfinished merge or model job is nobody's. */
export function isOrphan({ now, gatewayId, holds }: OrphanTaker): Expression<SqlBool> {
  const e = expressionBuilder<Database, "merges" | "model_jobs">();
  const living = e.selectFrom("gateways").select("gateways.id").where("lease_until", ">", now);
  return e.or([
    e("gateway_id", "is", null),
    e.and([e("gateway_id", "!=", gatewayId), e("gateway_id", "not in", living)]),
    e.and([
      e("gateway_id", "=", gatewayId),
      ...holds.length === 0 ? [] : [e("id", "not in", holds)],
    ]),
  ]);
}
