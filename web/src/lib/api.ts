/**
 * The conversation with the gateway: queries and mutations over POST. Owns the key of this tab and what is known about
 * the connection. Nothing leaves the origin.
 */
import { signal } from "@preact/signals";
import type { Operation } from "./operation.ts";

export const ENDPOINT = "/graphql";
const KEY_ITEM = "geodesic.key";
/** What this tab keeps of what it has seen. */
const SEEN = /^geodesic\.(run|explorer)\./;
/** A query that is not answered by then never will be: the connection has died while nobody looked. */
const MAX_QUERY_MS = 60_000;
/** What a header can carry. */
const HEADER_TEXT = /^[\x21-\x7e]+$/;

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

/** What was seen with the key before goes with it. */
export function useKey(key: string | null): void {
  for (const name of Object.keys(sessionStorage)) if (SEEN.test(name)) sessionStorage.removeItem(name);
  if (key === null) sessionStorage.removeItem(KEY_ITEM);
  else sessionStorage.setItem(KEY_ITEM, key);
  apiKey.value = key;
  keyProblem.value = null;
}

/** What the gateway knows the operation by; it has the text. */
export function payload(operation: Operation<unknown, never>, variables: unknown): Record<string, unknown> {
  return { documentId: operation.sha256, operationName: operation.name, variables };
}

export function headers(key = apiKey.value): Record<string, string> {
  return key === null ? {} : { authorization: `Bearer ${key}` };
}

/** Throws ApiError: `OFFLINE` where there is no answer, else what the gateway says. */
export async function request<Result, Variables>(
  operation: Operation<Result, Variables>,
  variables: Variables,
  signal?: AbortSignal,
  key = apiKey.value,
): Promise<Result> {
  if (key !== null && !HEADER_TEXT.test(key)) throw unauthenticated(key);
  const ends = [
    ...signal === undefined ? [] : [signal],
    ...operation.kind === "query" ? [AbortSignal.timeout(MAX_QUERY_MS)] : [],
  ];
  const response = await fetch(ENDPOINT, {
    method: "POST",
    headers: { ...headers(key), "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(payload(operation, variables)),
    signal: AbortSignal.any(ends),
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw offline();
  });
  isOffline.value = false;
  const body = await response.json().catch((error: unknown) => {
    if (signal?.aborted) throw error;
    if (ends.some(({ aborted }) => aborted)) throw offline();
    throw new ApiError("BAD_ANSWER", `The gateway answered ${response.status} without JSON`);
  });
  if (response.status === 401) throw unauthenticated(key);
  return unwrap<Result>(body);
}

/** The data of a result; throws its first error as ApiError. */
export function unwrap<Result>(body: { readonly data?: unknown; readonly errors?: unknown }): Result {
  const error = Array.isArray(body.errors) ? body.errors[0] : undefined;
  if (error !== undefined) {
    // A key can end while a stream is open.
    if (error.extensions?.code === "UNAUTHENTICATED") throw unauthenticated();
    throw new ApiError(String(error.extensions?.code ?? "UNKNOWN"), String(error.message));
  }
  return body.data as Result;
}

/** A key that is only tried is nobody's problem but its own. */
export function unauthenticated(key = apiKey.value): ApiError {
  if (key === apiKey.value) keyProblem.value = key === null ? "missing" : "rejected";
  return new ApiError("UNAUTHENTICATED", "This gateway needs a key that it knows");
}

export function offline(): ApiError {
  isOffline.value = true;
  return new ApiError("OFFLINE", "The gateway does not answer");
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
