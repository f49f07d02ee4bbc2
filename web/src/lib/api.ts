/**
 * The conversation with the gateway: queries and mutations over POST, streams over Server-Sent Events. Owns the key of
 * this tab and what is known about the connection. Nothing leaves the origin.
 */
import { signal } from "@preact/signals";
import { createClient } from "graphql-sse";
import type { Operation } from "./operation.ts";

const ENDPOINT = "/graphql";
const KEY_ITEM = "geodesic.key";
const MAX_RETRY_MS = 10_000;

/** A refusal by the gateway, or the lack of an answer. */
export class ApiError extends Error {
  constructor(readonly code: string, message: string) {
    super(message);
  }
}

/** Of this tab alone: it is gone when the tab is. */
export const apiKey = signal<string | null>(sessionStorage.getItem(KEY_ITEM));
/** The gateway lets nobody in without a key, or not with this one. */
export const keyProblem = signal<"missing" | "rejected" | null>(null);
/** The last request had no answer. */
export const isOffline = signal(false);

export function useKey(key: string | null): void {
  if (key === null) sessionStorage.removeItem(KEY_ITEM);
  else sessionStorage.setItem(KEY_ITEM, key);
  apiKey.value = key;
  keyProblem.value = null;
}

/** What the gateway knows the operation by; it has the text. */
export function payload(operation: Operation<unknown, never>, variables: unknown): Record<string, unknown> {
  return { documentId: operation.sha256, operationName: operation.name, variables };
}

function headers(key = apiKey.value): Record<string, string> {
  return key === null ? {} : { authorization: `Bearer ${key}` };
}

/** Throws ApiError: `OFFLINE` where there is no answer, else what the gateway says. */
export async function request<Result, Variables>(
  operation: Operation<Result, Variables>,
  variables: Variables,
  signal?: AbortSignal,
  key = apiKey.value,
): Promise<Result> {
  const response = await fetch(ENDPOINT, {
    method: "POST",
    headers: { ...headers(key), "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(payload(operation, variables)),
    signal: signal ?? null,
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw offline();
  });
  isOffline.value = false;
  const body = await response.json().catch(() => {
    throw new ApiError("BAD_ANSWER", `The gateway answered ${response.status} without JSON`);
  });
  if (response.status === 401) throw unauthenticated(key);
  return unwrap<Result>(body);
}

function unwrap<Result>(body: { data?: unknown; errors?: unknown }): Result {
  const error = Array.isArray(body.errors) ? body.errors[0] : undefined;
  if (error !== undefined) {
    throw new ApiError(String(error.extensions?.code ?? "UNKNOWN"), String(error.message));
  }
  return body.data as Result;
}

/** A key that is only tried is nobody's problem but its own. */
function unauthenticated(key = apiKey.value): ApiError {
  if (key === apiKey.value) keyProblem.value = key === null ? "missing" : "rejected";
  return new ApiError("UNAUTHENTICATED", "This gateway needs a key that it knows");
}

function offline(): ApiError {
  isOffline.value = true;
  return new ApiError("OFFLINE", "The gateway does not answer");
}

interface Event {
  readonly seq: number;
  readonly __typename: string;
}

const LAST = /(Finished|Failed|Cancelled)$/;

/**
 * Follows a log of events from a cursor to its last event, over as many connections as it takes: every one continues
 * behind the last event that came. Resolves after the last event; throws ApiError where the gateway refuses.
 */
export async function follow<Result extends object, E extends Event>(
  operation: Operation<Result, { id: string; afterSeq: number }>,
  from: { readonly id: string; readonly afterSeq: number },
  options: { readonly onEvent: (event: E) => void; readonly signal: AbortSignal },
): Promise<void> {
  let afterSeq = from.afterSeq;
  for (let delay = 500;; delay = Math.min(delay * 2, MAX_RETRY_MS)) {
    try {
      for await (const result of stream(operation, { id: from.id, afterSeq }, options.signal)) {
        const event = Object.values(result)[0] as E;
        isOffline.value = false;
        delay = 500;
        if (event.seq <= afterSeq) continue;
        afterSeq = event.seq;
        options.onEvent(event);
        if (LAST.test(event.__typename)) return;
      }
    } catch (error) {
      if (options.signal.aborted) return;
      if (!(error instanceof ApiError) || error.code !== "OFFLINE") throw error;
    }
    if (options.signal.aborted) return;
    await new Promise((resolve) => setTimeout(resolve, delay));
  }
}

/** Results of a subscription until it completes. Ends with the signal. */
export async function* stream<Result, Variables>(
  operation: Operation<Result, Variables>,
  variables: Variables,
  signal: AbortSignal,
): AsyncGenerator<Result> {
  const client = createClient({ url: ENDPOINT, headers: () => headers(), retryAttempts: 0 });
  const results = client.iterate(payload(operation, variables) as never);
  const stop = () => client.dispose();
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const result of results) yield unwrap<Result>(result as never);
  } catch (error) {
    if (error instanceof ApiError || signal.aborted) throw error;
    const status = (error as { response?: { status?: number } }).response?.status;
    if (status === 401) throw unauthenticated();
    if (status !== undefined && status >= 400 && status < 500) {
      throw new ApiError("REFUSED", `The gateway refused the stream (${status})`);
    }
    throw offline();
  } finally {
    signal.removeEventListener("abort", stop);
    client.dispose();
  }
}

/** The payload of a mutation, or its typed error as ApiError. */
export function accepted<T extends { readonly __typename: string }>(
  result: T,
): Exclude<T, { readonly code: string }> {
  if ("code" in result) {
    const { code, message } = result as unknown as { code: string; message: string };
    throw new ApiError(code, message);
  }
  return result as Exclude<T, { readonly code: string }>;
}
