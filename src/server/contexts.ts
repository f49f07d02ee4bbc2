/** From a caller to what an operation carries: the same on every transport. */
import type { Log, RequestContext } from "../app/request.ts";
import type { Gateway, Principal } from "../app/types.ts";
import { ForbiddenError, GeodesicError } from "../errors.ts";
import type { KeyWatch } from "./key_watch.ts";
import type { RateLimiter } from "./rate_limiter.ts";
import type { StreamPlaces } from "./stream_places.ts";

export interface ContextsOptions {
  readonly gateway: Gateway;
  readonly log: Log;
  readonly places: StreamPlaces;
  readonly keys: KeyWatch;
  readonly rates: RateLimiter;
  /** Aborts when the server stops. */
  readonly stopping: AbortSignal;
}

export interface OperationCaller {
  readonly principal: Principal;
  readonly requestId: string;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
}

export class Contexts {
  readonly #options: ContextsOptions;

  constructor(options: ContextsOptions) {
    this.#options = options;
  }

  /** Null for a caller whom the gateway does not let in. */
  async authenticate(authorization: string | null): Promise<Principal | null> {
    try {
      return await this.#options.gateway.access.authenticate(authorization);
    } catch (error) {
      if (error instanceof ForbiddenError) return null;
      throw error;
    }
  }

  /** Charges an operation. An error with `RATE_LIMITED` where the caller has asked too much lately, else null. */
  charge({ id }: Principal): RateLimitedError | null {
    const retryAfterMs = this.#options.rates.take(id);
    return retryAfterMs === 0 ? null : new RateLimitedError(retryAfterMs);
  }

  make({ principal, requestId, signal }: OperationCaller): RequestContext {
    const { gateway, log, places, keys, stopping } = this.#options;
    const keyEnd = new AbortController();
    return {
      gateway,
      principal,
      requestId,
      signal: AbortSignal.any([signal, stopping, keyEnd.signal]),
      openStream: () => {
        const place = places.take(principal.id);
        const watch = keys.watch(principal, (error) => keyEnd.abort(error));
        return {
          [Symbol.dispose]: () => {
            watch[Symbol.dispose]();
            place[Symbol.dispose]();
          },
        };
      },
      log,
    };
  }
}

/** `details.retryAfterMs` says when to come back. */
export class RateLimitedError extends GeodesicError {
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super("RATE_LIMITED", `Too many operations: the next one is allowed in ${retryAfterMs} ms`, {
      retryAfterMs,
    });
    this.retryAfterMs = retryAfterMs;
  }
}
