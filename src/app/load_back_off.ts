/** How long a model is left alone that fails to load: not at all after the first failure, then longer with each. */
import { CapacityError, GeodesicError } from "../errors.ts";

/** After the second failure in a row; doubled with each that follows. */
const FIRST_MS = 1000;
const MAX_MS = 60_000;

export class LoadBackOff {
  /** The last loads, all of which failed for reasons of the model's own. */
  #failures:
    | { readonly count: number; readonly error: GeodesicError; readonly retryAtMs: number }
    | undefined;

  /** The slate is clean: it loads, or has other weights. */
  succeeded(): void {
    this.#failures = undefined;
  }

  /** A full device says nothing of the model, and missing files are quickly looked for. */
  failed(error: unknown, nowMs: number): void {
    if (!(error instanceof GeodesicError) || error.code === "CAPACITY" || error.code === "NOT_FOUND") return;
    const count = (this.#failures?.count ?? 0) + 1;
    const delayMs = count < 2 ? 0 : Math.min(FIRST_MS * 2 ** (count - 2), MAX_MS);
    this.#failures = { count, error, retryAtMs: nowMs + delayMs };
  }

  /** Throws CapacityError while the model is to be left alone. */
  require(name: string, nowMs: number): void {
    if (this.#failures === undefined) return;
    const { count, error, retryAtMs } = this.#failures;
    const retryAfterMs = retryAtMs - nowMs;
    if (retryAfterMs <= 0 || retryAfterMs > MAX_MS) return; // nobody waits for a clock that was set back
    throw new CapacityError(
      `Model "${name}" has failed to load ${count} times in a row, the last time with: ${error.message}`,
      { model: name, failures: count, cause: error.code, retryAfterMs },
    );
  }
}
