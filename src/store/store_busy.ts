/** What a database says that another attempt may get past: it is away or starting, or somebody else's transaction is in the way. */
import { CapacityError } from "../errors.ts";

const RETRY_AFTER_MS = 1_000;

/**
 * Nothing of the statement's transaction has happened, unless the connection was lost while it was being committed. Who
 * can write the same again without harm may do so; everybody else tells the caller. It names no address and no file,
 * because callers of the API read it.
 */
export class StoreBusyError extends CapacityError {
  constructor(reason: string, options?: ErrorOptions) {
    super(
      `The database cannot do this now: ${reason}`,
      { reason, retryAfterMs: RETRY_AFTER_MS },
      options,
    );
  }
}
