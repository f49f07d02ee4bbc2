/**
 * How failures look on the command line: one readable line with its code in brackets, below those of several problems, or
 * one JSON object, on stderr; and which exit code they give. 0: done. 1: the work failed. 2: wrong usage. 130: interrupted.
 */
import { type ErrorRecord, GeodesicError, toErrorRecord } from "../errors.ts";
import { printable } from "./printable.ts";

export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** The command line itself cannot be understood. */
export class UsageError extends GeodesicError {
  /** `command` is the one whose help tells more; absent where no command is known. */
  constructor(message: string, command?: string, options?: ErrorOptions) {
    const help = command === undefined ? "geodesic --help" : `geodesic ${command} --help`;
    super("USAGE", `${message} (see ${help})`, command === undefined ? {} : { command }, options);
  }
}

/** The user pressed Ctrl-C, or the system asks the program to end. */
export class InterruptedError extends GeodesicError {
  /** `leaves` is what the command says that it leaves then. */
  constructor(signal: string, leaves?: string, details: Readonly<Record<string, unknown>> = {}) {
    super("INTERRUPTED", leaves === undefined ? "Interrupted" : `Interrupted. ${leaves}`, {
      ...details,
      signal,
    });
  }

  /** The same from a command that knows only then what it leaves. */
  leaving(leaves: string, details: Readonly<Record<string, unknown>>): InterruptedError {
    return new InterruptedError(String(this.details["signal"]), leaves, details);
  }
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  return error instanceof InterruptedError ? EXIT.interrupted : EXIT.failed;
}

/**
 * The error as it is shown. What is not ours to explain (a broken invariant, an operating system's error) keeps its own
 * words here, because the reader is the one who runs the program.
 */
export function describeError(error: unknown): ErrorRecord {
  if (error instanceof GeodesicError) return toErrorRecord(error);
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { code: "INTERNAL", message: `Unexpected failure: ${message}`, details: {} };
}

/** One line, or above it one for each of several problems; without a line break at its end. */
export function formatError(error: unknown, options: { readonly json: boolean }): string {
  const record = describeError(error);
  if (options.json) return JSON.stringify(record, jsonSafe);
  const { problems } = record.details;
  const several = Array.isArray(problems) && problems.length > 1 ? problems.map(String) : [];
  const message = several.length > 0 ? `Found ${several.length} problems` : record.message;
  return [...several.map((problem) => `- ${oneLine(problem)}`), `error: ${oneLine(message)} [${record.code}]`]
    .join("\n");
}

function oneLine(text: string): string {
  return printable(text.replaceAll(/\s*\n\s*/g, " "));
}

export function isErrorWithCode(error: unknown, code: RegExp): error is Error & { readonly code: string } {
  return error instanceof Error && "code" in error && typeof error.code === "string" && code.test(error.code);
}

function jsonSafe(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
