/**
 * Tells streams that the key they were opened with is no longer in force: it has expired, or somebody has revoked it.
 * Requests that are answered at once need none of this: they are checked when they arrive.
 */
import type { Gateway, Principal } from "../app/types.ts";
import { GeodesicError } from "../errors.ts";

type KeyLifetimes = Pick<Gateway["access"], "validUntil" | "onRevoked">;

/** The longest that a timer of the runtime can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export type KeyEnded = (error: GeodesicError) => void;

export class KeyWatch implements Disposable {
  readonly #access: KeyLifetimes;
  readonly #watchers = new Map<string, Set<KeyEnded>>();
  readonly #subscription: Disposable;

  constructor(access: KeyLifetimes) {
    this.#access = access;
    this.#subscription = access.onRevoked((id) => this.#end(id, ended("has been revoked")));
  }

  /** Calls `onEnd` once, when the key of `principal` ends. Dispose when nobody needs to know any more. */
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
    const { expiresAt, isRevoked = false } = this.#access.validUntil(principal);
    const wait = () => {
      if (expiresAt === null) return;
      const leftMs = expiresAt.getTime() - Date.now();
      if (leftMs <= 0) end(ended("has expired"));
      else timer = setTimeout(wait, Math.min(leftMs, MAX_TIMER_MS));
    };
    // It may have been told between the request's check and now.
    if (isRevoked) end(ended("has been revoked"));
    else wait();
    return { [Symbol.dispose]: stop };
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  #end(principalId: string, error: GeodesicError): void {
    for (const end of [...this.#watchers.get(principalId) ?? []]) end(error);
  }
}

function ended(how: string): GeodesicError {
  return new GeodesicError("UNAUTHENTICATED", `The API key ${how}`);
}
