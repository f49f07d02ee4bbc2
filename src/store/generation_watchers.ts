/** Rows of streams at one gateway that watch what another one runs. They go with their gateway's row. */
import type { Insertable } from "kysely";
import type { Db, GenerationWatchersTable } from "./database.ts";

/** Does nothing where the row is there. */
export async function insertWatcher(db: Db, row: Insertable<GenerationWatchersTable>): Promise<void> {
  await db.insertInto("generation_watchers").values(row).onConflict((c) => c.column("id").doNothing())
    .execute();
}

export async function deleteWatcher(db: Db, id: string): Promise<void> {
  await db.deleteFrom("generation_watchers").where("id", "=", id).execute();
}

/** Whether any stream at one of these gateways watches it. */
export async function isWatchedAt(
  db: Db,
  generationId: string,
  gatewayIds: readonly string[],
): Promise<boolean> {
  const row = await db.selectFrom("generation_watchers").select("id")
    .where("generation_id", "=", generationId).where("gateway_id", "in", gatewayIds).limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
