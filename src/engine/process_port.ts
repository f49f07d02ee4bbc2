/**
 * An engine in a process of its own (process.ts) as a port: frames over its standard streams, a pulse that tells a
 * process that hangs from one that works, and its end with the reason. Owns the process: when `terminate` resolves it
 * is gone. What waits for a process that does not read is bounded, and so is what it may print.
 */
import { fileURLToPath } from "node:url";
import { CapacityError, ConfigError, DeviceLostError, FormatError, type GeodesicError } from "../errors.ts";
import type { EnginePort } from "./port.ts";
import { FrameDecoder, FrameEncoder } from "./frames.ts";
import { type Pulse, startPulse } from "./pulse.ts";
import type { EngineCommand, EngineMessage, Ping, Pong } from "./protocol.ts";
import { StderrLines } from "./stderr_lines.ts";

export interface ProcessPortOptions {
  /** What the process prints, besides its messages. */
  readonly onOutput?: (line: string) => void;
  readonly pulse?: Pulse;
  /** The one folder that the process may write to. */
  readonly writableDir?: string;
  /** The module that the process runs; tests bring others. */
  readonly entry?: URL;
}

export interface ProcessPort extends EnginePort {
  readonly pid: number;
}

/** Commands that wait for the process to read them. Then no more requests are taken; all else is small. */
const MAX_QUEUED_BYTES = 64 * 2 ** 20;
const RETRY_MS = 1_000;
/** A process that has said `closed` lets go of the driver and ends; what does not is killed. */
const EXIT_TIMEOUT_MS = 10_000;
/** A killed process that is stuck in the kernel is not waited for any longer. */
const KILL_TIMEOUT_MS = 5_000;
/** What a process wrote before it ended is read; whoever else holds its streams open is not waited for any longer. */
const DRAIN_TIMEOUT_MS = 2_000;
const MESSAGE_TYPES: ReadonlySet<string> = new Set<(EngineMessage | Pong)["type"]>([
  ...["ready", "unavailable", "loadProgress", "loaded", "loadFailed", "unloaded", "queued"] as const,
  ...["started", "promptProcessed", "tokens", "finished", "failed", "metrics", "closed", "pong"] as const,
]);

/** Starts the process. Throws ConfigError when that is not permitted or possible at all. */
export function openProcessPort(options: ProcessPortOptions = {}): ProcessPort {
  return new ChildPort(options);
}

class ChildPort implements ProcessPort {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #outputs: readonly [stdout: Reader, stderr: Reader];
  /** How it ended; null where it was killed and is stuck all the same. */
  readonly #end = Promise.withResolvers<Deno.CommandStatus | null>();
  readonly #frames = new FrameEncoder();
  readonly #output: StderrLines;
  readonly #options: ProcessPortOptions;
  #queuedBytes = 0;
  #closed = false;
  #stopPulse: Disposable | undefined;
  #onPong: (pong: Pong) => void = () => {};
  #onDeath: ((error: GeodesicError) => void) | undefined;
  #ending: Promise<void> | undefined;
  /** Why it is being ended, when that is not its own doing. */
  #verdict: GeodesicError | undefined;

  constructor(options: ProcessPortOptions) {
    this.#options = options;
    this.#output = new StderrLines({
      onLine: options.onOutput ?? (() => {}),
      now: () => performance.now(),
    });
    this.#child = spawn(options);
    this.#input = this.#child.stdin.getWriter();
    this.#outputs = [this.#child.stdout.getReader(), this.#child.stderr.getReader()];
    this.#child.status.then(this.#end.resolve);
    this.#input.closed.catch(() => {}); // A broken pipe is the process's end, which is heard of otherwise.
  }

  get pid(): number {
    return this.#child.pid;
  }

  post(command: EngineCommand): void {
    this.#send(command);
  }

  listen(onMessage: (message: EngineMessage) => void, onDeath: (error: Error) => void): void {
    this.#onDeath = onDeath;
    void this.#run(onMessage);
    this.#stopPulse = startPulse({
      ...this.#options.pulse,
      ping: () => this.#send({ type: "ping" }),
      onPong: (listener) => this.#onPong = listener,
      onSilent: (error) => this.#condemn(error),
    });
  }

  terminate(): Promise<void> {
    return this.#ending ??= this.#terminate();
  }

  async #run(onMessage: (message: EngineMessage) => void): Promise<void> {
    const reading = Promise.all([this.#readMessages(onMessage), this.#readErrors()]);
    const status = await this.#end.promise;
    this.#stopPulse?.[Symbol.dispose]();
    if (!await within(DRAIN_TIMEOUT_MS, reading)) {
      for (const output of this.#outputs) output.cancel().catch(() => {});
      await reading;
    }
    this.#onDeath?.(this.#verdict ?? this.#deathOf(status));
  }

  async #readMessages(onMessage: (message: EngineMessage) => void): Promise<void> {
    const decoder = new FrameDecoder({
      onMessage: (value) => {
        const message = parseMessage(value);
        if (message.type === "pong") return this.#onPong(message);
        if (message.type === "closed") this.#closed = true;
        // The listener's mistakes are not the engine's.
        try {
          onMessage(message);
        } catch (error) {
          reportError(error);
        }
      },
      onStray: (bytes) => this.#output.push(bytes),
    });
    try {
      await readAll(this.#outputs[0], (chunk) => decoder.push(chunk));
      // Half a message from one that has crashed is no news: how it crashed is.
      if ((await this.#end.promise)?.success) decoder.end();
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error));
      this.#condemn(new DeviceLostError(`The engine's process is given up: ${cause.message}`, {}, { cause }));
    }
  }

  async #readErrors(): Promise<void> {
    try {
      await readAll(this.#outputs[1], (chunk) => this.#output.push(chunk));
    } catch {
      // The pipe broke with the process.
    }
    this.#output.end();
  }

  #send(message: EngineCommand | Ping): void {
    if (this.#ending !== undefined) return;
    if (message.type === "submit" && this.#queuedBytes >= MAX_QUEUED_BYTES) {
      throw new CapacityError("Cannot send the request: its engine has not read those before", {
        queuedBytes: this.#queuedBytes,
        retryAfterMs: RETRY_MS,
      });
    }
    const frame = this.#frames.encode(message);
    this.#queuedBytes += frame.length;
    this.#input.write(frame).then(() => this.#queuedBytes -= frame.length, () => {});
  }

  #condemn(error: GeodesicError): void {
    this.#verdict ??= this.#explained(error);
    void this.terminate();
  }

  #deathOf(status: Deno.CommandStatus | null): GeodesicError {
    if (status === null) return this.#explained(new DeviceLostError("The engine's process cannot be ended"));
    const { code, signal } = status;
    const how = signal === null ? `exit code ${code}` : signal;
    return this.#explained(
      new DeviceLostError(`The engine's process died: ${how}`, signal === null ? { code } : { signal }),
    );
  }

  /** With what it printed last. */
  #explained({ message, details, cause }: GeodesicError): GeodesicError {
    return new DeviceLostError(message, { ...details, output: [...this.#output.last] }, { cause });
  }

  async #terminate(): Promise<void> {
    this.#stopPulse?.[Symbol.dispose]();
    this.#input.close().catch(() => {});
    // Having closed it ends by itself; whatever else it does may never end.
    if (this.#closed && await this.#endsWithin(EXIT_TIMEOUT_MS)) return;
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    if (await this.#endsWithin(KILL_TIMEOUT_MS)) return;
    this.#child.unref();
    this.#end.resolve(null);
  }

  #endsWithin(ms: number): Promise<boolean> {
    return within(ms, this.#end.promise);
  }
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;

/** Until the stream ends or is cancelled; cancels it when `take` throws. */
async function readAll(reader: Reader, take: (chunk: Uint8Array) => void): Promise<void> {
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) take(next.value);
  } catch (error) {
    reader.cancel().catch(() => {});
    throw error;
  }
}

/** Whether it settles in time. */
async function within(ms: number, settling: Promise<unknown>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms);
  const settled = await Promise.race([settling.then(() => true), late]);
  clearTimeout(timer);
  return settled;
}

function parseMessage(value: unknown): EngineMessage | Pong {
  const type = typeof value === "object" && value !== null && "type" in value ? value.type : undefined;
  if (typeof type === "string" && MESSAGE_TYPES.has(type)) return value as EngineMessage | Pong;
  throw new FormatError("Cannot read a message: its type is unknown");
}

/**
 * Models lie wherever they were registered, so it may read; it may write to one folder at most; nothing else. The
 * environment of the process is that of the gateway, for drivers need theirs, but no code of ours can look at it.
 */
function spawn(
  { entry = new URL("./process.ts", import.meta.url), writableDir }: ProcessPortOptions,
): Deno.ChildProcess {
  const args = ["run", "--quiet", "--no-prompt", "--cached-only", "--allow-read", "--ignore-env"];
  // A comma would begin another path; such a folder stays as it is, and nothing is cached.
  if (writableDir !== undefined && !writableDir.includes(",")) {
    args.push(`--allow-write=${writableDir}`, "--allow-sys=statfs"); // how full its disk is
  }
  let env: Record<string, string> = {};
  for (;;) {
    try {
      const stdio = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
      return new Deno.Command(Deno.execPath(), { args: [...args, fileURLToPath(entry)], env, ...stdio })
        .spawn();
    } catch (error) {
      const loaderVariables = loaderVariablesIn(error).filter((name) => !(name in env));
      if (loaderVariables.length === 0) {
        const { message } = error as Error;
        throw new ConfigError(`Cannot start the engine's process: ${message}`, {}, { cause: error });
      }
      env = { ...env, ...Object.fromEntries(loaderVariables.map((name) => [name, ""])) };
    }
  }
}

/**
 * Whoever may run one program only may not pass LD_LIBRARY_PATH and its like on to it, inherited ones included
 * (Deno 2.9); emptied they may stay. The message is where their names are.
 */
function loaderVariablesIn(error: unknown): readonly string[] {
  if (!(error instanceof Deno.errors.NotCapable)) return [];
  return error.message.match(/\b(?:LD|DYLD)_\w+/g) ?? [];
}
