/**
 * GraphQL over WebSocket, by the protocol graphql-transport-ws: the library speaks it, this connects it to Deno's
 * sockets and to the same checks, limits and masking as HTTP. A key comes with `connection_init`; when it ends, so does
 * the socket. Operations end when their client completes them or goes away.
 */
import { type ExecutionArgs, GraphQLError, type GraphQLSchema, parse } from "graphql";
import { type Context, GRAPHQL_TRANSPORT_WS_PROTOCOL, makeServer } from "graphql-ws";
import { type Log, logUnexpected } from "../app/request.ts";
import type { Principal } from "../app/types.ts";
import { CapacityError, ConfigError, type GeodesicError } from "../errors.ts";
import type { Contexts } from "./contexts.ts";
import { type GraphQLHandler, type OperationResult, toWire, toWireError } from "./graphql.ts";
import type { KeyWatch } from "./key_watch.ts";
import { MAX_OPERATION_ID, type ServerLimits } from "./limits.ts";
import { errorResponse } from "./responses.ts";
import { CLOSE, SocketAdapter } from "./socket_adapter.ts";

export interface WebSocketOptions {
  readonly schema: GraphQLSchema;
  readonly graphql: GraphQLHandler;
  readonly contexts: Contexts;
  readonly keys: KeyWatch;
  readonly limits: ServerLimits;
  readonly log: Log;
}

/** One socket, from its upgrade to its end. */
interface Session {
  readonly requestId: string;
  /** Of the upgrade; clients that cannot set it use `connection_init`. */
  readonly authorization: string | null;
  readonly gone: AbortController;
  readonly adapter: SocketAdapter;
  principal: Principal | null;
  keyWatch: Disposable | null;
  operations: number;
}

/** The protocol's server asks what kind of operation it has; ours has been carried out by then, whatever it was. */
const ANY_OPERATION = parse("subscription { event }");

/** A client that sent nothing for so long is asked for a sign of life, and closed without one. */
const IDLE_SECONDS = 30;

export class WebSockets {
  readonly #options: WebSocketOptions;
  readonly #server;
  readonly #sessions = new Set<Session>();
  #onEmpty: (() => void)[] = [];
  #closing = false;

  constructor(options: WebSocketOptions) {
    this.#options = options;
    this.#server = makeServer<Record<string, unknown>, Session>({
      schema: options.schema,
      connectionInitWaitTimeout: options.limits.connectionInitMs,
      onConnect: (context) => this.#connect(context),
      onSubscribe: (context, id, params) => this.#start(context, id, params),
      subscribe: ({ rootValue }) => rootValue as never,
      onNext: (_context, _id, _params, _args, result) => toWire(result),
      onError: (_context, _id, _params, errors) => errors.map((error) => toWireError(error as GraphQLError)),
    });
  }

  get open(): number {
    return this.#sessions.size;
  }

  /** The upgrade, or why there is none, in words. */
  upgrade(request: Request, requestId: string): Response {
    const refuse = (status: number, code: string, message: string, headers = {}) =>
      errorResponse(status, code, message, { requestId, headers });
    if (request.headers.get("sec-websocket-version") !== "13") {
      return refuse(426, "UPGRADE_REQUIRED", "Expected version 13 of the WebSocket protocol", {
        upgrade: "websocket",
        "sec-websocket-version": "13",
      });
    }
    const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(",")
      .map((name) => name.trim()).filter((name) => name !== "");
    const connection = (request.headers.get("connection") ?? "").toLowerCase().split(",")
      .map((option) => option.trim());
    if (
      !connection.includes("upgrade") || offered.length === 0 || !request.headers.has("sec-websocket-key")
    ) {
      const message = `Expected a WebSocket with the subprotocol ${GRAPHQL_TRANSPORT_WS_PROTOCOL}`;
      return refuse(400, "BAD_REQUEST", message);
    }
    if (this.#closing || this.#sessions.size >= this.#options.limits.sockets) {
      return refuse(503, "CAPACITY", "Cannot open another WebSocket now", { "retry-after": "1" });
    }
    // A client of another protocol is told so by the close code, which is all that a page can see.
    const protocol = offered.find((name) => name === GRAPHQL_TRANSPORT_WS_PROTOCOL) ?? offered[0]!;
    const authorization = request.headers.get("authorization");
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol, idleTimeout: IDLE_SECONDS });
    this.#serve(socket, protocol, { requestId, authorization });
    return response;
  }

  /** Closes every socket with 1001; resolves when they are gone. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const { adapter } of this.#sessions) adapter.close(CLOSE.goingAway, "The gateway is stopping");
    if (this.#sessions.size > 0) await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
  }

  #serve(
    socket: WebSocket,
    protocol: string,
    known: Pick<Session, "requestId" | "authorization">,
  ): void {
    const { limits, log } = this.#options;
    const reportError = (error: unknown) =>
      logUnexpected(log, "unexpected error on a WebSocket", error, { requestId: known.requestId });
    // Deno's own `protocol` is empty on the server's side.
    const adapter = new SocketAdapter(socket, protocol, { limits, reportError });
    const session: Session = {
      ...known,
      ...{ gone: new AbortController(), adapter, principal: null, keyWatch: null, operations: 0 },
    };
    this.#sessions.add(session);
    let closed: ((code: number, reason: string) => Promise<void>) | undefined;
    // An error comes before the close, and says no more than that.
    socket.onerror = () => {};
    socket.onopen = () => {
      closed = this.#server.opened(adapter, session);
      if (this.#closing) adapter.close(CLOSE.goingAway, "The gateway is stopping");
    };
    socket.onclose = ({ code, reason }) => {
      session.keyWatch?.[Symbol.dispose]();
      session.gone.abort();
      adapter.ended();
      closed?.(code, reason).catch(reportError);
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#onEmpty.splice(0).forEach((resolve) => resolve());
      log("debug", "socket closed", { requestId: session.requestId, code });
    };
  }

  /** False closes with 4403 what is not closed yet. */
  async #connect(
    { extra: session, connectionParams }: Context<Record<string, unknown>, Session>,
  ): Promise<boolean> {
    const { contexts, keys } = this.#options;
    let principal: Principal | null;
    try {
      principal = await contexts.authenticate(keyOf(connectionParams) ?? session.authorization);
    } catch (error) {
      if (!(error instanceof CapacityError)) throw error;
      session.adapter.close(CLOSE.tryLater, error.message); // such as while the database is away
      return false;
    }
    if (principal === null) return false;
    // It may have closed meanwhile; nobody would end the watch then.
    if (session.gone.signal.aborted) return true;
    const { socketsPerPrincipal } = this.#options.limits;
    const own = [...this.#sessions].filter((other) => other.principal?.id === principal.id).length;
    if (own >= socketsPerPrincipal) {
      session.adapter.close(CLOSE.tryLater, `You have ${own} WebSockets open, which is the limit`);
      return false;
    }
    session.principal = principal;
    session.keyWatch = keys.watch(principal, ({ message }) => session.adapter.close(4403, message));
    return true;
  }

  /** Carries the operation out; what came of it goes to the client through the protocol's server. */
  async #start(
    { extra: session, subscriptions }: Context<Record<string, unknown>, Session>,
    id: string,
    params: unknown,
  ): Promise<ExecutionArgs | readonly GraphQLError[]> {
    const { contexts, graphql, limits, schema } = this.#options;
    const { principal, gone } = session;
    if (principal === null) throw new Error("A socket without a principal was acknowledged");
    // It comes with every event.
    if (id.length > MAX_OPERATION_ID) return [toError(idTooLong())];
    // The one that begins is among them.
    if (Object.keys(subscriptions).length > limits.operationsPerConnection) {
      return [toError(tooManyOperations(limits.operationsPerConnection))];
    }
    const limited = contexts.charge(principal);
    if (limited !== null) return [toError(limited)];
    const requestId = `${session.requestId}.${++session.operations}`;
    const result: OperationResult = await graphql.run(
      params,
      contexts.make({ principal, requestId, signal: gone.signal }),
    );
    if ("errors" in result && result.errors !== undefined && result.data === undefined) return result.errors;
    return { schema, document: ANY_OPERATION, rootValue: result };
  }
}

/** As `authorization`, with or without its scheme, or as `apiKey`. */
function keyOf(params: Readonly<Record<string, unknown>> | undefined): string | null {
  const given = params?.["authorization"] ?? params?.["Authorization"] ?? params?.["apiKey"];
  if (given === undefined || given === null) return null;
  // What is no text is no key, and not the absence of one either.
  const text = typeof given === "string" ? given.trim() : "";
  return /^bearer /i.test(text) ? text : `Bearer ${text}`;
}

function idTooLong(): ConfigError {
  return new ConfigError(`Expected an id of at most ${MAX_OPERATION_ID} characters`, { field: "id" });
}

/** For an operation beyond those that one connection may have under way. */
export function tooManyOperations(limit: number): CapacityError {
  return new CapacityError(`Cannot start another operation on this connection: ${limit} are under way`, {
    limit,
  });
}

export function toError({ message, code, details }: GeodesicError): GraphQLError {
  return new GraphQLError(message, { extensions: { code, details } });
}
