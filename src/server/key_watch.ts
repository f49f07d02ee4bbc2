/**
 * Tells streams that the key they were opened with is no longer in force: it has expired, or somebody has revoked it.
 * A request is let in by its head; its body may take its time, so whoever carries it out asks here once more.
 */
import type { Gateway, Principal } from "../app/types.ts";
import { GeodesicError } from "../errors.ts";

type KeyLifetimes = Pick<Gateway["access"], "validity" | "onRevoked">;

/** The longest that a timer of the runtime can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export type KeyEnded = (error: GeodesicError) => void;

export class KeyWatch implements Disposable {
  readonly #access: KeyLifetimes;
  readonly #watchers = new Map<string, Set<KeyEnded>>();
  readonly #subscription: Disposable;

  constructor(access: KeyLifetimes) {
    this.#access = access;
    this.#subscription = access.onRevoked((id) => this.#end(id, revoked()));
  }

  /** Why the key of `principal` is no longer in force, or null. */
  endOf(principal: Principal): GeodesicError | null {
    const { remainingMs, isRevoked = false } = this.#access.validity(principal);
    if (isRevoked) return revoked();
    return remainingMs !== null && remainingMs <= 0 ? expired() : null;
  }

  /** Calls `onEnd` once, when the key of `principal` ends, which may be now. Dispose when nobody needs to know any more. */
  watch(principal: Principal, onEnd: KeyEnded): Disposable {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const watchers = this.#watchers.get(principal.id) ?? new Set();
    const stop = () => {
      clearTimeout(timer);
      watchers.delete(end);
      if (watchers.size === 0 && this.#watchers.get(principal.id) === watchers) {
        this.#watchers.delete(principal.id);
      }
    };
    const end = (error: GeodesicError) => {
      stop();
      onEnd(error);
    };
    this.#watchers.set(principal.id, watchers.add(end));
    const wait = () => {
      const over = this.endOf(principal);
      if (over !== null) return end(over);
      const { remainingMs } = this.#access.validity(principal);
      if (remainingMs === null) return;
      // A timer may come a moment early.
      timer = setTimeout(wait, Math.max(1, Math.min(remainingMs, MAX_TIMER_MS)));
    };
    wait();
    return { [Symbol.dispose]: stop };
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  #end(principalId: string, error: GeodesicError): void {
    for (const end of [...this.#watchers.get(principalId) ?? []]) end(error);
  }
}

function revoked(): GeodesicError {
  return new GeodesicError("UNAUTHENTICATED", "The API key has been revoked");
}

function expired(): GeodesicError {
  return new GeodesicError("UNAUTHENTICATED", "The API key has expired");
}
