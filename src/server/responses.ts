/** Responses that are made before GraphQL is reached: shaped like GraphQL errors, so that clients can read them. */
import type { CapacityError, GeodesicError } from "../errors.ts";
import type { RateLimitedError } from "./contexts.ts";

/** A refused request: one error with `extensions.code`. */
export function errorResponse(
  status: number,
  code: string,
  message: string,
  options: { readonly requestId: string; readonly headers?: Readonly<Record<string, string>> },
): Response {
  const extensions = { code, requestId: options.requestId };
  return new Response(JSON.stringify({ errors: [{ message, extensions }] }), {
    status,
    headers: { "content-type": "application/json; charset=utf-8", ...options.headers },
  });
}

/** For a caller who has asked too much lately: 429, and when to come back. */
export function rateLimitedResponse(error: RateLimitedError, requestId: string): Response {
  return laterResponse(429, error, requestId);
}

/** Where nobody can be let in for now, as while the database is away: 503, and when to come back, if that is known. */
export function unableResponse(error: CapacityError, requestId: string): Response {
  return laterResponse(503, error, requestId);
}

function laterResponse(
  status: number,
  { code, message, details }: GeodesicError,
  requestId: string,
): Response {
  const { retryAfterMs } = details;
  const extensions = { code, requestId, details };
  return new Response(JSON.stringify({ errors: [{ message, extensions }] }), {
    status,
    headers: {
      "content-type": "application/json; charset=utf-8",
      ...typeof retryAfterMs === "number" && { "retry-after": `${Math.ceil(retryAfterMs / 1000)}` },
    },
  });
}

/** Of Server-Sent Events; proxies must not hold them back. */
export const eventStreamHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
  "x-accel-buffering": "no",
} as const;

/** What every page is sent with. */
export function pageHeaders(policy: string): Readonly<Record<string, string>> {
  return {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-cache",
    "content-security-policy": policy,
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  };
}
