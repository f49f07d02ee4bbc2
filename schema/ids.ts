/**
 * Global ids: base64url of "Type:id", opaque to clients. An id that is malformed or names another type is
 * treated exactly like one that does not exist, so that ids cannot be probed.
 */
import { NotFoundError } from "../src/errors.ts";

const ID_PATTERN = /^([A-Z][A-Za-z]*):(.+)$/s;
/** Longer than any id of ours; bounds what is decoded and echoed in errors. */
const MAX_ID_LENGTH = 256;

export function encodeId(typename: string, id: string): string {
  return new TextEncoder().encode(`${typename}:${id}`).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Null for anything that {@link encodeId} could not have made. */
export function decodeId(globalId: string): { typename: string; id: string } | null {
  if (globalId.length > MAX_ID_LENGTH) return null;
  const match = ID_PATTERN.exec(decodeText(globalId));
  return match ? { typename: match[1]!, id: match[2]! } : null;
}

/** The inner id of a global id of type `typename`, or null: for nullable query fields. */
export function parseId(typename: string, globalId: string): string | null {
  const decoded = decodeId(globalId);
  return decoded?.typename === typename ? decoded.id : null;
}

/** As {@link parseId}, with a NotFoundError in place of null. */
export function requireId(typename: string, globalId: string): string {
  const id = parseId(typename, globalId);
  if (id === null) throw notFound(typename, globalId);
  return id;
}

export function notFound(typename: string, globalId: string): NotFoundError {
  const what = typename.replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
  return new NotFoundError(`Cannot find ${what} "${globalId.slice(0, MAX_ID_LENGTH)}"`);
}

function decodeText(base64url: string): string {
  try {
    const bytes = Uint8Array.fromBase64(base64url, { alphabet: "base64url" });
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return "";
  }
}
