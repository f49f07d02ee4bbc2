/** Translates what the operating system says about a failed write into an error that a user can act on. */
import { CapacityError, ConfigError, GeodesicError } from "../errors.ts";

const REFUSED = new Map([
  ["EACCES", "permission denied"],
  ["EPERM", "permission denied"],
  ["EROFS", "the file system is read-only"],
  ["ENOTDIR", "a part of the path is a file"],
  ["ENAMETOOLONG", "the name is too long"],
  ["ENOENT", "no such folder, and none can be made"],
  ["EBUSY", "it is in use, perhaps a mount point"],
  ["EEXIST", "it exists already"],
  ["ENOTEMPTY", "it exists and is not empty"],
]);
const FULL = new Map([["ENOSPC", "no space left"], ["EDQUOT", "the disk quota is used up"]]);

/** A ConfigError or CapacityError that names `path`; anything unknown comes back as it is. */
export function toWriteError(error: unknown, path: string): unknown {
  if (error instanceof GeodesicError || !(error instanceof Error)) return error;
  const full = FULL.get(codeOf(error));
  if (full !== undefined) {
    return new CapacityError(`Cannot write "${path}": ${full}`, { path }, { cause: error });
  }
  const refused = refusalOf(error);
  if (refused === undefined) return error;
  return new ConfigError(`Cannot write "${path}": ${refused}`, { path }, { cause: error });
}

/** Why the system does not let a file or folder be written, in words; undefined for what has none here. */
export function whyNotWritten(error: unknown): string | undefined {
  return error instanceof Error ? FULL.get(codeOf(error)) ?? refusalOf(error) : undefined;
}

function refusalOf(error: Error): string | undefined {
  // Deno's own words suggest to lift all limits.
  return error instanceof Deno.errors.NotCapable ? "not permitted to Deno" : REFUSED.get(codeOf(error));
}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "";
}
