/**
 * Revisions of the sampling defaults, by scope: "gateway", or a model's id. Append-only; the newest of a scope is in
 * force, and a generation names the revisions it ran under.
 */
import type { Insertable, Selectable } from "kysely";
import type { Db, SamplingDefaultRevisionsTable } from "./database.ts";

export type SamplingRevisionRow = Selectable<SamplingDefaultRevisionsTable>;

/** The scope of revisions that hold for every model. Ids are UUIDs, so no model is ever called that. */
export const GATEWAY_SCOPE = "gateway";

export async function latestRevision(db: Db, scope: string): Promise<SamplingRevisionRow | undefined> {
  return (await latestRevisions(db, scope, { first: 1 })).at(0);
}

/** Newest first, those before `before` where that is given. */
export async function latestRevisions(
  db: Db,
  scope: string,
  { first, before }: { readonly first: number; readonly before?: number | undefined },
): Promise<readonly SamplingRevisionRow[]> {
  return await db.selectFrom("sampling_default_revisions").selectAll().where("scope", "=", scope)
    .$if(before !== undefined, (q) => q.where("revision", "<", before!))
    .orderBy("revision", "desc").limit(first).execute();
}

export function findRevision(
  db: Db,
  scope: string,
  revision: number,
): Promise<SamplingRevisionRow | undefined> {
  return db.selectFrom("sampling_default_revisions").selectAll()
    .where("scope", "=", scope).where("revision", "=", revision).executeTakeFirst();
}

/** The numbers in force of these scopes; those without a revision are left out. */
export async function revisionNumbers(
  db: Db,
  scopes: readonly string[],
): Promise<readonly { readonly scope: string; readonly revision: number }[]> {
  if (scopes.length === 0) return [];
  const rows = await db.selectFrom("sampling_default_revisions").select("scope")
    .select((e) => e.fn.max("revision").as("revision"))
    .where("scope", "in", scopes).groupBy("scope").execute();
  return rows.map(({ scope, revision }) => ({ scope, revision: Number(revision) }));
}

/** False where the scope has a revision of this number already. */
export async function insertRevision(
  db: Db,
  row: Insertable<SamplingDefaultRevisionsTable>,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db.insertInto("sampling_default_revisions").values(row)
    .onConflict((conflict) => conflict.columns(["scope", "revision"]).doNothing()).executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}
