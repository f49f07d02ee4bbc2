/**
 * What one API request carries from the server to the resolvers: who asks, through which use cases, and until
 * when. The server makes it, the schema reads it; neither imports the other.
 */
import { GeodesicError } from "../errors.ts";
import type { Gateway, Principal } from "./types.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** One line of the log. Fields are JSON-serializable and never hold prompts, answers or keys. */
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** What is wrong around the gateway: a disk, a database, a device. Their messages quote nobody. */
const SURROUNDINGS: ReadonlySet<string> = new Set(["CAPACITY", "DEVICE_LOST", "UNAVAILABLE"]);

/**
 * Logs an error that nobody expected: its name, its code and where it came from. Its message, which may quote a prompt or
 * a file, only at level debug, unless it is about the gateway's surroundings.
 */
export function logUnexpected(
  log: Log,
  message: string,
  error: unknown,
  fields: Readonly<Record<string, unknown>>,
): void {
  if (!(error instanceof Error)) return log("error", message, { ...fields, error: typeof error });
  // A message may look like frames.
  const frames = error.stack?.replace(error.message, "").split("\n").filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim());
  const code = error instanceof GeodesicError ? { code: error.code } : {};
  const detail = error instanceof GeodesicError && SURROUNDINGS.has(error.code)
    ? { detail: error.message }
    : {};
  log("error", message, { ...fields, error: error.name, ...code, ...detail, stack: frames ?? [] });
  if (!("detail" in detail)) log("debug", message, { ...fields, detail: error.message });
}

export interface RequestContext {
  readonly gateway: Gateway;
  readonly principal: Principal;
  /** Echoed as `X-Request-Id` and in the extensions of unexpected errors. */
  readonly requestId: string;
  /** Aborts when the client goes away before its answer, or when the server stops. Ends subscriptions. */
  readonly signal: AbortSignal;
  /** Takes one of the server's places for a subscription; throws CapacityError when all are taken. */
  openStream(): Disposable;
  readonly log: Log;
}
