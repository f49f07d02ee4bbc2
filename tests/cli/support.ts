/** The real command line as a child process, with the permissions that its task gives it. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
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
  readonly env?: Readonly<Record<string, string>>;
}

/** A command that has been started, for tests that interrupt it. */
export function startCli(args: readonly string[], options: CliOptions = {}): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
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
