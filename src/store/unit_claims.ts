/**
 * Concurrency units as rows: a generation's claim waits, then holds its units, and goes with the transaction that ends
 * the generation. Whoever gives units away holds the row of the turn, so no two gateways give the same ones.
 */
import type { Insertable, Selectable } from "kysely";
import { toBigInt } from "./codec.ts";
import type { Db, UnitClaimsTable } from "./database.ts";

export type UnitClaimRow = Selectable<UnitClaimsTable>;

const ONLY = 1;

/** Takes the lock until the transaction ends; the number of this turn. */
export async function lockUnitTurn(trx: Db): Promise<number> {
  const { turn } = await trx.updateTable("unit_turn").set((e) => ({ turn: e("turn", "+", 1) }))
    .where("id", "=", ONLY).returning("turn").executeTakeFirstOrThrow();
  return Number(toBigInt(turn));
}

export async function insertClaim(trx: Db, row: Insertable<UnitClaimsTable>): Promise<void> {
  await trx.insertInto("unit_claims").values(row).execute();
}

/** All of them: as many as run and wait. */
export async function allClaims(db: Db): Promise<readonly UnitClaimRow[]> {
  return await db.selectFrom("unit_claims").selectAll().execute();
}

/** When these principals were given units last; those never given any are left out. */
export async function lastTurns(
  db: Db,
  principalIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (principalIds.length === 0) return new Map();
  const rows = await db.selectFrom("unit_turns").selectAll().where("principal_id", "in", principalIds)
    .execute();
  return new Map(rows.map((row) => [row.principal_id, Number(toBigInt(row.turn))]));
}

/** Call it under the lock. False where the claim is gone. */
export async function holdClaim(trx: Db, claim: UnitClaimRow, turn: number): Promise<boolean> {
  const { numUpdatedRows } = await trx.updateTable("unit_claims").set({ is_held: 1 })
    .where("generation_id", "=", claim.generation_id).executeTakeFirst();
  if (numUpdatedRows === 0n) return false;
  await trx.insertInto("unit_turns").values({ principal_id: claim.principal_id, turn })
    .onConflict((conflict) => conflict.column("principal_id").doUpdateSet({ turn })).execute();
  return true;
}

export async function deleteClaim(trx: Db, generationId: string): Promise<void> {
  await trx.deleteFrom("unit_claims").where("generation_id", "=", generationId).execute();
}

/** Units that a principal holds, and its claims that wait, at all gateways. */
export async function standingOf(
  db: Db,
  principalId: string,
): Promise<{ readonly held: number; readonly queued: number }> {
  const rows = await db.selectFrom("unit_claims").select(["units", "is_held"])
    .where("principal_id", "=", principalId).execute();
  const held = rows.filter((row) => row.is_held === 1).reduce((sum, row) => sum + row.units, 0);
  return { held, queued: rows.filter((row) => row.is_held === 0).length };
}
