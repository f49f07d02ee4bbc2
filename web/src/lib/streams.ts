/**
 * Subscriptions. All of a tab share one WebSocket, for a browser has but six connections to a host over HTTP/1.1, and
 * tabs that fill them with streams would leave no room for what stops these. Where a proxy lets no WebSocket through,
 * every stream is a Server-Sent Events connection of its own.
 */
import { createClient as createEventsClient } from "graphql-sse";
import { createClient as createSocketClient } from "graphql-ws/client";
import {
  ApiError,
  apiKey,
  ENDPOINT,
  headers,
  isOffline,
  offline,
  payload,
  unauthenticated,
  unwrap,
} from "./api.ts";
import type { Operation } from "./operation.ts";

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 10_000;
/** After so much silence the gateway is asked whether it is there, and given as long to answer. */
const SILENCE_MS = 20_000;
/** A socket that nobody needs any more is kept for the next page. */
const LINGER_MS = 5_000;
/** Sockets that never opened, one after another, while the gateway answers otherwise. */
const HOPELESS = 3;
/** Closed for a key that is wrong, or has ended. */
const FORBIDDEN = 4403;
/** Refusals that pass. */
const PASSING = /^(OFFLINE|CAPACITY|RATE_LIMITED)$/;
const LAST = /(Finished|Failed|Cancelled)$/;

interface Client {
  iterate(request: never): AsyncIterableIterator<unknown>;
  dispose(): void | Promise<void>;
}

let current: { readonly key: string | null; readonly client: Client } | null = null;
let unopened = 0;

/** With the tab's key as it is now; streams that were opened with another one end. */
function connection(): NonNullable<typeof current> {
  const key = apiKey.value;
  if (current?.key === key) return current;
  void current?.client.dispose();
  current = { key, client: unopened >= HOPELESS ? eventsClient(key) : socketClient(key) };
  return current;
}

function eventsClient(key: string | null): Client {
  return createEventsClient({ url: ENDPOINT, headers: headers(key), retryAttempts: 0 });
}

function socketClient(key: string | null): Client {
  let socket: WebSocket | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;
  return createSocketClient({
    url: new URL(ENDPOINT, globalThis.location.href.replace(/^http/, "ws")).href,
    connectionParams: key === null ? {} : { apiKey: key },
    retryAttempts: 0,
    lazyCloseTimeout: LINGER_MS,
    keepAlive: SILENCE_MS,
    on: {
      opened: (opened) => void (socket = opened as WebSocket),
      connected: () => void (unopened = 0),
      ping: (isTheirs) => {
        if (!isTheirs) silence = setTimeout(() => socket?.close(4408, "No answer"), SILENCE_MS);
      },
      pong: (isTheirs) => {
        if (isTheirs) clearTimeout(silence);
      },
      closed: () => {
        clearTimeout(silence);
        if (socket === undefined) void sayUnopened();
        socket = undefined;
      },
    },
  });
}

/** Counts it only against proxies: a gateway that is away opens no sockets either. */
async function sayUnopened(): Promise<void> {
  const isThere = await fetch("/livez").then(({ ok }) => ok, () => false);
  if (!isThere || ++unopened < HOPELESS) return;
  void current?.client.dispose();
  current = null;
}

/** Results of a subscription until it completes. Ends with the signal. Throws ApiError. */
export async function* stream<Result, Variables>(
  operation: Operation<Result, Variables>,
  variables: Variables,
  signal: AbortSignal,
): AsyncGenerator<Result> {
  if (signal.aborted) return;
  const { key, client } = connection();
  // The protocol wants a text; the gateway has that of the id.
  const results = client.iterate({ query: "", ...payload(operation, variables) } as never);
  const stop = () => void results.return?.();
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const result of results) {
      isOffline.value = false;
      yield unwrap<Result>(result as never);
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    // An operation that was refused as such.
    if (Array.isArray(error)) unwrap({ errors: error });
    const { code, response } = error as { readonly code?: unknown; readonly response?: Response };
    if (code === FORBIDDEN || response?.status === 401) throw unauthenticated(key);
    if (response !== undefined && response.status >= 400 && response.status < 500) {
      throw new ApiError(
        response.status === 429 ? "RATE_LIMITED" : "REFUSED",
        `The gateway refused the stream (${response.status})`,
      );
    }
    throw offline();
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

interface Event {
  readonly seq: number;
  readonly __typename: string;
}

/**
 * Follows a log of events from a cursor to its last event, over as many connections as it takes: every one continues
 * behind the last event that came. Resolves after the last event, or with the signal; throws ApiError where the gateway
 * refuses.
 */
export async function follow<Result extends object, E extends Event>(
  operation: Operation<Result, { id: string; afterSeq: number }>,
  from: { readonly id: string; readonly afterSeq: number },
  options: { readonly onEvent: (event: E) => void; readonly signal: AbortSignal },
): Promise<void> {
  let afterSeq = from.afterSeq;
  for (let delay = FIRST_RETRY_MS;; delay = Math.min(delay * 2, MAX_RETRY_MS)) {
    try {
      for await (const result of stream(operation, { id: from.id, afterSeq }, options.signal)) {
        const event = Object.values(result)[0] as E;
        delay = FIRST_RETRY_MS;
        if (event.seq <= afterSeq) continue;
        afterSeq = event.seq;
        options.onEvent(event);
        if (LAST.test(event.__typename)) return;
      }
    } catch (error) {
      if (options.signal.aborted) return;
      if (!(error instanceof ApiError) || !PASSING.test(error.code)) throw error;
    }
    await pause(delay, options.signal);
    if (options.signal.aborted) return;
  }
}

/**
 * Calls `onEvent` for every result of a subscription that begins with how things are, over as many connections as it
 * takes, until the signal. Never rejects.
 */
export async function listen<Result, Variables>(
  operation: Operation<Result, Variables>,
  variables: Variables,
  options: { readonly onEvent: (result: Result) => void; readonly signal: AbortSignal },
): Promise<void> {
  const { onEvent, signal } = options;
  for (let delay = FIRST_RETRY_MS; !signal.aborted; delay = Math.min(delay * 2, MAX_RETRY_MS)) {
    try {
      for await (const result of stream(operation, variables, signal)) {
        delay = FIRST_RETRY_MS;
        onEvent(result);
      }
    } catch {
      // What the page shows has its own way to say that the gateway is away.
    }
    await pause(delay, signal);
  }
}

/** Shorter where the network comes back, or nobody waits any more. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const wake = () => resolve();
  addEventListener("online", wake);
  signal.addEventListener("abort", wake);
  return promise.finally(() => {
    clearTimeout(timer);
    removeEventListener("online", wake);
    signal.removeEventListener("abort", wake);
  });
}
