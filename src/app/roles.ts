/** What a role may do. Roles are ranked: each may do whatever the ones before it may. */
import { ForbiddenError } from "../errors.ts";
import type { Principal, Role } from "./types.ts";

/** The caller without a key. */
export const ANONYMOUS: Principal = Object.freeze({ id: "anonymous", role: "GENERATOR" });

const RANKS: Readonly<Record<Role, number>> = { VIEWER: 0, GENERATOR: 1, ADMIN: 2 };

/** Throws ForbiddenError naming the role that is needed. `action` completes "may not …". */
export function requireRole(principal: Principal, needed: Role, action: string): void {
  if (RANKS[principal.role] < RANKS[needed]) {
    const hasKey = principal.id !== ANONYMOUS.id;
    const who = hasKey ? `A ${principal.role} may not` : "Without a key you may not";
    const how = hasKey ? needed : `the key of an ${needed}, as "Authorization: Bearer gsk_…"`;
    throw new ForbiddenError(`${who} ${action}; it takes ${how}`, {
      role: principal.role,
      needed,
    });
  }
}

/** Owners see what is theirs, admins see everything. */
export function maySee(principal: Principal, ownerId: string): boolean {
  return principal.role === "ADMIN" || principal.id === ownerId;
}
