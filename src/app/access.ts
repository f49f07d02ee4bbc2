/**
 * API keys: `gsk_<prefix>_<secret>`. The prefix finds the row, the secret (192 random bits, hence no slow hash) is
 * compared by its SHA-256 in constant time, and only the hash is stored. Without a key a caller is anonymous, where the
 * composition allows that: on loopback only.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { ConfigError, ForbiddenError, NotFoundError } from "../errors.ts";
import { oneActAtATime, recordAct } from "./audit.ts";
import { KeyActivity } from "./key_activity.ts";
import * as keys from "../store/api_keys.ts";
import { fromTime, fromTimeOrNull, toTime } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import type { Clock } from "./clock.ts";
import type { Ids } from "./ids.ts";
import { ANONYMOUS, requireRole } from "./roles.ts";
import type { AccessUseCases, ApiKey, NewApiKey, Principal, Role } from "./types.ts";

/** Whoever runs a command on this machine's own data folder: they could edit the database as well. */
export const LOCAL_ADMIN: Principal = Object.freeze({ id: "local", role: "ADMIN" });

const KEY_PATTERN = /^gsk_([0-9a-f]{12})_([0-9a-f]{48})$/;
const PREFIX_BYTES = 6;
const SECRET_BYTES = 24;
export const MAX_LABEL_LENGTH = 100;
/** Compared against when no row was found, so that an unknown prefix costs what a wrong secret costs. */
const NO_DIGEST = "0".repeat(64);

export interface AccessOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Whether a caller without a key is let in, as GENERATOR. Only where nobody but this machine can connect. */
  readonly allowAnonymous: boolean;
  /** Told when the use of keys cannot be noted, which nobody waits for. */
  readonly reportError?: (error: unknown) => void;
}

/** Ends what goes on behind the use cases, and notes what was not noted yet. Dispose it before the database. */
export interface Access extends AccessUseCases, AsyncDisposable {}

/** Who may come in, and the keys by which. */
export function createAccess(options: AccessOptions): Access {
  const { db, clock } = options;
  const activity = new KeyActivity({ db, clock, reportError: options.reportError ?? console.error });
  return {
    async authenticate(authorization) {
      if (authorization !== null) {
        const principal = await principalOfKey(options, authorization);
        activity.used(principal.id);
        return principal;
      }
      if (options.allowAnonymous) return ANONYMOUS;
      throw new ForbiddenError('No API key given: send it as "Authorization: Bearer gsk_…"');
    },
    async createKey(principal, input) {
      requireRole(principal, "ADMIN", "create API keys");
      return await insertKey(options, principal, input);
    },
    async listKeys(principal) {
      requireRole(principal, "ADMIN", "list API keys");
      return (await keys.listApiKeys(db)).map(toApiKey);
    },
    async revokeKey(principal, id) {
      requireRole(principal, "ADMIN", "revoke API keys");
      const at = clock.now();
      await db.transaction().execute(async (trx) => {
        await oneActAtATime(trx);
        if (!await keys.revokeApiKey(trx, id, toTime(at))) {
          throw new NotFoundError(`No API key "${id}" in force`, { id });
        }
        await recordAct(trx, { actor: principal, at, action: "key.revoke", target: id });
      });
      activity.revoked(id);
    },
    validity: ({ id, expiresAt = null }) => ({
      remainingMs: expiresAt === null ? null : expiresAt.getTime() - clock.now().getTime(),
      isRevoked: activity.isRevoked(id),
    }),
    onRevoked: (listener) => activity.onRevoked(listener),
    [Symbol.asyncDispose]: () => activity[Symbol.asyncDispose](),
  };
}

/**
 * An admin key for a database that never had one, else null. It is shown once and cannot be had again: who loses it
 * makes another with `keys create` on this machine.
 */
export async function ensureAdminKey(options: Omit<AccessOptions, "allowAnonymous">): Promise<string | null> {
  if (await keys.hasAdminKey(options.db)) return null;
  const { row, secret } = newKey(options, { role: "ADMIN", label: "first admin key" });
  return await options.db.transaction().execute(async (trx) => {
    await oneActAtATime(trx); // of several gateways that start at once, one makes it
    if (await keys.hasAdminKey(trx)) return null;
    await writeKey(trx, LOCAL_ADMIN, row);
    return secret;
  });
}

async function principalOfKey({ db, clock }: AccessOptions, authorization: string): Promise<Principal> {
  const [, prefix, secret] = KEY_PATTERN.exec(/^bearer +(\S+)$/i.exec(authorization.trim())?.[1] ?? "") ?? [];
  if (prefix === undefined || secret === undefined) throw unknownKey();
  const row = await keys.findApiKeyByPrefix(db, prefix);
  const matches = sameDigest(sha256(secret), row?.secret_sha256 ?? NO_DIGEST);
  if (row === undefined || !matches || row.revoked_at !== null) throw unknownKey();
  const expiresAt = fromTimeOrNull(row.expires_at);
  if (expiresAt !== null && expiresAt <= clock.now()) throw unknownKey();
  return { id: row.id, role: row.role as Role, label: row.label, expiresAt };
}

interface KeyInput {
  readonly role: Role;
  readonly label: string;
  readonly expiresAt?: Date | null;
}

async function insertKey(
  options: Omit<AccessOptions, "allowAnonymous">,
  actor: Principal,
  input: KeyInput,
): Promise<NewApiKey> {
  const { row, secret } = newKey(options, input);
  await options.db.transaction().execute((trx) => writeKey(trx, actor, row));
  return { key: toApiKey(row), secret };
}

/** A row that is not written yet. Throws ConfigError for a label or an end that cannot be. */
function newKey(
  { clock, ids }: Omit<AccessOptions, "allowAnonymous">,
  input: KeyInput,
): { readonly row: keys.ApiKeyRow; readonly secret: string } {
  const at = clock.now();
  const label = input.label.trim();
  if (label === "" || label.length > MAX_LABEL_LENGTH) {
    throw new ConfigError(
      `Cannot create a key: label has ${label.length} characters, expected 1 … ${MAX_LABEL_LENGTH}`,
      {
        field: "label",
      },
    );
  }
  const { expiresAt = null, role } = input;
  if (expiresAt !== null && expiresAt <= at) {
    throw new ConfigError(
      `Cannot create a key: expiresAt is ${expiresAt.toISOString()}, expected a time to come`,
      { field: "expiresAt", found: expiresAt.toISOString() },
    );
  }
  const prefix = randomBytes(PREFIX_BYTES).toString("hex");
  const secret = randomBytes(SECRET_BYTES).toString("hex");
  const row: keys.ApiKeyRow = {
    id: ids(),
    prefix,
    secret_sha256: sha256(secret),
    role,
    label,
    created_at: toTime(at),
    revoked_at: null,
    expires_at: expiresAt === null ? null : toTime(expiresAt),
    last_used_at: null,
  };
  return { row, secret: `gsk_${prefix}_${secret}` };
}

async function writeKey(trx: Db, actor: Principal, row: keys.ApiKeyRow): Promise<void> {
  await keys.insertApiKey(trx, row);
  const { id, role, label, prefix, expires_at: expiresAt } = row;
  const details = { role, label, prefix, expiresAt };
  await recordAct(trx, { actor, at: fromTime(row.created_at), action: "key.create", target: id, details });
}

function toApiKey(row: keys.ApiKeyRow): ApiKey {
  return {
    id: row.id,
    prefix: row.prefix,
    role: row.role as Role,
    label: row.label,
    createdAt: fromTime(row.created_at),
    revokedAt: fromTimeOrNull(row.revoked_at),
    expiresAt: fromTimeOrNull(row.expires_at),
    lastUsedAt: fromTimeOrNull(row.last_used_at),
  };
}

/** One answer for malformed, unknown, wrong, expired and revoked keys: it tells a guesser nothing. */
function unknownKey(): ForbiddenError {
  return new ForbiddenError("Unknown or revoked API key");
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function sameDigest(a: string, b: string): boolean {
  return timingSafeEqual(new TextEncoder().encode(a), new TextEncoder().encode(b));
}
