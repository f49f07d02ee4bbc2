/** The listening socket and its end: what is open finishes or is told to stop, within a bounded time. */
import type { GraphQLSchema } from "graphql";
import { type Log, logUnexpected } from "../app/request.ts";
import type { Gateway } from "../app/types.ts";
import { GeodesicError } from "../errors.ts";
import { errorResponse } from "./responses.ts";
import { Contexts } from "./contexts.ts";
import { Cors } from "./cors.ts";
import { createGraphQLHandler, type GraphQLOptions } from "./graphql.ts";
import { KeyWatch } from "./key_watch.ts";
import { DEFAULT_LIMITS, type ServerLimits } from "./limits.ts";
import { Metrics } from "./metrics.ts";
import { RateLimiter } from "./rate_limiter.ts";
import { createRouter } from "./router.ts";
import { SseEndpoint } from "./sse_endpoint.ts";
import { StreamPlaces } from "./stream_places.ts";
import { WebSockets } from "./websocket.ts";

const DEFAULT_SHUTDOWN_MS = 5_000;
/** How long subscriptions may take to deliver the end that `beforeStop` has given them. */
const LAST_EVENTS_MS = 1_000;
/** How long a last word (a close code, a refusal) may take to reach its client. */
const LAST_WORDS_MS = 1_000;

export interface ServerOptions extends Omit<GraphQLOptions, "log" | "keys"> {
  readonly schema: GraphQLSchema;
  readonly gateway: Gateway;
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly log: Log;
  /** Aborting it shuts the server down. */
  readonly signal?: AbortSignal;
  /** What `/metrics` tells; it should hear of the gateway's generations. */
  readonly metrics?: Metrics;
  /** Origins whose pages may use the gateway; no others may. */
  readonly corsOrigins?: readonly string[];
  readonly limits?: Partial<ServerLimits>;
  /** Called first when stopping, while subscriptions are still open: gives what they watch its end. */
  readonly beforeStop?: () => Promise<void>;
  /** How long requests may take to finish after `shutdown`. */
  readonly shutdownMs?: number;
}

export interface RunningServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** `http://host:port`, as a client on this machine writes it. */
  readonly origin: string;
  /** Open subscriptions, over all transports. */
  readonly liveStreams: number;
  /** Open WebSockets. */
  readonly liveSockets: number;
  /** SSE connections that carry several operations, reserved or open. */
  readonly liveConnections: number;
  /** Resolves once nothing is served any more, or {@link shutdown} waits for nobody any more. */
  readonly finished: Promise<void>;
  /**
   * Accepts nothing new, ends subscriptions with `complete`, closes sockets with 1001, waits for requests, and answers
   * 503 to those that take longer than `shutdownMs`. A client that does not read its answer is not waited for; its
   * connection ends with the process.
   */
  shutdown(): Promise<void>;
}

/** Throws GeodesicError `ADDRESS_UNAVAILABLE` naming host and port where it cannot listen. */
export function startServer(options: ServerOptions): RunningServer {
  const { host } = options;
  const stopping = new AbortController();
  const tooLate = new AbortController();
  // Requests that have been refused go on until what they use is closed under them, which is no news.
  const log: Log = (...line) => tooLate.signal.aborted ? undefined : options.log(...line);
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const places = new StreamPlaces(limits);
  const keys = new KeyWatch(options.gateway.access);
  const contexts = new Contexts({
    ...{ gateway: options.gateway, log, places, keys, stopping: stopping.signal },
    rates: new RateLimiter(limits.rate),
  });
  const graphql = createGraphQLHandler({ ...options, log, keys });
  const sockets = new WebSockets({ schema: options.schema, graphql, contexts, keys, limits, log });
  const streams = new SseEndpoint({ graphql, contexts, keys, limits, log });
  const router = createRouter({
    ...{ gateway: options.gateway, host, log, graphql, contexts, sockets, streams },
    cors: new Cors(options.corsOrigins ?? []),
    metrics: options.metrics ?? new Metrics(),
    liveStreams: () => places.taken,
    stopping: stopping.signal,
  });
  const server = listen(
    options,
    (request) =>
      unlessAborted(
        router(request),
        tooLate.signal,
        () =>
          errorResponse(503, "UNAVAILABLE", "The gateway is stopping", { requestId: crypto.randomUUID() }),
      ),
  );
  const { port } = server.addr;

  const finished = Promise.withResolvers<void>();
  server.finished.then(finished.resolve, finished.reject);
  let stopped: Promise<void> | undefined;
  const shutdown = () => stopped ??= stop().finally(finished.resolve);
  async function stop(): Promise<void> {
    options.signal?.removeEventListener("abort", shutdown);
    // Who watches something hears how it ended, before the stream ends.
    if (options.beforeStop !== undefined) {
      const ended = options.beforeStop().then(() => places.empty()).catch((error: unknown) => {
        logUnexpected(log, "unexpected error while stopping", error, {});
      });
      await within(ended, LAST_EVENTS_MS);
    }
    stopping.abort();
    // Their subscriptions complete before they go; the listener's own end would cut them off.
    await within(places.empty(), LAST_EVENTS_MS);
    await new Promise((resolve) => setTimeout(resolve));
    await within(Promise.all([sockets.close(), streams.close()]), LAST_WORDS_MS);
    keys[Symbol.dispose]();
    const closed = server.shutdown();
    if (await within(closed, options.shutdownMs ?? DEFAULT_SHUTDOWN_MS)) return;
    log("warn", "requests were refused that did not finish before the end", {});
    tooLate.abort();
    await within(closed, LAST_WORDS_MS);
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
    get liveSockets() {
      return sockets.open;
    },
    get liveConnections() {
      return streams.connections;
    },
    finished: finished.promise,
    shutdown,
    [Symbol.asyncDispose]: shutdown,
  };
}

function listen(
  { host, port, log }: ServerOptions,
  handler: (request: Request) => Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({
      hostname: host,
      port,
      onListen: () => {},
      onError: (error) => {
        logUnexpected(log, "unexpected error in the server", error, {});
        return new Response(null, { status: 500 });
      },
    }, handler);
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

/** `work`, or what stands in for it if `signal` aborts first. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal, instead: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => resolve(instead());
    signal.addEventListener("abort", abort);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** Whether `work` settles within `limitMs`. */
async function within(work: Promise<unknown>, limitMs: number): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(() => late.resolve(false), limitMs);
  try {
    return await Promise.race([work.then(() => true), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function whyNot(error: unknown): string | null {
  if (error instanceof Deno.errors.AddrInUse) {
    return "the port is in use; choose another with --port (0 takes a free one)";
  }
  if (error instanceof Deno.errors.AddrNotAvailable) return "this machine has no such address";
  if (error instanceof Deno.errors.PermissionDenied) return "the system does not permit it";
  // A name that nobody resolves has no class of its own.
  if (error instanceof Error && error.message.includes("failed to lookup address")) {
    return "there is no such host";
  }
  return null;
}
