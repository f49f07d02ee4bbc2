/** Rows of the gateways on this database. One whose lease has run out is dead: what it ran may be ended or taken over. */
import type { Insertable } from "kysely";
import type { Db, GatewaysTable } from "./database.ts";

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
