/**
 * Kysely's SQLite dialect over Deno's built-in node:sqlite. It owns everything that only SQLite knows: pragmas,
 * value conversion (text with U+0000 included), transactional schema changes, what its errors mean. One connection,
 * synchronous calls (tens of microseconds each): long scans do not belong here.
 *
 * Durability: with WAL and synchronous=NORMAL a commit is in the kernel's hands when it returns, so a killed process
 * loses nothing; only a power cut can take the last commits, and never tears the file.
 */
import { DatabaseSync } from "node:sqlite";
import {
  type DialectAdapter,
  type Driver,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDialect,
  type SqliteDialectConfig,
  type SqliteStatement,
} from "kysely";
import { CapacityError, ConfigError, FormatError, GeodesicError } from "../errors.ts";
import { escapeNul, unescapeRow } from "./nul_text.ts";
import { PatientDriver } from "./patient_driver.ts";
import { StoreBusyError } from "./store_busy.ts";

/** How long opening the file waits for another process. It blocks this thread; later waits do not, see patient_driver.ts. */
const OPENING_TIMEOUT_MS = 2000;
/** Compiled statements kept; Kysely's SQL is parametrized, so a gateway has a few dozen. */
const STATEMENT_CACHE_SIZE = 256;

type SqlValue = string | number | bigint | null | Uint8Array;

/**
 * A dialect for the database file at `path`, opened (and created) at once so that errors surface here: ConfigError
 * when the file cannot be opened, FormatError when it is no database. Both name the path.
 */
export function nodeSqliteDialect(path: string): SqliteDialect {
  const connection = openConnection(path);
  return new NodeSqliteDialect({
    database: {
      close: () => connection.close(),
      prepare: cached((sql) => prepare(connection, path, sql)),
    } satisfies SqliteDatabase,
  });
}

class NodeSqliteDialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig;

  constructor(config: SqliteDialectConfig) {
    super(config);
    this.#config = config;
  }

  override createDriver(): Driver {
    return new PatientDriver(this.#config);
  }
  override createAdapter(): DialectAdapter {
    return new NodeSqliteAdapter();
  }
}

class NodeSqliteAdapter extends SqliteAdapter {
  /** SQLite can roll schema changes back; telling Kysely makes a killed migration leave nothing behind. */
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
  /** There is one, but the driver sees to it that one has it at a time. */
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

function openConnection(path: string): DatabaseSync {
  let connection: DatabaseSync;
  try {
    connection = new DatabaseSync(path);
  } catch (error) {
    throw sqliteError(error, path, { isOpening: true });
  }
  try {
    connection.exec(`PRAGMA busy_timeout = ${OPENING_TIMEOUT_MS}`);
    connection.exec("PRAGMA journal_mode = WAL");
    connection.exec("PRAGMA synchronous = NORMAL");
    connection.exec("PRAGMA foreign_keys = ON");
    // What is deleted is overwritten, not only forgotten.
    connection.exec("PRAGMA secure_delete = ON");
    // Reads the first page: a file that is something else is found out here.
    connection.prepare("SELECT count(*) FROM sqlite_master").get();
    connection.exec("PRAGMA busy_timeout = 0");
    return connection;
  } catch (error) {
    connection.close();
    throw sqliteError(error, path, { isOpening: true });
  }
}

function prepare(connection: DatabaseSync, path: string, sql: string): SqliteStatement {
  try {
    // All our transactions write. Starting them as readers would let another process's commit in between fail the
    // first write for good.
    const statement = connection.prepare(sql === "begin" ? "begin immediate" : sql);
    return {
      reader: statement.columns().length > 0,
      all: (parameters) => guarded(path, () => statement.all(...toSqlValues(parameters)).map(unescapeRow)),
      run: (parameters) => guarded(path, () => statement.run(...toSqlValues(parameters))),
      iterate: (parameters) =>
        guarded(path, () => statement.iterate(...toSqlValues(parameters)).map(unescapeRow)),
    };
  } catch (error) {
    throw sqliteError(error, path);
  }
}

function guarded<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw sqliteError(error, path);
  }
}

function toSqlValues(parameters: readonly unknown[]): SqlValue[] {
  return parameters.map((value) => {
    switch (typeof value) {
      case "string":
        return escapeNul(value);
      case "number":
      case "bigint":
        return value;
      case "boolean":
        return value ? 1 : 0;
      case "undefined":
        return null;
    }
    if (value === null || value instanceof Uint8Array) return value;
    throw new Error(`Cannot bind a ${typeof value} to a column`);
  });
}

/**
 * What somebody can do something about becomes typed and names the file, unless callers of the API may come upon it;
 * anything else stays as it is.
 */
function sqliteError(error: unknown, path: string, { isOpening = false } = {}): unknown {
  if (!(error instanceof Error) || error instanceof GeodesicError) return error;
  const details = { path, reason: error.message };
  const message = error.message.toLowerCase();
  const says = (...phrases: string[]) => phrases.some((phrase) => message.includes(phrase));
  if (says("not a database", "malformed", "file is encrypted")) {
    return new FormatError(`Cannot use "${path}" as a database: ${error.message}`, details, { cause: error });
  }
  const cannotBeOpened = says(
    "unable to open",
    "read-only",
    "permission",
    "os error",
    "requires write access",
  );
  const cannotBeWritten = says("readonly database");
  if (cannotBeOpened || (cannotBeWritten && isOpening)) {
    const reason = cannotBeWritten ? "it, or its folder, may not be written to" : error.message;
    return new ConfigError(`Cannot open the database "${path}": ${reason}`, { path, reason }, {
      cause: error,
    });
  }
  if (says("database is locked", "database table is locked")) {
    return new StoreBusyError("another process is writing to it", { cause: error });
  }
  const reason = says("database or disk is full")
    ? "its disk is full"
    : cannotBeWritten
    ? "its file cannot be written to"
    : says("disk i/o error") // So it is also where the file beside it, which several processes share, finds no room.
    ? "its disk is full or fails (disk I/O error)"
    : null;
  if (reason !== null) {
    return new CapacityError(`The database cannot do this: ${reason}`, { reason, retryAfterMs: 1000 }, {
      cause: error,
    });
  }
  return error;
}

/** Least recently used statements go first; SQLite recompiles them when they come back. */
function cached(create: (sql: string) => SqliteStatement): (sql: string) => SqliteStatement {
  const statements = new Map<string, SqliteStatement>();
  return (sql) => {
    const statement = statements.get(sql) ?? create(sql);
    statements.delete(sql);
    statements.set(sql, statement);
    if (statements.size > STATEMENT_CACHE_SIZE) {
      const [oldest] = statements.keys();
      if (oldest !== undefined) statements.delete(oldest);
    }
    return statement;
  };
}
