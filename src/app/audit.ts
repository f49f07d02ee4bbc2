/**
 * The audit log: every act of an admin, written in the transaction of the act itself. Entries form a chain: each holds
 * the SHA-256 of the one before, over the canonical JSON of all its fields, so whoever changes, removes or reorders one
 * breaks every hash after it. Who can write to the database can also make the whole chain anew; the hash of its end,
 * noted elsewhere, shows that, too.
 */
import { createHash } from "node:crypto";
import * as store from "../store/audit.ts";
import { fromTime, toTime } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import { canonicalJson } from "./canonical_json.ts";
import { numberKeyset, parsePage, toPage } from "./paging.ts";
import { requireRole } from "./roles.ts";
import type { AuditEntry, AuditUseCases, AuditVerification, Principal } from "./types.ts";

/** `thing.verb`: `key.create`, `samplingDefaults.update`, `model.register`, `session.delete`, `generation.cancel`, … */
export type AuditAction = `${string}.${string}`;

export interface Act {
  readonly actor: Principal;
  readonly at: Date;
  readonly action: AuditAction;
  /** Id or name of what was acted upon. */
  readonly target: string | null;
  /** JSON; never a secret, and nothing of what people wrote to models. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Named by the first entry as its predecessor. */
const GENESIS = "0".repeat(64);
const MAX_DETAILS_LENGTH = 16_384;
const BATCH = 500;
const ENTRIES = numberKeyset("audit entries");

/**
 * Appends an act to the log, in the transaction of what it records: both happen or neither. Holds the chain's lock
 * until that transaction ends, so call it last, and {@link oneActAtATime} first where other rows are locked between.
 * Details beyond 16 KiB are replaced by their hash.
 */
export async function recordAct(trx: Db, { actor, at, action, target, details = {} }: Act): Promise<void> {
  const { seq, hash: previousHash } = await store.lockAuditHead(trx);
  const text = boundedDetails(details);
  const entry = {
    seq,
    at: toTime(at),
    actor_id: actor.id,
    actor_label: actor.label ?? null,
    action,
    target,
    details: text,
    previous_hash: previousHash,
  };
  await store.appendAuditEntry(trx, { ...entry, hash: hashOf(entry) });
}

/** What is done to something that is, or is not, the actor's own. */
export type OwnedAct = Act & { readonly ownerId: string };

/** {@link recordAct} where the actor is somebody else than the owner: an admin, for nobody else may. */
export async function recordActOnOthers(trx: Db, act: OwnedAct): Promise<void> {
  const { ownerId, ...rest } = act;
  if (act.actor.id === ownerId) return;
  await recordAct(trx, { ...rest, details: { ...act.details, ownerId } });
}

/**
 * Lets one act after another through, at all gateways: call it first in a transaction that reads something in order to
 * write what follows from it, as the next number of a revision, and in one that locks rows before it records an act: the
 * chain's lock comes before all others, so that no two transactions wait for each other.
 */
export async function oneActAtATime(trx: Db): Promise<void> {
  await store.lockAuditChain(trx);
}

/** {@link oneActAtATime} where {@link recordActOnOthers} will record something. */
export async function oneActOnOthersAtATime(
  trx: Db,
  { actor, ownerId }: Pick<OwnedAct, "actor" | "ownerId">,
): Promise<void> {
  if (actor.id !== ownerId) await oneActAtATime(trx);
}

/** The audit use cases over the store; for admins alone. */
export function createAudit({ db }: { readonly db: Db }): AuditUseCases {
  return {
    async list(principal, args, where = {}) {
      requireRole(principal, "ADMIN", "read the audit log");
      const { first, after } = parsePage(ENTRIES, args);
      const page = { first, ...(after === undefined ? {} : { beforeSeq: after }) };
      return toPage(ENTRIES, await store.listAuditEntries(db, where, page), (row) => row.seq, toEntry);
    },
    async verify(principal) {
      requireRole(principal, "ADMIN", "verify the audit log");
      return await verifyChain(db);
    },
  };
}

/** Walks the chain from its beginning; what it finds first is what it tells. */
async function verifyChain(db: Db): Promise<AuditVerification> {
  const end = await store.findAuditHead(db);
  let seq = 0;
  let hash = GENESIS;
  const broken = (brokenSeq: number, reason: string): AuditVerification => {
    return { isIntact: false, entries: seq, headHash: hash, brokenSeq, reason };
  };
  if (end === undefined) return broken(0, "the row that says where the chain ends is gone");
  while (seq < end.seq) {
    const rows = await store.readAuditEntries(db, { afterSeq: seq, limit: BATCH });
    const before = seq;
    for (const row of rows) {
      if (row.seq > end.seq) break; // written since, or not by us: the head is asked again below
      if (row.seq !== seq + 1) return broken(seq + 1, `entry ${seq + 1} is missing`);
      if (row.previous_hash !== hash) {
        return broken(row.seq, "it does not name the hash of the entry before it");
      }
      if (row.hash !== hashOf(row)) return broken(row.seq, "its hash is not that of its content");
      seq = row.seq;
      hash = row.hash;
    }
    if (seq === before) break; // whatever follows, it is not what is missing
  }
  if (seq < end.seq) return broken(seq + 1, `entry ${seq + 1} is missing`);
  if (hash !== end.hash) return broken(seq, "the chain does not end with it");
  const [beyond] = await store.readAuditEntries(db, { afterSeq: seq, limit: 1 });
  const now = beyond && await store.findAuditHead(db);
  if (beyond !== undefined && (now?.seq ?? 0) < beyond.seq) {
    return broken(beyond.seq, "it stands behind the end of the chain");
  }
  return { isIntact: true, entries: seq, headHash: hash, brokenSeq: null, reason: null };
}

/** Lower-case hexadecimal SHA-256; a row whose details are no canonical JSON matches nothing. */
function hashOf(row: Omit<store.AuditEntryRow, "hash">): string {
  let details: unknown;
  try {
    details = JSON.parse(row.details);
  } catch {
    return "";
  }
  if (canonicalJson(details) !== row.details) return "";
  const { seq, at, actor_id, actor_label, action, target, previous_hash } = row;
  const content = canonicalJson({
    ...{ seq, at, action, target, details },
    ...{ actorId: actor_id, actorLabel: actor_label, previousHash: previous_hash },
  });
  return sha256(content);
}

function boundedDetails(details: Readonly<Record<string, unknown>>): string {
  const text = canonicalJson(details);
  if (text.length <= MAX_DETAILS_LENGTH) return text;
  return canonicalJson({ omitted: `${text.length} characters`, sha256: sha256(text) });
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function toEntry(row: store.AuditEntryRow): AuditEntry {
  return {
    seq: row.seq,
    at: fromTime(row.at),
    actorId: row.actor_id,
    actorLabel: row.actor_label,
    action: row.action,
    target: row.target,
    details: row.details,
    previousHash: row.previous_hash,
    hash: row.hash,
  };
}
