/**
 * API keys: `gsk_<prefix>_<secret>`. The prefix finds the row, the secret (192 random bits, hence no slow hash) is
 * compared by its SHA-256 in constant time, and only the hash is stored. Without a key a caller is anonymous, where the
 * composition allows that: on loopback only.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { ConfigError, ForbiddenError, NotFoundError } from "../errors.ts";
import * as keys from "../store/api_keys.ts";
import { fromTime, fromTimeOrNull, toTime } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import type { Clock } from "./clock.ts";
import type { Ids } from "./ids.ts";
import { requireRole } from "./roles.ts";
import type { AccessUseCases, ApiKey, NewApiKey, Principal, Role } from "./types.ts";

/** The caller without a key. */
export const ANONYMOUS: Principal = Object.freeze({ id: "anonymous", role: "GENERATOR" });
/** Whoever runs a command on this machine's own data folder: they could edit the database as well. */
export const LOCAL_ADMIN: Principal = Object.freeze({ id: "local", role: "ADMIN" });

const KEY_PATTERN = /^gsk_([0-9a-f]{12})_([0-9a-f]{48})$/;
const PREFIX_BYTES = 6;
const SECRET_BYTES = 24;
const MAX_LABEL_LENGTH = 100;
/** Compared against when no row was found, so that an unknown prefix costs what a wrong secret costs. */
const NO_DIGEST = "0".repeat(64);

export interface AccessOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Whether a caller without a key is let in, as GENERATOR. Only where nobody but this machine can connect. */
  readonly allowAnonymous: boolean;
}

/** Who may come in, and the keys by which. */
export function createAccess(options: AccessOptions): AccessUseCases {
  const { db, clock } = options;
  return {
    async authenticate(authorization) {
      if (authorization !== null) return await principalOfKey(db, authorization);
      if (options.allowAnonymous) return ANONYMOUS;
      throw new ForbiddenError('No API key given: send it as "Authorization: Bearer gsk_…"');
    },
    async createKey(principal, input) {
      requireRole(principal, "ADMIN", "create API keys");
      return await insertKey(options, input);
    },
    async listKeys(principal) {
      requireRole(principal, "ADMIN", "list API keys");
      return (await keys.listApiKeys(db)).map(toApiKey);
    },
    async revokeKey(principal, id) {
      requireRole(principal, "ADMIN", "revoke API keys");
      if (!await keys.revokeApiKey(db, id, toTime(clock.now()))) {
        throw new NotFoundError(`No API key "${id}" in force`, { id });
      }
    },
  };
}

/**
 * An admin key for a database that never had one, else null. It is shown once and cannot be had again: who loses it
 * makes another with `keys create` on this machine.
 */
export async function ensureAdminKey(options: Omit<AccessOptions, "allowAnonymous">): Promise<string | null> {
  const known = await keys.listApiKeys(options.db);
  if (known.some((key) => key.role === "ADMIN")) return null;
  return (await insertKey(options, { role: "ADMIN", label: "first admin key" })).secret;
}

async function principalOfKey(db: Db, authorization: string): Promise<Principal> {
  const [, prefix, secret] = KEY_PATTERN.exec(/^bearer +(\S+)$/i.exec(authorization.trim())?.[1] ?? "") ?? [];
  if (prefix === undefined || secret === undefined) throw unknownKey();
  const row = await keys.findApiKeyByPrefix(db, prefix);
  const matches = sameDigest(sha256(secret), row?.secret_sha256 ?? NO_DIGEST);
  if (row === undefined || !matches || row.revoked_at !== null) throw unknownKey();
  return { id: row.id, role: row.role as Role };
}

async function insertKey(
  { db, clock, ids }: Omit<AccessOptions, "allowAnonymous">,
  input: { readonly role: Role; readonly label: string },
): Promise<NewApiKey> {
  const label = input.label.trim();
  if (label === "" || label.length > MAX_LABEL_LENGTH) {
    throw new ConfigError(
      `Cannot create a key: label has ${label.length} characters, expected 1 … ${MAX_LABEL_LENGTH}`,
      {
        field: "label",
      },
    );
  }
  const prefix = randomBytes(PREFIX_BYTES).toString("hex");
  const secret = randomBytes(SECRET_BYTES).toString("hex");
  const row: keys.ApiKeyRow = {
    id: ids(),
    prefix,
    secret_sha256: sha256(secret),
    role: input.role,
    label,
    created_at: toTime(clock.now()),
    revoked_at: null,
  };
  await keys.insertApiKey(db, row);
  return { key: toApiKey(row), secret: `gsk_${prefix}_${secret}` };
}

function toApiKey(row: keys.ApiKeyRow): ApiKey {
  return {
    id: row.id,
    prefix: row.prefix,
    role: row.role as Role,
    label: row.label,
    createdAt: fromTime(row.created_at),
    revokedAt: fromTimeOrNull(row.revoked_at),
  };
}

/** One answer for malformed, unknown, wrong and revoked keys: it tells a guesser nothing. */
function unknownKey(): ForbiddenError {
  return new ForbiddenError("Unknown or revoked API key");
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function sameDigest(a: string, b: string): boolean {
  return timingSafeEqual(new TextEncoder().encode(a), new TextEncoder().encode(b));
}
