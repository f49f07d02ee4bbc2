/** The vocabulary of access: who asks, by which key, what admins have done, and what was used. As src/app/types.ts. */
import type { ModelRef, Page, PageArgs, Principal, Role } from "./common_types.ts";

// Keys

export interface ApiKey {
  readonly id: string;
  /** The part of the key that is no secret. */
  readonly prefix: string;
  readonly role: Role;
  readonly label: string;
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
  /** Null: never. */
  readonly expiresAt: Date | null;
  /** To within about a minute; null: not yet. */
  readonly lastUsedAt: Date | null;
}
export interface NewApiKey {
  readonly key: ApiKey;
  /** The whole key: `gsk_<prefix>_<secret>`. */
  readonly secret: string;
}

export interface AccessUseCases {
  /** `Authorization: Bearer …` or nothing. An unknown, expired or revoked key throws FORBIDDEN. */
  authenticate(authorization: string | null): Promise<Principal>;
  /** Admins. The secret is in this answer and nowhere else. */
  createKey(
    principal: Principal,
    input: { readonly role: Role; readonly label: string; readonly expiresAt?: Date | null },
  ): Promise<NewApiKey>;
  /** Admins. Oldest first, revoked ones included. */
  listKeys(principal: Principal): Promise<readonly ApiKey[]>;
  /** Admins. NOT_FOUND unless the key is in force. */
  revokeKey(principal: Principal, id: string): Promise<void>;
  /** How long what this caller has opened may stay open, unless its key is revoked before. */
  validity(principal: Principal): {
    /** Milliseconds by the gateway's clock; negative when it is over, null for what does not expire. */
    readonly remainingMs: number | null;
    /** It has been revoked since it was let in, as was told to whoever listened then. */
    readonly isRevoked?: boolean;
  };
  /**
   * Told once of every key that is revoked from now on: at once where this process did it, within a second or two where
   * another has. The listener must be quick and must not throw. Dispose to stop.
   */
  onRevoked(listener: (principalId: string) => void): Disposable;
}

// Audit

/** One act of an admin. */
export interface AuditEntry {
  /** From 1, without gaps. */
  readonly seq: number;
  readonly at: Date;
  /** Id of the key, or "local" for this machine's own command line. */
  readonly actorId: string;
  readonly actorLabel: string | null;
  /** Such as `key.create`. */
  readonly action: string;
  readonly target: string | null;
  /** JSON text. */
  readonly details: string;
  readonly previousHash: string;
  readonly hash: string;
}
export interface AuditVerification {
  readonly isIntact: boolean;
  /** Entries that hold, from the first. */
  readonly entries: number;
  /** Of the last of them. Noted elsewhere, it shows a chain that was made anew. */
  readonly headHash: string;
  /** The first that does not hold. */
  readonly brokenSeq: number | null;
  readonly reason: string | null;
}
export interface AuditUseCases {
  /** Admins. Newest first. */
  list(
    principal: Principal,
    page: PageArgs,
    where?: { readonly actorId?: string; readonly action?: string; readonly target?: string },
  ): Promise<Page<AuditEntry>>;
  /** Admins. Reads the whole log. */
  verify(principal: Principal): Promise<AuditVerification>;
}

// Usage

/** Sums over the generations that ended on a day. */
export interface UsageDay {
  /** `2026-01-31`, in UTC. */
  readonly day: string;
  readonly principalId: string;
  readonly modelId: string;
  readonly generations: bigint;
  readonly promptTokens: bigint;
  /** Of the prompts, taken from the KV cache. */
  readonly cachedTokens: bigint;
  readonly completionTokens: bigint;
  readonly engineMs: bigint;
}
export interface UsagePeriod {
  /** First and last day, `2026-01-31`; the last 30 days unless given. */
  readonly from?: string;
  readonly to?: string;
}
export interface UsageUseCases {
  /** The caller's own; up to 1,000 rows, the newest day first. */
  mine(principal: Principal, period: UsagePeriod): Promise<readonly UsageDay[]>;
  /** Admins. Everybody's, the newest day first. */
  list(
    principal: Principal,
    page: PageArgs,
    where?: UsagePeriod & { readonly principalId?: string; readonly model?: ModelRef },
  ): Promise<Page<UsageDay>>;
}
