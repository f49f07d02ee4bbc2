/**
 * The real command line: as a child process, with the permissions that its task gives it, or in this process for what a
 * command line says about itself, which is much quicker.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCli } from "../../src/cli/run.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { COMMANDS } from "../../src/main.ts";
import { hasDevice } from "../gpu/device.ts";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const MERGE_FIXTURES = `${ROOT}tests/fixtures/merge`;
export const DEMO = `${ROOT}demo`;

/** A data folder that nobody makes: what `start` has left in the checkout's own must not matter to a test. */
const NO_DATA = join(tmpdir(), "geodesic-test-no-data");

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}
export interface CliOptions {
  /** Folder the user stands in. */
  readonly cwd?: string;
  readonly stdin?: string;
  /** A line of sh that runs `"$0" "$@"`, such as with its output elsewhere. */
  readonly shell?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The same commands without a process of their own: no environment, nothing to read, and no screen unless given. */
export async function geodesicHere(
  args: readonly string[],
  { stdin = "", ...terminal }: Partial<Omit<Terminal, "stdin">> & Pick<CliOptions, "stdin"> = {},
): Promise<CliResult> {
  let [stdout, stderr] = ["", ""];
  const code = await runCli(args, COMMANDS, {
    ...{ userDir: ROOT, defaultDataDir: NO_DATA, databaseUrl: undefined, logLevel: undefined, modelDirs: [] },
    ...{
      hubEndpoint: undefined,
      hubToken: undefined,
      isInteractive: false,
      isScreen: false,
      columns: undefined,
    },
    stdin: new Blob([stdin]).stream(),
    write: (text) => stdout += text,
    print: (line) => stdout += `${line}\n`,
    writeStatus: (text) => stderr += text,
    ...terminal,
  });
  return { code, stdout, stderr };
}

/** Printing where the reader has seen enough. */
export function gone(): never {
  throw new Deno.errors.BrokenPipe();
}

/** A command that has been started, for tests that interrupt it. */
export function startCli(args: readonly string[], options: CliOptions = {}): Deno.ChildProcess {
  const [program, ...before] = options.shell === undefined
    ? [Deno.execPath()]
    : ["/bin/sh", "-c", options.shell, Deno.execPath()];
  return new Deno.Command(program!, {
    args: [
      ...before,
      "run",
      "--quiet",
      "--no-prompt",
      "--allow-net",
      "--allow-read",
      "--allow-write",
      "--allow-env=GEODESIC_*,INIT_CWD,DATABASE_URL,HF_ENDPOINT,HF_TOKEN",
      "--allow-sys=statfs",
      `--allow-run=${Deno.execPath()}`,
      "--ignore-env",
      "src/main.ts",
      ...args,
    ],
    cwd: ROOT,
    env: {
      INIT_CWD: options.cwd ?? ROOT,
      GEODESIC_HOME: NO_DATA,
      XDG_RUNTIME_DIR: "/tmp",
      DENO_WEBGPU_BACKEND: "vulkan,metal,dx12",
      ...options.env,
    },
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

export async function geodesic(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const child = startCli(args, options);
  if (options.stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(options.stdin));
    await writer.close();
  }
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** The JSON lines of an output. */
export function jsonLines(text: string): readonly unknown[] {
  return text.trim().split("\n").map((line) => JSON.parse(line) as unknown);
}

/** `Deno.test` for commands that use WebGPU. */
export function deviceTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !hasDevice, fn });
}
