/** Options of a serving process about whom its server lets do what: pages, schema, operations, prompts in logs. */
import { resolve } from "node:path";
import type { Log, LogLevel } from "../app/request.ts";
import { isOrigin } from "../server/cors.ts";
import type { IntrospectionPolicy } from "../server/introspection.ts";
import type { RateLimit } from "../server/limits.ts";
import { createJsonLog } from "../server/log.ts";
import { consoleOperations } from "../server/console.ts";
import { parsePersistedOperations, type PersistedOperations } from "../server/persisted.ts";
import type { Invocation, OptionSpec } from "./command.ts";
import { UsageError } from "./errors.ts";

const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];
/** Seconds of its rate that a caller may ask for at once. */
const BURST_SECONDS = 5;

export interface ServerSettings {
  readonly corsOrigins: readonly string[];
  readonly introspection: IntrospectionPolicy;
  readonly persisted: PersistedOperations;
  /** Of them, as given; what is let in besides them are the console's. */
  readonly persistedFile?: string;
  readonly logPrompts: boolean;
  readonly limits: { readonly rate?: RateLimit };
  readonly disconnectGraceMs?: number;
  readonly log: Log;
}

export const serverOptions: Readonly<Record<string, OptionSpec>> = {
  cors: {
    type: "string",
    multiple: true,
    value: "ORIGIN",
    description:
      "Origin whose pages may use the gateway, as in https://app.example; repeatable (default: none)",
  },
  introspection: {
    type: "string",
    value: "roles|off",
    description:
      "Who may ask for the schema and gets suggestions: generators and admins, or nobody (default roles)",
  },
  persisted: {
    type: "string",
    value: "FILE",
    description: "JSON object from SHA-256 to document: operations that clients may send by their hash",
  },
  "persisted-only": {
    type: "boolean",
    description: "Let in no operations but those of --persisted and the console's own, except from admins",
  },
  rate: {
    type: "string",
    value: "N",
    description: `Operations a second for each key, ${BURST_SECONDS} times as many at once (default 200)`,
  },
  "disconnect-grace": {
    type: "string",
    value: "MS",
    description:
      "How long a generation that ends with its watchers waits for one to come, or come back (default 5000)",
  },
  "log-prompts": {
    type: "boolean",
    description: "Log documents and variables of operations, prompts included, at level info",
  },
};

/** Throws UsageError, or ConfigError naming the entry of the file of persisted operations. */
export function readServerSettings(invocation: Invocation): ServerSettings {
  const corsOrigins = invocation.texts("cors");
  const wrong = corsOrigins.find((origin) => !isOrigin(origin));
  if (wrong !== undefined) {
    throw invocation.usageError(`--cors is "${wrong}", expected an origin such as https://app.example`);
  }
  const rate = invocation.integer("rate", { min: 1, max: 1_000_000 });
  const disconnectGraceMs = invocation.integer("disconnect-grace", { min: 0, max: 3_600_000 });
  return {
    corsOrigins,
    introspection: invocation.choice("introspection", ["roles", "off"]),
    ...persistedOperations(invocation),
    logPrompts: invocation.flag("log-prompts"),
    limits: rate === undefined ? {} : { rate: { burst: BURST_SECONDS * rate, perSecond: rate } },
    ...disconnectGraceMs === undefined ? {} : { disconnectGraceMs },
    log: createLog(invocation),
  };
}

/** The console's operations, and those of a file. */
function persistedOperations(
  invocation: Invocation,
): Pick<ServerSettings, "persisted" | "persistedFile"> {
  const given = invocation.text("persisted");
  const only = invocation.flag("persisted-only");
  const ours = consoleOperations();
  if (given === undefined) return { persisted: { documents: ours, only } };
  const path = resolve(invocation.terminal.userDir, given);
  let json: string;
  try {
    json = Deno.readTextFileSync(path);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "there is no such file" : "it cannot be read";
    throw invocation.usageError(`--persisted is "${given}": ${why}`);
  }
  const documents = new Map([...ours, ...parsePersistedOperations(json, path)]);
  return { persisted: { documents, only }, persistedFile: given };
}

function createLog({ terminal }: Invocation): Log {
  const text = terminal.logLevel ?? "warn";
  const level = LOG_LEVELS.find((candidate) => candidate === text);
  if (level === undefined) {
    throw new UsageError(`GEODESIC_LOG is "${text}", expected one of ${LOG_LEVELS.join(", ")}`);
  }
  return createJsonLog((line) => terminal.writeStatus(line + "\n"), level);
}
