/**
 * Kysely's PostgreSQL dialect over pg's pool. It owns everything that only PostgreSQL knows: the address, value
 * conversion (text with U+0000 included), byte order of texts, what its errors mean. Several gateways may share one
 * database; whatever they could both touch is decided by rows, never by what one process remembers.
 */
import { PostgresDialect, type PostgresPool, type PostgresPoolClient } from "kysely";
import pg from "pg";
import { CapacityError, ConfigError, GeodesicError } from "../errors.ts";
import { escapeNul, unescapeRow } from "./nul_text.ts";

/** Connections of one gateway; a transaction holds one. */
const MAX_CONNECTIONS = 10;
const CONNECT_TIMEOUT_MS = 10_000;
/** How long a statement waits for another transaction's rows. */
const LOCK_TIMEOUT_MS = 10_000;
const RETRY_AFTER_MS = 1_000;

/** Where a database lies, without the secrets of its address. */
export interface PostgresAddress {
  readonly host: string;
  readonly port: string;
  readonly database: string;
}

/** Throws ConfigError, which does not repeat the address, for it may hold a password. */
export function parsePostgresUrl(url: string): PostgresAddress {
  const parsed = URL.parse(url);
  if (parsed === null || !["postgres:", "postgresql:"].includes(parsed.protocol)) {
    throw new ConfigError(
      "Cannot use DATABASE_URL: expected an address as in postgres://user:password@host:5432/database",
      { field: "DATABASE_URL" },
    );
  }
  const { searchParams, hostname, port, pathname, username } = parsed;
  return {
    host: searchParams.get("host") ?? (hostname || "localhost"),
    port: searchParams.get("port") ?? (port || "5432"),
    database: decodeText(pathname.slice(1) || username),
  };
}

/** `host:port/database`, as messages call it. */
export function describeAddress({ host, port, database }: PostgresAddress): string {
  return `${host}:${port}/${database}`;
}

/** Connects when first used. Errors name host, port and database, and never the password. */
export function postgresDialect(url: string): PostgresDialect {
  const address = parsePostgresUrl(url);
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    application_name: "geodesic",
  });
  // A connection that breaks, in use or not, says so in its next statement; an event that nobody hears ends the process.
  pool.on("error", () => {});
  pool.on("connect", (client: { on(event: "error", listener: () => void): void }) => {
    client.on("error", () => {});
  });
  return new PostgresDialect({
    pool: {
      connect: async () => {
        try {
          return translating(await pool.connect(), address);
        } catch (error) {
          throw connectionError(error, address);
        }
      },
      end: () => pool.end(),
      options: pool.options,
    } as PostgresPool,
  });
}

function translating(client: PostgresPoolClient, address: PostgresAddress): PostgresPoolClient {
  return {
    query: async (sql: string, parameters: readonly unknown[]) => {
      try {
        const result = await client.query(sql, toParameters(parameters));
        return { ...result, rows: result.rows.map((row) => unescapeRow(row as object)) };
      } catch (error) {
        throw statementError(error, address);
      }
    },
    release: (discard?: boolean) => client.release(discard),
  } as PostgresPoolClient;
}

/** pg makes text of bigints by itself, but not of U+0000. */
export function toParameters(parameters: readonly unknown[]): unknown[] {
  return parameters.map((value) => typeof value === "string" ? escapeNul(value) : value);
}

function connectionError(error: unknown, address: PostgresAddress): unknown {
  if (!(error instanceof Error) || error instanceof GeodesicError) return error;
  const { code, reason } = reasonOf(error);
  const message = `Cannot connect to the database ${describeAddress(address)}: ${reason}`;
  const details = { ...address, reason };
  // 53…: too many connections; 57P03: it is starting or stopping.
  if (code.startsWith("53") || code === "57P03") {
    return new CapacityError(message, { ...details, retryAfterMs: RETRY_AFTER_MS }, { cause: error });
  }
  return new ConfigError(message, details, { cause: error });
}

/** What a caller can do something about becomes typed; anything else stays as it is. */
function statementError(error: unknown, address: PostgresAddress): unknown {
  if (!(error instanceof Error)) return error;
  const { code, reason } = reasonOf(error);
  // 08…, 57P…: the connection is gone; 53…: disk, memory; 40…, 55P03: another transaction is in the way.
  const passes = /^(08|53|57P|40|55P03)/.test(code) || /^(ECONN|EPIPE)/.test(code) ||
    /Connection terminated|not queryable/.test(error.message);
  if (!passes) return error;
  return new CapacityError(`The database ${describeAddress(address)} cannot do this now: ${reason}`, {
    ...address,
    reason,
    retryAfterMs: RETRY_AFTER_MS,
  }, { cause: error });
}

/** One line; of several addresses that were tried, the first one's. */
function reasonOf(error: Error): { readonly code: string; readonly reason: string } {
  const first = error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
  const code = "code" in first && typeof first.code === "string" ? first.code : "";
  const reason = (first.message || code || first.name).replaceAll(/\s+/g, " ");
  return { code, reason };
}

function decodeText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
