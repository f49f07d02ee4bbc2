/**
 * Rows of models and of the artifacts (file manifests) they serve. Parents and descendants are found through hashes: a
 * parent is whatever model serves the very weights a merge has read. Names count only for a model that no known merge
 * has made. The row of a removed model stays, for what was generated with it; only its id finds it.
 */
import type { Insertable, Selectable, Updateable } from "kysely";
import type { ArtifactFilesTable, ArtifactsTable, Db, ModelParentsTable, ModelsTable } from "./database.ts";
import { locking } from "./dialect.ts";
import { contains, inBatches, type RowPage, toRowPage } from "./page.ts";

export type ModelRow = Selectable<ModelsTable>;
export type ArtifactRow = Selectable<ArtifactsTable>;
export type ArtifactFileRow = Selectable<ArtifactFilesTable>;

export async function insertModel(db: Db, row: Insertable<ModelsTable>): Promise<void> {
  await db.insertInto("models").values(row).execute();
}

export async function updateModel(db: Db, id: string, patch: Updateable<ModelsTable>): Promise<void> {
  await db.updateTable("models").set(patch).where("id", "=", id).execute();
}

/** Until the transaction ends, nothing can be started with it, and the row stays as it is. */
export async function lockModel(trx: Db, id: string): Promise<void> {
  await locking(trx, trx.selectFrom("models").select("id").where("id", "=", id)).execute();
}

/** Whether there is a folder behind it, as far as the row knows. */
export function hasFolder({ path }: Pick<ModelRow, "path">): boolean {
  return path !== "";
}

/** Undefined when there is none, or none any more. */
export function findModel(
  db: Db,
  ref: { readonly id: string } | { readonly name: string },
): Promise<ModelRow | undefined> {
  const query = db.selectFrom("models").selectAll().where("removed_at", "is", null);
  return ("id" in ref ? query.where("id", "=", ref.id) : query.where("name", "=", ref.name))
    .executeTakeFirst();
}

/** A model whose folder this is, other than `except`. */
export function findModelAt(
  db: Db,
  path: string,
  { except = "" }: { readonly except?: string } = {},
): Promise<ModelRow | undefined> {
  return db.selectFrom("models").selectAll().where("path", "=", path).where("removed_at", "is", null)
    .where("id", "!=", except).orderBy("id").limit(1).executeTakeFirst();
}

/** The row of this name, be the model removed or not. */
export function findModelRow(db: Db, name: string): Promise<ModelRow | undefined> {
  return db.selectFrom("models").selectAll().where("name", "=", name).executeTakeFirst();
}

/** A model that serves these very weights; the first registered where several do. */
export function findModelByManifest(db: Db, manifestSha256: string): Promise<ModelRow | undefined> {
  return db.selectFrom("models").innerJoin("artifacts", "artifacts.id", "models.artifact_id")
    .selectAll("models").where("artifacts.manifest_sha256", "=", manifestSha256)
    .where("models.removed_at", "is", null).where("models.path", "!=", "")
    .orderBy("models.id").limit(1).executeTakeFirst();
}

/** In no particular order, removed ones included; unknown ids are left out. */
export async function findModels(db: Db, ids: readonly string[]): Promise<readonly ModelRow[]> {
  return ids.length === 0 ? [] : await db.selectFrom("models").selectAll().where("id", "in", ids).execute();
}

export interface ModelFilter {
  readonly nameContains?: string;
  readonly author?: string;
  readonly architecture?: string;
  readonly license?: string;
  /** Whether a known merge has made it. */
  readonly merged?: boolean;
  /** Only these. */
  readonly ids?: readonly string[];
  /** All but these. */
  readonly exceptIds?: readonly string[];
}

/** By name. */
export async function listModels(
  db: Db,
  where: ModelFilter,
  page: { readonly first: number; readonly afterName?: string },
): Promise<RowPage<ModelRow>> {
  if (where.ids?.length === 0) return { rows: [], hasNextPage: false, totalCount: 0 };
  const { nameContains, author, architecture, license, merged, ids, exceptIds = [] } = where;
  const filtered = db.selectFrom("models").where("removed_at", "is", null)
    .$if(nameContains !== undefined, (q) => q.where((e) => contains(e.ref("name"), nameContains!)))
    .$if(author !== undefined, (q) => q.where("author", "=", author!))
    .$if(architecture !== undefined, (q) => q.where("architecture", "=", architecture!))
    .$if(license !== undefined, (q) => q.where("license", "=", license!))
    .$if(merged !== undefined, (q) => q.where("merge_id", merged ? "is not" : "is", null))
    .$if(ids !== undefined, (q) => q.where("id", "in", ids!))
    .$if(exceptIds.length > 0, (q) => q.where("id", "not in", exceptIds));
  const rows = await filtered.selectAll()
    .$if(page.afterName !== undefined, (q) => q.where("name", ">", page.afterName!))
    .orderBy("name").limit(page.first + 1).execute();
  const total = await filtered.select((e) => e.fn.countAll().as("count")).executeTakeFirstOrThrow();
  return toRowPage(rows, page.first, total.count);
}

export async function allModels(db: Db): Promise<readonly ModelRow[]> {
  return await db.selectFrom("models").selectAll().where("removed_at", "is", null).orderBy("name").execute();
}

/** {@link allModels}, each with the hash of its artifact's manifest. */
export async function allModelsWithManifests(
  db: Db,
): Promise<readonly (ModelRow & Pick<ArtifactRow, "manifest_sha256">)[]> {
  return await db.selectFrom("models").innerJoin("artifacts", "artifacts.id", "models.artifact_id")
    .selectAll("models").select("artifacts.manifest_sha256")
    .where("models.removed_at", "is", null).orderBy("models.name").execute();
}

export type ModelParentRow = Selectable<ModelParentsTable>;

/** In the order they were named, each with the model of that name, if there is one. */
export async function declaredParents(
  db: Db,
  modelId: string,
): Promise<readonly (ModelParentRow & { readonly parent_id: string | null })[]> {
  return await db.selectFrom("model_parents as named")
    .leftJoin(
      "models as parent",
      (join) => join.onRef("parent.name", "=", "named.name").on("parent.removed_at", "is", null),
    )
    .selectAll("named").select("parent.id as parent_id")
    .where("named.model_id", "=", modelId).orderBy("named.ordinal").execute();
}

/** In place of those it had. Call it inside a transaction. */
export async function replaceParents(
  db: Db,
  modelId: string,
  parents: readonly { readonly name: string; readonly isBase: boolean }[],
): Promise<void> {
  await db.deleteFrom("model_parents").where("model_id", "=", modelId).execute();
  await inBatches(
    parents.map(({ name, isBase }, ordinal) => ({
      ...{ model_id: modelId, ordinal, name, is_base: isBase ? 1 : 0 },
    })),
    (batch) => db.insertInto("model_parents").values(batch).execute(),
  );
}

/** Those that the model's merge has read or, where no merge is known, those that are named; no repetitions. */
export async function parentModels(db: Db, modelId: string): Promise<readonly ModelRow[]> {
  const child = await db.selectFrom("models").select("merge_id").where("id", "=", modelId).executeTakeFirst();
  return await (child?.merge_id === null ? namedParents(db, modelId) : provenParents(db, modelId));
}

async function namedParents(db: Db, modelId: string): Promise<readonly ModelRow[]> {
  const rows = await db.selectFrom("model_parents as named")
    .innerJoin("models as parent", "parent.name", "named.name")
    .where("named.model_id", "=", modelId).where("parent.removed_at", "is", null)
    .selectAll("parent").orderBy("named.ordinal").execute();
  return distinctById(rows);
}

/** Models that serve an artifact which the model's merge has read, in the order of its sources. */
async function provenParents(db: Db, modelId: string): Promise<readonly ModelRow[]> {
  const rows = await db.selectFrom("models as child")
    .innerJoin("merge_sources as source", "source.merge_id", "child.merge_id")
    .innerJoin("artifacts", "artifacts.manifest_sha256", "source.artifact_sha256")
    .innerJoin("models as parent", "parent.artifact_id", "artifacts.id")
    .where("child.id", "=", modelId).where("parent.removed_at", "is", null).where("parent.path", "!=", "")
    .selectAll("parent").orderBy("source.ordinal").orderBy("parent.id")
    .execute();
  return distinctById(rows);
}

/** Models merged directly from what any of these serves, and those without a known merge that name one of them. */
export async function childModels(db: Db, modelIds: readonly string[]): Promise<readonly ModelRow[]> {
  if (modelIds.length === 0) return [];
  const naming = await db.selectFrom("models as parent")
    .innerJoin("model_parents as named", "named.name", "parent.name")
    .innerJoin("models as child", "child.id", "named.model_id")
    .where("parent.id", "in", modelIds).where("child.merge_id", "is", null)
    .where("child.removed_at", "is", null)
    .selectAll("child").orderBy("child.name")
    .execute();
  const rows = await db.selectFrom("models as parent")
    .innerJoin("artifacts", "artifacts.id", "parent.artifact_id")
    .innerJoin("merge_sources as source", "source.artifact_sha256", "artifacts.manifest_sha256")
    .innerJoin("models as child", "child.merge_id", "source.merge_id")
    .where("parent.id", "in", modelIds).where("parent.path", "!=", "").where("child.removed_at", "is", null)
    .selectAll("child").orderBy("child.name")
    .execute();
  return distinctById([...rows, ...naming]);
}

/** The manifest hash alone; undefined when there is none. */
export async function findManifest(db: Db, artifactId: string): Promise<string | undefined> {
  const row = await db.selectFrom("artifacts").select("manifest_sha256").where("id", "=", artifactId)
    .executeTakeFirst();
  return row?.manifest_sha256;
}

/** Writes the manifest unless one with the same hash is there; the id of whichever it is. */
export async function ensureArtifact(
  db: Db,
  artifact: Insertable<ArtifactsTable>,
  files: readonly Omit<Insertable<ArtifactFilesTable>, "artifact_id">[],
): Promise<string> {
  const known = await db.selectFrom("artifacts").select("id")
    .where("manifest_sha256", "=", artifact.manifest_sha256).executeTakeFirst();
  if (known !== undefined) return known.id;
  await db.insertInto("artifacts").values(artifact).execute();
  await inBatches(
    files.map((file) => ({ ...file, artifact_id: artifact.id })),
    (batch) => db.insertInto("artifact_files").values(batch).execute(),
  );
  return artifact.id;
}

/** The manifest with its files by path; undefined when there is none. */
export async function findArtifact(
  db: Db,
  id: string,
): Promise<{ readonly artifact: ArtifactRow; readonly files: readonly ArtifactFileRow[] } | undefined> {
  const artifact = await db.selectFrom("artifacts").selectAll().where("id", "=", id).executeTakeFirst();
  if (artifact === undefined) return undefined;
  const files = await db.selectFrom("artifact_files").selectAll()
    .where("artifact_id", "=", id).orderBy("path").execute();
  return { artifact, files };
}

function distinctById(rows: readonly ModelRow[]): readonly ModelRow[] {
  return [...new Map(rows.map((row) => [row.id, row])).values()];
}
