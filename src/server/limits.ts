/** What one server gives away: streams, sockets, operations, bytes. Everything a client can open is counted. */

/** Characters of the name that a client gives to an operation on a connection that carries several. */
export const MAX_OPERATION_ID = 200;

export interface ServerLimits {
  /** Open subscriptions, over all transports. */
  readonly streams: number;
  readonly streamsPerPrincipal: number;
  /** Open WebSockets. */
  readonly sockets: number;
  /** Of those, acknowledged ones of one caller. */
  readonly socketsPerPrincipal: number;
  /** Operations under way on one socket, or on one SSE connection that carries several. */
  readonly operationsPerConnection: number;
  /**
   * Of one message that a client sends over a socket. The runtime itself accepts frames up to 64 MiB, and gathers the
   * frames of one message without a bound before it hands over any.
   */
  readonly messageBytes: number;
  /** How long a socket may stay open without `connection_init`. */
  readonly connectionInitMs: number;
  /** Messages of one socket that are being answered, on top of its operations. */
  readonly messagesAtOnce: number;
  /** SSE connections that carry several operations, reserved or open. */
  readonly connectionsPerPrincipal: number;
  /** How long a reserved SSE connection waits to be opened. */
  readonly reservationMs: number;
  readonly rate: RateLimit;
}

/** A token bucket: `burst` operations at once, and `perSecond` in the long run. */
export interface RateLimit {
  readonly burst: number;
  readonly perSecond: number;
}

export const DEFAULT_LIMITS: ServerLimits = Object.freeze({
  streams: 1_000,
  streamsPerPrincipal: 500,
  sockets: 1_000,
  socketsPerPrincipal: 500,
  operationsPerConnection: 50,
  messageBytes: 1_000_000,
  connectionInitMs: 3_000,
  messagesAtOnce: 100,
  connectionsPerPrincipal: 100,
  reservationMs: 30_000,
  rate: Object.freeze({ burst: 1_000, perSecond: 200 }),
});
