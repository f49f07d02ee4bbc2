/**
 * Kysely's PostgreSQL dialect over pg's pool. It owns everything that only PostgreSQL knows: the address, value
 * conversion (text with U+0000 included), byte order of texts, what its errors mean. Several gateways may share one
 * database; whatever they could both touch is decided by rows, never by what one process remembers.
 */
import { PostgresDialect, type PostgresPool, type PostgresPoolClient } from "kysely";
import pg from "pg";
import { CapacityError, ConfigError, GeodesicError } from "../errors.ts";
import { escapeNul, unescapeRow } from "./nul_text.ts";
import { StoreBusyError } from "./store_busy.ts";

/** Connections for the requests of one gateway; a transaction holds one. */
const MAX_CONNECTIONS = 10;
/** How long is waited for what. */
export interface PostgresPatience {
  /** For a new connection, and for one of the pool's to become free. */
  readonly connectMs: number;
  /** A statement for another transaction's rows; longer than a gateway that stops can hold them. */
  readonly lockMs: number;
  /** A gateway that stops in the middle of a transaction, or whose machine is gone, must not keep its locks. */
  readonly idleTransactionMs: number;
  /** The server for a statement to end; none of ours is near it. */
  readonly statementMs: number;
  /** For its answer: a server that does not even say that it takes too long is not there any more. */
  readonly answerMs: number;
  /** For the server to take leave; one that has gone silent never does. */
  readonly endMs: number;
}
const PATIENCE: PostgresPatience = {
  connectMs: 15_000,
  lockMs: 20_000,
  idleTransactionMs: 15_000,
  statementMs: 30_000,
  answerMs: 40_000,
  endMs: 5_000,
};
const KEEP_ALIVE_AFTER_MS = 10_000;
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

export interface PostgresOptions {
  /** At most so many at a time. */
  readonly connections?: number;
  /**
   * For whoever starts the program: that nobody answers is a ConfigError with host, port and database (never the
   * password), and migrations, and waiting for those of another gateway, take as long as they must. Otherwise errors are
   * for callers of the API, and name nothing.
   */
  readonly isOpening?: boolean;
  readonly patience?: Partial<PostgresPatience>;
}

/** Connects when first used. */
export function postgresDialect(url: string, options: PostgresOptions = {}): PostgresDialect {
  const { isOpening = false, connections = MAX_CONNECTIONS } = options;
  const patience = { ...PATIENCE, ...options.patience };
  const address = parsePostgresUrl(url);
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: patience.connectMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    idle_in_transaction_session_timeout: patience.idleTransactionMs,
    ...(!isOpening && {
      lock_timeout: patience.lockMs,
      statement_timeout: patience.statementMs,
      query_timeout: patience.answerMs,
    }),
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
          return translating(await pool.connect());
        } catch (error) {
          throw isOpening ? connectionError(error, address) : lostError(error);
        }
      },
      end: () => within(pool.end(), patience.endMs),
      options: pool.options,
    } as PostgresPool,
  });
}

/** Waits for it, but not for ever. */
async function within(work: Promise<void>, ms: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What pg gives beyond Kysely's idea of it. */
type Client = PostgresPoolClient & { readonly connection?: { readonly stream?: { destroy(): void } } };

/** A client as long as it is lent. */
function translating(client: Client): PostgresPoolClient {
  let isLost = false;
  return {
    query: async (sql: string, parameters: readonly unknown[]) => {
      try {
        const result = await client.query(sql, toParameters(parameters));
        return { ...result, rows: result.rows.map((row) => unescapeRow(row as object)) };
      } catch (error) {
        isLost ||= isLoss(error);
        // Its answer may still come, or never: nothing else may be asked over this connection, not even to roll back.
        if (isUnanswered(error)) client.connection?.stream?.destroy();
        throw statementError(error);
      }
    },
    // The pool hears of a loss later than whoever takes the next connection.
    release: (discard?: boolean) => client.release(discard || isLost),
  } as PostgresPoolClient;
}

/** pg makes text of bigints by itself, but not of U+0000. */
export function toParameters(parameters: readonly unknown[]): unknown[] {
  return parameters.map((value) => typeof value === "string" ? escapeNul(value) : value);
}

function connectionError(error: unknown, address: PostgresAddress): unknown {
  if (!(error instanceof Error) || error instanceof GeodesicError) return error;
  const { code, reason } = reasonOf(error);
  const remedy = remedyFor(code, address);
  const message = `Cannot connect to the database ${describeAddress(address)}: ${reason}${remedy}`;
  const details = { ...address, reason };
  // 53…: too many connections; 57P03: it is starting or stopping.
  if (code.startsWith("53") || code === "57P03") {
    return new CapacityError(message, { ...details, retryAfterMs: RETRY_AFTER_MS }, { cause: error });
  }
  return new ConfigError(message, details, { cause: error });
}

/** What whoever starts the program can do about it, as the end of a message. */
function remedyFor(code: string, { database }: PostgresAddress): string {
  if (code === "ECONNREFUSED") return ": is the server running, and DATABASE_URL right?";
  const isPlain = /^\w[\w.-]{0,62}$/.test(database);
  return code === "3D000" && isPlain ? `: make it with "createdb ${database}"` : "";
}

/** The same once it is open. pg's own words may hold an address, so they are only the cause. */
function lostError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof GeodesicError) return error;
  if (error.message.startsWith("timeout exceeded")) {
    return new StoreBusyError("all its connections are in use", { cause: error });
  }
  const { code } = reasonOf(error);
  return new StoreBusyError(`it cannot be reached${code && ` (${code})`}`, { cause: error });
}

/** What a caller can do something about becomes typed; anything else stays as it is. */
function statementError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code } = reasonOf(error);
  const busy = (reason: string) => new StoreBusyError(reason, { cause: error });
  if (/^(40|55P03)/.test(code)) return busy("another transaction is in the way");
  if (code === "57014") return busy("it takes too long");
  if (code.startsWith("53") && code !== "53300") {
    const reason = code === "53100" ? "its disk is full" : "it lacks memory";
    return new CapacityError(`The database cannot do this: ${reason}`, {
      reason,
      retryAfterMs: RETRY_AFTER_MS,
    }, {
      cause: error,
    });
  }
  return isLoss(error) ? busy("its connection was lost") : error;
}

/** Whether nothing more can be asked over the connection. */
function isLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = reasonOf(error);
  return /^(08|53300|57P|25P03)/.test(code) || /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH)/.test(code) ||
    /Connection terminated|not queryable|connection has been discarded/.test(error.message) ||
    isUnanswered(error);
}

function isUnanswered(error: unknown): boolean {
  return error instanceof Error && error.message === "Query read timeout";
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
