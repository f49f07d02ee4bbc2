/**
 * The process's surroundings as commands see them: standard streams, where the user stands, settings. Output is written
 * whole and at once, so that nothing is lost when the process ends.
 */
import { delimiter, resolve } from "node:path";
import { toWriteError } from "../formats/write_error.ts";

export interface Terminal {
  /** Folder the user stands in: relative paths start there. */
  readonly userDir: string;
  /** Folder of the database and the model library where no option names one. */
  readonly defaultDataDir: string;
  /** Address of the PostgreSQL database that takes the place of the data folder's (`DATABASE_URL`). */
  readonly databaseUrl: string | undefined;
  /** Least severe log entries to write (`GEODESIC_LOG`), as given. */
  readonly logLevel: string | undefined;
  /** Folders that models may be read from over the API (`GEODESIC_MODELS`, separated like a PATH). */
  readonly modelDirs: readonly string[];
  /** Where models are pulled from (`HF_ENDPOINT`), as given, and the token for it (`HF_TOKEN`). */
  readonly hubEndpoint: string | undefined;
  readonly hubToken: string | undefined;
  readonly stdin: ReadableStream<Uint8Array>;
  /** Whether stderr is a screen that can be redrawn. */
  readonly isInteractive: boolean;
  /** Whether stdout is a screen, which control characters could steer. */
  readonly isScreen: boolean;
  /** Characters in a line of the screen; undefined where there is none. */
  readonly columns: number | undefined;
  /** Text to stdout. */
  write(text: string): void;
  /** A line to stdout. */
  print(line: string): void;
  /** Text to stderr: progress, remarks, errors. Where nobody can read it, that is no reason to stop. */
  writeStatus(text: string): void;
}

const encoder = new TextEncoder();

/**
 * The terminal of this process. Reads `INIT_CWD` (set by task runners), `DATABASE_URL`, `HF_*`, and `GEODESIC_HOME`, `_LOG`,
 * `_MODELS`.
 */
export function processTerminal(): Terminal {
  const userDir = resolve(Deno.env.get("INIT_CWD") ?? Deno.cwd());
  const home = Deno.env.get("GEODESIC_HOME");
  return {
    userDir,
    defaultDataDir: home === undefined || home === "" ? resolve(".geodesic") : resolve(userDir, home),
    databaseUrl: Deno.env.get("DATABASE_URL") || undefined,
    logLevel: Deno.env.get("GEODESIC_LOG"),
    modelDirs: (Deno.env.get("GEODESIC_MODELS") ?? "").split(delimiter).filter((dir) => dir !== "")
      .map((dir) => resolve(userDir, dir)),
    hubEndpoint: Deno.env.get("HF_ENDPOINT"),
    hubToken: Deno.env.get("HF_TOKEN"),
    stdin: Deno.stdin.readable,
    isInteractive: Deno.stderr.isTerminal(),
    isScreen: Deno.stdout.isTerminal(),
    get columns() {
      return screenColumns();
    },
    write: (text) => writeOutput(text),
    print: (line) => writeOutput(line + "\n"),
    writeStatus: (text) => {
      try {
        writeAll(Deno.stderr, text);
      } catch {
        // The work goes on, and its exit code tells how it ended.
      }
    },
  };
}

/** Asked each time, for a window changes its size. */
function screenColumns(): number | undefined {
  try {
    return Deno.consoleSize().columns || undefined;
  } catch {
    return undefined;
  }
}

/** Throws BrokenPipe where the reader has seen enough, and what to do about a disk that is full. */
function writeOutput(text: string): void {
  try {
    writeAll(Deno.stdout, text);
  } catch (error) {
    throw toWriteError(error, "standard output");
  }
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(text);
  for (let written = 0; written < bytes.length;) written += stream.writeSync(bytes.subarray(written));
}
