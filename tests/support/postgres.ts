/**
 * A real PostgreSQL server for tests: a cluster in a temporary folder, on a free loopback port, as a user that is not
 * root (which the server refuses). Where no server is installed there is none, and its tests are left out;
 * `deno task postgres` installs one.
 */
import { POSTGRES_BIN, postgresUser } from "../../scripts/postgres.ts";

/** Why there is none, or null. */
export const whyNoServer: string | null = POSTGRES_BIN === null ? "no PostgreSQL server is installed" : null;

export class PostgresServer implements AsyncDisposable {
  readonly port: number;
  readonly #dir: string;
  readonly #options: Deno.CommandOptions;
  #child: Deno.ChildProcess;
  /** What it has said since it was started last. */
  log = "";

  private constructor(dir: string, port: number, options: Deno.CommandOptions) {
    this.#dir = dir;
    this.#options = options;
    this.port = port;
    this.#child = this.#spawn();
  }

  static async start(): Promise<PostgresServer> {
    const dir = await Deno.makeTempDir({ prefix: "geodesic-postgres-" });
    const user = await postgresUser();
    if (user !== null) await Deno.chown(dir, user.uid, user.gid);
    const data = `${dir}/data`;
    const options = { clearEnv: true, env: { LC_ALL: "C" }, stdin: "null", ...user } as const;
    const init = await new Deno.Command(`${POSTGRES_BIN}/initdb`, {
      args: ["-D", data, "-U", "geodesic", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"],
      cwd: dir,
      ...options,
    }).output();
    if (!init.success) throw new Error(new TextDecoder().decode(init.stderr));
    const server = new PostgresServer(dir, freePort(), { cwd: dir, ...options });
    await server.#untilReady();
    return server;
  }

  /** Cuts all connections; the address stays. */
  async stop(): Promise<void> {
    this.#child.kill("SIGINT"); // fast shutdown
    await this.#child.status;
  }

  /** After a stop. */
  async start(): Promise<void> {
    this.#child = this.#spawn();
    await this.#untilReady();
  }

  url(database: string, user = "geodesic"): string {
    return `postgres://${user}:secret-word@127.0.0.1:${this.port}/${database}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.#dir, { recursive: true });
  }

  #spawn(): Deno.ChildProcess {
    const settings = [
      "listen_addresses=127.0.0.1",
      "unix_socket_directories=",
      "fsync=off",
      "max_connections=60",
    ];
    return new Deno.Command(`${POSTGRES_BIN}/postgres`, {
      args: [
        ...["-D", `${this.#dir}/data`, "-p", String(this.port)],
        ...settings.flatMap((setting) => ["-c", setting]),
      ],
      ...this.#options,
      stdout: "null",
      stderr: "piped",
    }).spawn();
  }

  /** It says so on its log, which is read to its end so that it never blocks. */
  async #untilReady(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.log = "";
    const read = async () => {
      for await (const chunk of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
        this.log += chunk;
        if (this.log.includes("ready to accept connections")) resolve();
      }
      reject(new Error(`PostgreSQL has ended:\n${this.log}`));
    };
    void read();
    await promise;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
