/** Rows of API keys. Secrets never get here, only their SHA-256; a revoked key stays as the owner of what it made. */
import type { Insertable, Selectable } from "kysely";
import type { ApiKeysTable, Db } from "./database.ts";

export type ApiKeyRow = Selectable<ApiKeysTable>;

export async function insertApiKey(db: Db, row: Insertable<ApiKeysTable>): Promise<void> {
  await db.insertInto("api_keys").values(row).execute();
}

export function findApiKeyByPrefix(db: Db, prefix: string): Promise<ApiKeyRow | undefined> {
  return db.selectFrom("api_keys").selectAll().where("prefix", "=", prefix).executeTakeFirst();
}

/** Oldest first, revoked ones included. */
export async function listApiKeys(db: Db): Promise<readonly ApiKeyRow[]> {
  return await db.selectFrom("api_keys").selectAll().orderBy("id").execute();
}

/** Whether there ever was one for an admin, be it in force or not. */
export async function hasAdminKey(db: Db): Promise<boolean> {
  const row = await db.selectFrom("api_keys").select("id").where("role", "=", "ADMIN").limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Ids of all that have been revoked. */
export async function revokedKeyIds(db: Db): Promise<readonly string[]> {
  const rows = await db.selectFrom("api_keys").select("id").where("revoked_at", "is not", null).execute();
  return rows.map(({ id }) => id);
}

/** Notes that these were used by then. */
export async function touchApiKeys(db: Db, ids: readonly string[], usedAt: string): Promise<void> {
  if (ids.length === 0) return;
  await db.updateTable("api_keys").set({ last_used_at: usedAt }).where("id", "in", ids).execute();
}

/** True when the key was there and in force. */
export async function revokeApiKey(db: Db, id: string, revokedAt: string): Promise<boolean> {
  const result = await db.updateTable("api_keys").set({ revoked_at: revokedAt })
    .where("id", "=", id).where("revoked_at", "is", null).executeTakeFirst();
  return result.numUpdatedRows > 0n;
}
