/** Translates what the operating system says about a failed read into an error that a user can act on. */
import { ConfigError } from "../errors.ts";

/** A ConfigError that names `path` where reading it is not allowed; anything else comes back as it is. */
export function toReadError(error: unknown, path: string): unknown {
  const reason = error instanceof Deno.errors.NotCapable
    ? "not permitted to Deno"
    : error instanceof Deno.errors.PermissionDenied
    ? "permission denied"
    : undefined;
  if (reason === undefined) return error;
  return new ConfigError(`Cannot read "${path}": ${reason}`, { path, reason }, { cause: error });
}
