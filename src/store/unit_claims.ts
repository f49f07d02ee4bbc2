/**
 * Concurrency units as rows: a generation's claim waits, then holds its units, and goes with the transaction that ends
 * the generation. Whoever gives units away holds the row of the turn, so no two gateways give the same ones.
 */
import type { Insertable, Selectable } from "kysely";
import { toBigInt } from "./codec.ts";
import type { Db, UnitClaimsTable } from "./database.ts";
import { locking } from "./dialect.ts";

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

/**
 * Call it under the turn's lock. Of these claims, those that are still there and stay so until the transaction ends. They
 * are locked in the order of their generations, as those that end together are: neither waits for the other in a ring.
 */
export async function lockClaims(trx: Db, generationIds: readonly string[]): Promise<ReadonlySet<string>> {
  if (generationIds.length === 0) return new Set();
  const query = trx.selectFrom("unit_claims").select("generation_id")
    .where("generation_id", "in", generationIds).orderBy("generation_id");
  return new Set((await locking(trx, query).execute()).map(({ generation_id: id }) => id));
}

/** Call it for a claim of {@link lockClaims}. */
export async function holdClaim(trx: Db, claim: UnitClaimRow, turn: number): Promise<void> {
  await trx.updateTable("unit_claims").set({ is_held: 1 })
    .where("generation_id", "=", claim.generation_id).execute();
  await trx.insertInto("unit_turns").values({ principal_id: claim.principal_id, turn })
    .onConflict((conflict) => conflict.column("principal_id").doUpdateSet({ turn })).execute();
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
