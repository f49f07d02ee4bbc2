/**
 * Rows of the audit log: a chain in which every entry names the hash of the one before. The head's row is the lock of
 * whoever appends, and says where the chain ends. Nothing here changes or deletes an entry.
 */
import type { Insertable, Selectable } from "kysely";
import type { AuditEntriesTable, AuditHeadTable, Db } from "./database.ts";
import { type RowPage, toRowPage } from "./page.ts";

export type AuditEntryRow = Selectable<AuditEntriesTable>;

const HEAD = 1;

/** Takes the chain's lock until the transaction ends; the head with the next `seq`, and the hash before it. */
export async function lockAuditHead(trx: Db): Promise<Selectable<AuditHeadTable>> {
  return await trx.updateTable("audit_head").set((e) => ({ seq: e("seq", "+", 1) })).where("id", "=", HEAD)
    .returningAll().executeTakeFirstOrThrow();
}

/** Waits for the chain's lock and takes it until the transaction ends, without an entry. */
export async function lockAuditChain(trx: Db): Promise<void> {
  await trx.updateTable("audit_head").set((e) => ({ seq: e.ref("seq") })).where("id", "=", HEAD).execute();
}

/** Appends the entry and moves the head to it; call it under the lock. */
export async function appendAuditEntry(trx: Db, row: Insertable<AuditEntriesTable>): Promise<void> {
  await trx.insertInto("audit_entries").values(row).execute();
  await trx.updateTable("audit_head").set({ hash: row.hash }).where("id", "=", HEAD).execute();
}

/** Undefined where somebody has deleted it. */
export function findAuditHead(db: Db): Promise<Selectable<AuditHeadTable> | undefined> {
  return db.selectFrom("audit_head").selectAll().where("id", "=", HEAD).executeTakeFirst();
}

/** Oldest first, at most `limit` of those after `afterSeq`. */
export async function readAuditEntries(
  db: Db,
  { afterSeq, limit }: { readonly afterSeq: number; readonly limit: number },
): Promise<readonly AuditEntryRow[]> {
  return await db.selectFrom("audit_entries").selectAll().where("seq", ">", afterSeq)
    .orderBy("seq").limit(limit).execute();
}

export interface AuditRowFilter {
  readonly actorId?: string;
  readonly action?: string;
  readonly target?: string;
}

/** Newest first. */
export async function listAuditEntries(
  db: Db,
  where: AuditRowFilter,
  page: { readonly first: number; readonly beforeSeq?: number },
): Promise<RowPage<AuditEntryRow>> {
  const filtered = db.selectFrom("audit_entries")
    .$if(where.actorId !== undefined, (q) => q.where("actor_id", "=", where.actorId!))
    .$if(where.action !== undefined, (q) => q.where("action", "=", where.action!))
    .$if(where.target !== undefined, (q) => q.where("target", "=", where.target!));
  const rows = await filtered.selectAll()
    .$if(page.beforeSeq !== undefined, (q) => q.where("seq", "<", page.beforeSeq!))
    .orderBy("seq", "desc").limit(page.first + 1).execute();
  const total = await filtered.select((e) => e.fn.countAll().as("count")).executeTakeFirstOrThrow();
  return toRowPage(rows, page.first, total.count);
}
