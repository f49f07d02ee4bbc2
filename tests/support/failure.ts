/** The expected error of an action, for looking at its code and details. */
import { GeodesicError } from "../../src/errors.ts";

/** What `action` rejects with; rethrows whatever is no expected error, and throws when there is none. */
export async function failure(action: Promise<unknown>): Promise<GeodesicError> {
  try {
    await action;
  } catch (error) {
    if (error instanceof GeodesicError) return error;
    throw error;
  }
  throw new Error("Expected a failure");
}
