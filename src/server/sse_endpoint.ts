/**
 * The single connection mode of GraphQL over SSE: a client reserves an event stream (PUT), opens it (GET), and sends
 * operations (POST) whose results arrive on it; DELETE ends one. A reservation belongs to the caller who made it, and
 * is gone when nobody opens it, when its stream ends, or when its caller's key does. For pages over HTTP/1.1, where a
 * browser opens six connections.
 */
import { randomBytes } from "node:crypto";
import { type Log, logUnexpected } from "../app/request.ts";
import type { Principal } from "../app/types.ts";
import { CapacityError, ConfigError, NotFoundError } from "../errors.ts";
import type { Contexts } from "./contexts.ts";
import { type GraphQLHandler, MAX_BODY_BYTES, refusalOf, toWireError } from "./graphql.ts";
import type { KeyWatch } from "./key_watch.ts";
import { MAX_OPERATION_ID, type ServerLimits } from "./limits.ts";
import { readJson } from "./request_body.ts";
import { errorResponse, eventStreamHeaders, rateLimitedResponse } from "./responses.ts";
import { SseConnection } from "./sse_connection.ts";
import { tooManyOperations } from "./websocket.ts";

export const STREAM_PATH = "/graphql/stream";
const TOKEN_HEADER = "x-graphql-event-stream-token";
const TOKEN_BYTES = 24;

export interface SseEndpointOptions {
  readonly graphql: GraphQLHandler;
  readonly contexts: Contexts;
  readonly keys: KeyWatch;
  readonly limits: ServerLimits;
  readonly log: Log;
}

interface Reservation {
  readonly principalId: string;
  readonly connection: SseConnection;
  isOpen: boolean;
  expiry: ReturnType<typeof setTimeout> | undefined;
}

interface Caller {
  readonly principal: Principal;
  readonly requestId: string;
}

type Refuse = (status: number, code: string, message: string) => Response;

export class SseEndpoint {
  readonly #options: SseEndpointOptions;
  readonly #reservations = new Map<string, Reservation>();

  constructor(options: SseEndpointOptions) {
    this.#options = options;
  }

  /** Reserved or open. */
  get connections(): number {
    return this.#reservations.size;
  }

  async handle(request: Request, url: URL, caller: Caller): Promise<Response> {
    const refuse: Refuse = (status, code, message) =>
      errorResponse(status, code, message, { requestId: caller.requestId });
    if (request.method === "PUT") return this.#reserve(caller, refuse);
    const token = request.headers.get(TOKEN_HEADER) ?? url.searchParams.get("token") ?? "";
    const reservation = this.#reservations.get(token);
    if (reservation === undefined || reservation.principalId !== caller.principal.id) {
      return refuse(404, "NOT_FOUND", "There is no such event stream: reserve one with PUT");
    }
    switch (request.method) {
      case "GET":
        return this.#open(reservation, refuse);
      case "POST":
        return await this.#execute(request, reservation, caller, refuse);
      default: {
        const id = url.searchParams.get("operationId");
        if (id === null) return refuse(400, "BAD_REQUEST", "Expected the parameter operationId");
        // Idempotent: an operation that has ended by itself is one that is not there.
        reservation.connection.stop(id);
        return new Response(null, { status: 200 });
      }
    }
  }

  /** Ends every stream; what was sent to it is still delivered. */
  async close(): Promise<void> {
    await Promise.all([...this.#reservations.values()].map(end));
  }

  #reserve({ principal }: Caller, refuse: Refuse): Response {
    const { keys, limits } = this.#options;
    const all = [...this.#reservations.values()];
    const own = all.filter(({ principalId }) => principalId === principal.id).length;
    if (own >= limits.connectionsPerPrincipal || all.length >= limits.streams) {
      return refuse(429, "CAPACITY", `Cannot reserve another event stream: ${own} of yours are there`);
    }
    const token = randomBytes(TOKEN_BYTES).toString("hex");
    const connection = new SseConnection(() => {
      clearTimeout(reservation.expiry);
      keyWatch[Symbol.dispose]();
      this.#reservations.delete(token);
    });
    const reservation: Reservation = {
      principalId: principal.id,
      connection,
      isOpen: false,
      expiry: setTimeout(() => void end(reservation), limits.reservationMs),
    };
    this.#reservations.set(token, reservation);
    // Its operations are told why by themselves.
    const keyWatch = keys.watch(principal, () => void end(reservation));
    return new Response(token, { status: 201, headers: { "content-type": "text/plain; charset=utf-8" } });
  }

  #open(reservation: Reservation, refuse: Refuse): Response {
    if (reservation.isOpen) return refuse(409, "CONFLICT", "This event stream is open already");
    reservation.isOpen = true;
    clearTimeout(reservation.expiry);
    reservation.connection.open();
    return new Response(reservation.connection.body, { headers: eventStreamHeaders });
  }

  async #execute(
    request: Request,
    { connection }: Reservation,
    { principal, requestId }: Caller,
    refuse: Refuse,
  ): Promise<Response> {
    const { graphql, contexts, limits } = this.#options;
    const limited = contexts.charge(principal);
    if (limited !== null) return rateLimitedResponse(limited, requestId);
    try {
      const body = await readJson(request, MAX_BODY_BYTES);
      const id = operationIdOf(body);
      if (id === null) {
        return refuse(400, "BAD_REQUEST", "Expected extensions.operationId, a text of 1 to 200 characters");
      }
      if (connection.has(id)) return refuse(409, "CONFLICT", "An operation of this id is under way");
      if (connection.operations >= limits.operationsPerConnection) {
        const { code, message } = tooManyOperations(limits.operationsPerConnection);
        return refuse(429, code, message);
      }
      const result = await connection.start(
        id,
        (signal) => graphql.run(body, contexts.make({ principal, requestId, signal })),
        (result) => refusalOf(result) === null,
      );
      const refusal = refusalOf(result);
      if (refusal === null) return new Response(null, { status: 202 });
      return Response.json({ errors: refusal.errors.map(toWireError) }, { status: refusal.status });
    } catch (error) {
      if (error instanceof CapacityError) return refuse(413, "REQUEST_ENTITY_TOO_LARGE", error.message);
      if (error instanceof ConfigError) return refuse(400, "BAD_REQUEST", error.message);
      if (error instanceof NotFoundError) return refuse(404, error.code, error.message);
      logUnexpected(this.#options.log, "unexpected error on an event stream", error, { requestId });
      return refuse(500, "INTERNAL", "Internal error");
    }
  }
}

/** Never rejects. Of a stream that nobody reads, what waits to be written waits for nothing. */
function end({ connection, isOpen }: Reservation): Promise<void> {
  return isOpen ? connection.end() : connection.body.cancel().catch(() => {});
}

function operationIdOf(body: unknown): string | null {
  const id = (body as { extensions?: { operationId?: unknown } | null } | null)?.extensions?.operationId;
  return typeof id === "string" && id.length >= 1 && id.length <= MAX_OPERATION_ID ? id : null;
}
