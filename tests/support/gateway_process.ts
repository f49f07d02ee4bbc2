/**
 * Starts the real gateway as a child process on a free port, the way `deno task start` does, and speaks GraphQL to
 * it over HTTP and SSE. Owns the process and its data folder; dispose ends the one and removes the other.
 */
import { fileURLToPath } from "node:url";
import { readProc } from "./processes.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface StartOptions {
  /** Data folder to reuse; a temporary one, removed at the end, by default. */
  readonly dataDir?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A running gateway: its address, what it has printed, and a way to end it. */
export class GatewayProcess implements AsyncDisposable {
  readonly url: string;
  readonly dataDir: string;
  readonly #child: Deno.ChildProcess;
  readonly #output: OutputLog;
  readonly #removeDataDir: boolean;

  private constructor(
    child: Deno.ChildProcess,
    output: OutputLog,
    url: string,
    dataDir: string,
    remove: boolean,
  ) {
    this.#child = child;
    this.#output = output;
    this.url = url;
    this.dataDir = dataDir;
    this.#removeDataDir = remove;
  }

  /** Resolves once the gateway prints its address; rejects with all it printed when it ends before. */
  static async start(options: StartOptions = {}): Promise<GatewayProcess> {
    const dataDir = options.dataDir ?? await Deno.makeTempDir({ prefix: "geodesic-e2e-" });
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "src/main.ts", "start", "--port", "0", "--data", dataDir, ...options.args ?? []],
      cwd: ROOT,
      env: { ...options.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = new OutputLog([child.stdout, child.stderr]);
    const address = await Promise.race([
      output.waitFor(/listening on (http:\/\/\S+)/),
      child.status.then((status) => {
        throw new Error(`The gateway ended with code ${status.code}:\n${output.text}`);
      }),
    ]);
    return new GatewayProcess(child, output, address[1]!, dataDir, options.dataDir === undefined);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The pid of the engine's process, once there is one that is not `except`. Linux only. */
  async enginePid(except = -1): Promise<number> {
    for (;;) {
      const children = await readProc(`${this.pid}/task/${this.pid}/children`);
      if (children === null) throw new Error("The gateway has ended");
      const pid = children.trim().split(" ").filter((text) => text !== "").map(Number)
        .find((candidate) => candidate !== except);
      if (pid !== undefined) return pid;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Resolves with the match once the gateway has printed it. */
  printed(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#output.waitFor(pattern);
  }

  /** Everything printed so far, stdout and stderr together. */
  get output(): string {
    return this.#output.text;
  }

  /** The admin key of a first run. */
  get adminKey(): string {
    const match = /\b(gsk_[A-Za-z0-9_-]+)/.exec(this.output);
    if (match === null) throw new Error(`No admin key in the output:\n${this.output}`);
    return match[1]!;
  }

  /** One GraphQL operation over POST; returns the body whatever the status. */
  async query<T = Record<string, unknown>>(
    query: string,
    variables: Record<string, unknown> = {},
    key?: string,
  ): Promise<{ readonly data?: T; readonly errors?: readonly GraphQLErrorBody[]; readonly status: number }> {
    const response = await fetch(`${this.url}/graphql`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        ...key === undefined ? {} : { authorization: `Bearer ${key}` },
      },
      body: JSON.stringify({ query, variables }),
    });
    return { ...await response.json(), status: response.status };
  }

  /** A subscription as the SSE stream delivers it; ending the iteration closes the connection. */
  async *subscribe(
    query: string,
    variables: Record<string, unknown> = {},
    signal?: AbortSignal,
  ): AsyncGenerator<Record<string, unknown>> {
    const controller = new AbortController();
    const response = await fetch(`${this.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify({ query, variables }),
      signal: signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]),
    });
    if (!response.ok || response.body === null) {
      throw new Error(`Subscription answered ${response.status}: ${await response.text()}`);
    }
    try {
      for await (const event of serverSentEvents(response.body)) {
        if (event.event === "complete") return;
        if (event.event === "next") yield JSON.parse(event.data);
      }
    } finally {
      controller.abort();
    }
  }

  /** Sends the signal and waits for the end; returns the exit status. */
  async end(signal: Deno.Signal = "SIGINT"): Promise<Deno.CommandStatus> {
    try {
      this.#child.kill(signal);
    } catch {
      // Already ended.
    }
    const status = await this.#child.status;
    await this.#output.closed;
    return status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
    if (this.#removeDataDir) await Deno.remove(this.dataDir, { recursive: true });
  }
}

export interface GraphQLErrorBody {
  readonly message: string;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** Collects several streams as text and lets a test wait for a pattern. */
class OutputLog {
  text = "";
  readonly closed: Promise<void>;
  #waiters: { pattern: RegExp; resolve: (match: RegExpExecArray) => void }[] = [];

  constructor(streams: readonly ReadableStream<Uint8Array>[]) {
    this.closed = Promise.all(streams.map((stream) => this.#collect(stream))).then(() => {});
  }

  waitFor(pattern: RegExp): Promise<RegExpExecArray> {
    const match = pattern.exec(this.text);
    if (match !== null) return Promise.resolve(match);
    return new Promise((resolve) => this.#waiters.push({ pattern, resolve }));
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (
      const chunk of stream.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
    ) {
      this.text += chunk;
      this.#waiters = this.#waiters.filter(({ pattern, resolve }) => {
        const match = pattern.exec(this.text);
        if (match !== null) resolve(match);
        return match === null;
      });
    }
  }
}

/** Parses `text/event-stream`; comments (pings) are skipped. */
async function* serverSentEvents(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<{ readonly event: string; readonly data: string }> {
  let buffer = "";
  for await (
    const chunk of body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
  ) {
    buffer += chunk;
    for (let end = buffer.indexOf("\n\n"); end >= 0; end = buffer.indexOf("\n\n")) {
      const lines = buffer.slice(0, end).split("\n");
      buffer = buffer.slice(end + 2);
      const field = (name: string) =>
        lines.filter((line) => line.startsWith(`${name}:`)).map((line) =>
          line.slice(name.length + 1).trimStart()
        );
      const event = field("event")[0];
      if (event !== undefined) yield { event, data: field("data").join("\n") };
    }
  }
}
