/**
 * From a request to its response: health, pages, and GraphQL behind the checks that need no GraphQL (host, origin,
 * content type, key). Every response carries the request's id.
 */
import { type Log, logUnexpected } from "../app/request.ts";
import type { Gateway, Principal } from "../app/types.ts";
import { CapacityError, toErrorRecord } from "../errors.ts";
import { consoleResponse, explorerResponse } from "./console.ts";
import type { Contexts } from "./contexts.ts";
import { type Cors, isOrigin } from "./cors.ts";
import { GRAPHQL_PATH, type GraphQLHandler } from "./graphql.ts";
import type { Metrics } from "./metrics.ts";
import { openAiErrorResponse } from "./openai/errors.ts";
import { openAiResponse } from "./openai/routes.ts";
import { isCrossOrigin, isKnownHost } from "./origin.ts";
import { errorResponse, rateLimitedResponse, unableResponse } from "./responses.ts";
import { type SseEndpoint, STREAM_PATH } from "./sse_endpoint.ts";
import type { WebSockets } from "./websocket.ts";

export interface RouterOptions {
  readonly gateway: Gateway;
  /** What the server is bound to. */
  readonly host: string;
  readonly log: Log;
  readonly graphql: GraphQLHandler;
  readonly contexts: Contexts;
  readonly sockets: WebSockets;
  readonly streams: SseEndpoint;
  readonly cors: Cors;
  readonly metrics: Metrics;
  readonly liveStreams: () => number;
  /** Aborts when the server stops. */
  readonly stopping: AbortSignal;
}

export type Router = (request: Request) => Promise<Response>;

const LIVE_PATH = "/livez";
const READY_PATH = "/readyz";
const METRICS_PATH = "/metrics";
const LOOKS_LIKE_A_KEY = /^bearer +gsk_/i;
/** Characters of a header that a message repeats. */
const MAX_SHOWN = 100;
const REQUEST_ID = /^[\w.-]{1,64}$/;
const JSON_TYPE = /^application\/(graphql\+)?json\s*(;|$)/i;

export function createRouter(options: RouterOptions): Router {
  const { gateway, log, graphql, contexts, cors } = options;

  async function route(request: Request, url: URL, requestId: string): Promise<Response> {
    if (!isKnownHost(url, options.host)) {
      return refusal(url, { status: 421, code: "MISDIRECTED", message: misdirected(url) }, requestId);
    }
    switch (url.pathname) {
      case LIVE_PATH:
        return isRead(request) ? probed(200, { live: true }) : notAllowed("GET, HEAD", requestId);
      case READY_PATH:
        return isRead(request) ? ready() : notAllowed("GET, HEAD", requestId);
      case GRAPHQL_PATH:
        return cors.preflight(request) ?? await routeGraphQL(request, url, requestId);
      case STREAM_PATH:
        return cors.preflight(request) ?? await routeStream(request, url, requestId);
      case METRICS_PATH:
        return await routeMetrics(request, requestId);
      default:
        if (isOpenAi(url)) {
          return cors.preflight(request) ?? await routeOpenAi(request, url, requestId);
        }
        return await routeConsole(request, url, requestId);
    }
  }

  async function routeConsole(request: Request, url: URL, requestId: string): Promise<Response> {
    const reads = isRead(request);
    if (!reads && url.pathname === "/") return notAllowed("GET, HEAD", requestId);
    return (reads ? await consoleResponse(request, url.pathname) : null) ??
      errorResponse(404, "NOT_FOUND", `There is nothing at ${url.pathname.slice(0, 100)}`, { requestId });
  }

  /** A probe is answered while the engine is busy, too. */
  function ready(): Response {
    const status = gateway.engineStatus();
    const device = status.state === "READY" ? status.device : null;
    const isReady = device !== null && !options.stopping.aborted;
    return probed(isReady ? 200 : 503, {
      ready: isReady,
      device: device?.adapter ?? null,
      engine: status.state,
    });
  }

  async function routeGraphQL(request: Request, url: URL, requestId: string): Promise<Response> {
    if (request.method !== "GET" && request.method !== "POST") return notAllowed("GET, POST", requestId);
    const upgrades = request.headers.get("upgrade")?.toLowerCase() === "websocket";
    // A page that is opened or reloaded, with or without a query in its address; fetch() never asks for HTML.
    if (request.method === "GET" && !upgrades && request.headers.get("accept")?.includes("text/html")) {
      const page = await explorerResponse(request);
      if (page !== null) return page;
    }
    const executes = request.method === "POST" || upgrades || url.searchParams.size > 0;
    if (executes && isForeign(request, url)) return refusal(url, foreign(request), requestId);
    // Its key comes with its first message.
    if (upgrades && request.method === "GET") return options.sockets.upgrade(request, requestId);
    const principal = await admit(request, requestId);
    if (principal instanceof Response) return principal;
    const limited = contexts.charge(principal);
    if (limited !== null) return rateLimitedResponse(limited, requestId);
    const context = contexts.make({ principal, requestId, signal: request.signal });
    const response = await graphql.fetch(request, context);
    if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
      // Proxies must not hold events back.
      response.headers.set("x-accel-buffering", "no");
    }
    return response;
  }

  async function routeStream(request: Request, url: URL, requestId: string): Promise<Response> {
    const methods = ["GET", "POST", "PUT", "DELETE"];
    if (!methods.includes(request.method)) return notAllowed(methods.join(", "), requestId);
    if (isForeign(request, url)) return refusal(url, foreign(request), requestId);
    const principal = await admit(request, requestId);
    if (principal instanceof Response) return principal;
    return await options.streams.handle(request, url, { principal, requestId });
  }

  /** For clients that speak the OpenAI API; refusals have its shape, too. */
  async function routeOpenAi(request: Request, url: URL, requestId: string): Promise<Response> {
    const refuse = (code: string, message: string) =>
      openAiErrorResponse({ code, message, details: {} }, requestId);
    if (isForeign(request, url)) return refusal(url, foreign(request), requestId);
    if (request.method === "POST" && !JSON_TYPE.test(request.headers.get("content-type") ?? "")) {
      return refuse("INVALID_REQUEST", "Expected the content type application/json");
    }
    // These clients cannot go without a key, so people who need none make one up.
    const given = request.headers.get("authorization");
    const principal = await contexts.authenticate(given) ??
      (LOOKS_LIKE_A_KEY.test(given ?? "") ? null : await contexts.authenticate(null));
    if (principal === null) {
      return refuse("UNAUTHENTICATED", 'Expected a valid key: "Authorization: Bearer gsk_…"');
    }
    const limited = contexts.charge(principal);
    if (limited !== null) return openAiErrorResponse(limited, requestId);
    const context = contexts.make({ principal, requestId, signal: request.signal });
    return await openAiResponse(request, url, context);
  }

  /** For whoever may ask anything at all: a scraper has a viewer's key, or sits on this machine. */
  async function routeMetrics(request: Request, requestId: string): Promise<Response> {
    if (!isRead(request)) return notAllowed("GET, HEAD", requestId);
    if (await contexts.authenticate(request.headers.get("authorization")) === null) {
      return unauthenticated(requestId);
    }
    const { contentType, text } = await options.metrics.render({
      gateway,
      liveStreams: options.liveStreams(),
    });
    return new Response(text, { headers: { "content-type": contentType, "cache-control": "no-store" } });
  }

  /** Whether a page sends this that nobody has let in. */
  function isForeign(request: Request, url: URL): boolean {
    return isCrossOrigin(request, url) && !cors.allows(request);
  }

  /** The caller, or why there is none. */
  async function admit(request: Request, requestId: string): Promise<Principal | Response> {
    // Only this type makes a browser ask before it sends a request for another site.
    if (request.method === "POST" && !JSON_TYPE.test(request.headers.get("content-type") ?? "")) {
      return errorResponse(415, "UNSUPPORTED_MEDIA_TYPE", "Expected the content type application/json", {
        requestId,
      });
    }
    const principal = await contexts.authenticate(request.headers.get("authorization"));
    return principal ?? unauthenticated(requestId);
  }

  return async (request) => {
    const started = performance.now();
    const given = request.headers.get("x-request-id");
    const requestId = given !== null && REQUEST_ID.test(given) ? given : crypto.randomUUID();
    // The runtime puts the header `Host` into it as it came.
    const url = URL.parse(request.url);
    if (url === null) {
      const headers = { "x-request-id": requestId };
      return errorResponse(400, "BAD_REQUEST", "Expected a host in the header Host", { requestId, headers });
    }
    const response = await route(request, url, requestId).catch((error: unknown) => {
      if (error instanceof CapacityError) return unable(url, error, requestId);
      logUnexpected(log, "unexpected error in a request", error, { requestId });
      return refusal(url, { status: 500, code: "INTERNAL", message: "Internal error" }, requestId);
    });
    // The response to an upgrade is not ours to change.
    if (response.status !== 101) {
      response.headers.set("x-request-id", requestId);
      cors.open(request, response);
    }
    log("debug", "request", {
      requestId,
      method: request.method,
      path: url.pathname,
      status: response.status,
      headersMs: Math.round(performance.now() - started),
    });
    return response;
  };
}

function isRead({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}

/** True at this moment, and of no use to a cache. */
function probed(status: number, body: object): Response {
  return Response.json(body, { status, headers: { "cache-control": "no-store" } });
}

function unauthenticated(requestId: string): Response {
  return errorResponse(401, "UNAUTHENTICATED", 'Expected a valid key: "Authorization: Bearer gsk_…"', {
    requestId,
    headers: { "www-authenticate": "Bearer" },
  });
}

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** In the shape that clients of the path read. */
function refusal(url: URL, { status, code, message }: Refusal, requestId: string): Response {
  return isOpenAi(url)
    ? openAiErrorResponse({ code, message, details: {} }, requestId)
    : errorResponse(status, code, message, { requestId });
}

/** Such as while the database is away that has the keys. */
function unable(url: URL, error: CapacityError, requestId: string): Response {
  return isOpenAi(url)
    ? openAiErrorResponse(toErrorRecord(error), requestId)
    : unableResponse(error, requestId);
}

function isOpenAi(url: URL): boolean {
  return url.pathname.startsWith("/v1/");
}

function misdirected(url: URL): string {
  return `This gateway is bound to loopback and answers to localhost, 127.0.0.1 and [::1], not to the host ` +
    `"${
      url.host.slice(0, MAX_SHOWN)
    }": a reverse proxy must send "Host: localhost", and whoever comes through it ` +
    `needs no key; started with --host 0.0.0.0, it answers to every name and asks for keys`;
}

function foreign(request: Request): Refusal {
  const origin = request.headers.get("origin") ?? "";
  // Only what the option would take is repeated.
  const remedy = origin.length <= MAX_SHOWN && isOrigin(origin) ? `; --cors ${origin} lets them in` : "";
  const message = `Requests from pages of another origin are refused${remedy}`;
  return { status: 403, code: "FORBIDDEN", message };
}

function notAllowed(allow: string, requestId: string): Response {
  return errorResponse(405, "METHOD_NOT_ALLOWED", `Expected one of the methods ${allow}`, {
    requestId,
    headers: { allow },
  });
}
