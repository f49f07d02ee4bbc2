/** The listening socket and its end: what is open finishes or is told to stop, within a bounded time. */
import type { GraphQLSchema } from "graphql";
import { type Log, logUnexpected } from "../app/request.ts";
import type { Gateway } from "../app/types.ts";
import { GeodesicError } from "../errors.ts";
import { createRouter } from "./router.ts";
import { StreamPlaces } from "./stream_places.ts";

const DEFAULT_MAX_STREAMS = 1_000;
const DEFAULT_SHUTDOWN_MS = 5_000;

export interface ServerOptions {
  readonly schema: GraphQLSchema;
  readonly gateway: Gateway;
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly log: Log;
  /** Aborting it shuts the server down. */
  readonly signal?: AbortSignal;
  /** Most subscriptions at one time; further ones are refused with CAPACITY. */
  readonly maxStreams?: number;
  /** How long requests may take to finish after `shutdown`. */
  readonly shutdownMs?: number;
}

export interface RunningServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** `http://host:port`, as a client on this machine writes it. */
  readonly origin: string;
  /** Open subscriptions. */
  readonly liveStreams: number;
  /** Resolves once nothing is served any more. */
  readonly finished: Promise<void>;
  /** Accepts nothing new, ends subscriptions with `complete`, waits for requests, then cuts what is left. */
  shutdown(): Promise<void>;
}

/** Throws GeodesicError `ADDRESS_UNAVAILABLE` naming host and port where it cannot listen. */
export function startServer(options: ServerOptions): RunningServer {
  const { host, log } = options;
  const stopping = new AbortController();
  const cut = new AbortController();
  const places = new StreamPlaces(options.maxStreams ?? DEFAULT_MAX_STREAMS);
  const router = createRouter({ ...options, places, stopping: stopping.signal });
  const server = listen(options, cut.signal, router);
  const { port } = server.addr;

  let stopped: Promise<void> | undefined;
  const shutdown = () => stopped ??= stop();
  async function stop(): Promise<void> {
    options.signal?.removeEventListener("abort", shutdown);
    stopping.abort();
    const limitMs = options.shutdownMs ?? DEFAULT_SHUTDOWN_MS;
    const timer = setTimeout(() => {
      log("warn", "requests did not finish in time and were cut", { limitMs });
      cut.abort();
    }, limitMs);
    await server.shutdown();
    await server.finished;
    clearTimeout(timer);
  }
  if (options.signal?.aborted) shutdown();
  else options.signal?.addEventListener("abort", shutdown, { once: true });

  return {
    host,
    port,
    origin: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    get liveStreams() {
      return places.taken;
    },
    finished: server.finished,
    shutdown,
    [Symbol.asyncDispose]: shutdown,
  };
}

function listen(
  { host, port, log }: ServerOptions,
  signal: AbortSignal,
  router: (request: Request) => Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({
      hostname: host,
      port,
      signal,
      onListen: () => {},
      onError: (error) => {
        logUnexpected(log, "unexpected error in the server", error, {});
        return new Response(null, { status: 500 });
      },
    }, router);
  } catch (error) {
    const why = whyNot(error);
    if (why === null) throw error;
    throw new GeodesicError(
      "ADDRESS_UNAVAILABLE",
      `Cannot listen on ${host}:${port}: ${why}`,
      { host, port },
      {
        cause: error,
      },
    );
  }
}

function whyNot(error: unknown): string | null {
  if (error instanceof Deno.errors.AddrInUse) return "the port is in use";
  if (error instanceof Deno.errors.AddrNotAvailable) return "this machine has no such address";
  if (error instanceof Deno.errors.PermissionDenied) return "the system does not permit it";
  return null;
}
