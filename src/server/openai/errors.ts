/** Errors as clients of the OpenAI API read them: `{error: {message, type, param, code}}` and an HTTP status. */
import { type ErrorRecord, GeodesicError } from "../../errors.ts";

export interface OpenAiError {
  readonly message: string;
  readonly type: string;
  /** The field of the request in question. */
  readonly param: string | null;
  readonly code: string | null;
}

/** A request of the wrong shape. `param` is its field as the client wrote it, `name` the API's code for it. */
export class RequestError extends GeodesicError {
  constructor(param: string | null, message: string, name: string | null = null) {
    super("INVALID_REQUEST", message, { field: param, name });
  }
}

/** A path or a method that is not there. */
export class NoSuchEndpointError extends GeodesicError {
  /** `allow`: the methods that the path takes; empty where there is no such path. */
  constructor(method: string, path: string, allow: readonly string[]) {
    const [code, what] = allow.length === 0
      ? ["UNKNOWN_URL", "There is nothing"] as const
      : ["METHOD_NOT_SUPPORTED", `Expected ${allow.join(" or ")}`] as const;
    super(code, `${what} at ${method} ${path.slice(0, 100)}`, { allow: allow.join(", ") });
  }
}

/** What a status and a body say of an expected error; null for one that nobody expected. */
export function describeError(
  error: Pick<ErrorRecord, "code" | "message" | "details">,
): { readonly status: number; readonly error: OpenAiError; readonly retryAfterMs: number | null } | null {
  const { code, message, details } = error;
  const param = typeof details["field"] === "string" ? details["field"] : null;
  const retryAfterMs = typeof details["retryAfterMs"] === "number" ? details["retryAfterMs"] : null;
  const as = (status: number, type: string, name: string | null = code.toLowerCase()) => ({
    status,
    error: { message, type, param, code: name },
    retryAfterMs,
  });
  switch (code) {
    case "INVALID_REQUEST":
      return as(400, "invalid_request_error", typeof details["name"] === "string" ? details["name"] : null);
    case "CONFIG":
      return as(400, "invalid_request_error", null);
    case "NOT_FOUND":
      return as(404, "invalid_request_error", "model_not_found");
    case "UNKNOWN_URL":
      return as(404, "invalid_request_error");
    case "METHOD_NOT_SUPPORTED":
      return as(405, "invalid_request_error");
    case "MISDIRECTED":
      return as(421, "invalid_request_error");
    case "FORBIDDEN":
      return as(403, "permission_error");
    case "UNAUTHENTICATED":
      return as(401, "authentication_error", "invalid_api_key");
    case "CAPACITY":
      if (retryAfterMs !== null) return as(429, "rate_limit_error", "rate_limit_exceeded");
      if ("contextLength" in details) return as(400, "invalid_request_error", "context_length_exceeded");
      if ("maxBytes" in details) return as(413, "invalid_request_error", "request_too_large");
      return as(503, "server_error");
    case "NOT_FINITE":
      return as(500, "server_error");
    case "RATE_LIMITED":
      return as(429, "rate_limit_error", "rate_limit_exceeded");
    case "INTERNAL":
      return null;
    default:
      return as(503, "server_error");
  }
}

/** Clients of this API repeat whatever has a status from 500 on; these come out the same, or were somebody's will. */
const FINAL_CODES: ReadonlySet<string> = new Set(["CAPACITY", "CANCELLED", "DEADLINE", "NOT_FINITE"]);

/** The response to an error; what nobody expected is a 500 that names the request. */
export function openAiErrorResponse(
  error: Pick<ErrorRecord, "code" | "message" | "details">,
  requestId: string,
): Response {
  const described = describeError(error);
  if (described === null) return Response.json({ error: internalError(requestId) }, { status: 500 });
  const headers = new Headers();
  const { status, retryAfterMs } = described;
  if (retryAfterMs !== null) {
    headers.set("retry-after", String(Math.ceil(retryAfterMs / 1000)));
    headers.set("retry-after-ms", String(Math.ceil(retryAfterMs))); // the API's own clients look at this first
  } else if (status >= 500 && FINAL_CODES.has(error.code)) headers.set("x-should-retry", "false");
  if (status === 401) headers.set("www-authenticate", "Bearer");
  if (status === 405) headers.set("allow", String(error.details["allow"]));
  return Response.json({ error: described.error }, { status, headers });
}

export function internalError(requestId: string): OpenAiError {
  return { message: `Internal error, request ${requestId}`, type: "server_error", param: null, code: null };
}
