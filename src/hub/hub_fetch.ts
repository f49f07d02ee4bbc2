/**
 * Requests to a model hub. The hub and whatever it redirects to are strangers: only http and https are followed, a few
 * steps, never from https down to http; the token goes to the hub's own origin and nowhere else; who does not answer is
 * given up. What the hub refuses comes back as a typed error that says what to do.
 */
import {
  CapacityError,
  ForbiddenError,
  type GeodesicError,
  NotFoundError,
  UnavailableError,
} from "../errors.ts";
import { readBounded, TooSlow } from "./body.ts";
import type { Hub } from "./hub.ts";
import { StallWatch } from "./stall_watch.ts";

export interface HubRequest {
  /** For messages: the repository, and the file where it is about one. */
  readonly repository: string;
  readonly file?: string;
  readonly revision?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export const DEFAULT_ENDPOINT = "https://huggingface.co";
const DEFAULT_PAUSE_MS = 1_000;
const MAX_REDIRECTS = 5;
/** Tries without progress that is worth one. */
const MAX_TRIES = 5;
/** A hub that asks for more patience than this is not waited for. */
const MAX_WAIT_MS = 60_000;
const MAX_ERROR_BYTES = 4096;

/** The answer, with status 2xx or 416. Throws typed errors; its body must be read or cancelled. */
export async function hubFetch(hub: Hub, url: string, request: HubRequest): Promise<Response> {
  let at = new URL(url);
  for (let redirects = 0;; redirects++) {
    const response = await fetchOnce(hub, at, request);
    if (response.status < 300 || response.status === 416) return response;
    const location = response.status < 400 ? response.headers.get("location") : null;
    if (location === null) {
      if (!isHub(hub, at)) throw await behindHub(at, response, request);
      throw await refusal(hub, response, request);
    }
    await response.body?.cancel();
    at = redirectTarget(at, location, request);
    if (redirects === MAX_REDIRECTS) {
      throw new UnavailableError(`${of(request)}: the hub redirects more than ${MAX_REDIRECTS} times`, {
        repository: request.repository,
      });
    }
  }
}

async function fetchOnce(hub: Hub, url: URL, { headers, signal, ...request }: HubRequest): Promise<Response> {
  using stall = new StallWatch(hub, signal);
  try {
    return await fetch(url, {
      redirect: "manual",
      headers: {
        ...headers,
        "user-agent": "geodesic",
        ...(hub.token !== undefined && isHub(hub, url) && { authorization: `Bearer ${hub.token}` }),
      },
      signal: stall.signal,
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw unreachable(url, { ...request, signal }, cause);
  }
}

/** Queries of storage hosts are signatures. */
function withoutQuery({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`.slice(0, 200);
}

function isHub({ endpoint }: Hub, { origin }: URL): boolean {
  return origin === new URL(endpoint).origin;
}

function redirectTarget(from: URL, location: string, request: HubRequest): URL {
  const target = URL.canParse(location, from) ? new URL(location, from) : null;
  const allowed = from.protocol === "https:" ? ["https:"] : ["http:", "https:"];
  if (target !== null && allowed.includes(target.protocol)) return target;
  throw new UnavailableError(
    `${of(request)}: the hub redirects to ${
      target === null ? "what is no address" : JSON.stringify(withoutQuery(target))
    }, expected an address of ${allowed.map((protocol) => protocol.slice(0, -1)).join(" or ")}`,
    { repository: request.repository, ...(target !== null && { location: withoutQuery(target) }) },
  );
}

/**
 * A connection that could not be made, broke, was silent or too slow. Files are asked for when the hub has answered
 * before.
 */
export function unreachable(url: URL, request: HubRequest, cause: unknown): UnavailableError {
  if (cause instanceof TooSlow) return tooSlow(url, request, cause);
  const { repository, file } = request;
  const reason = reasonOf(cause);
  const message = file === undefined
    ? `${of(request)}: cannot reach the hub ${url.host} (${reason}). ` +
      "Check the network, or set HF_ENDPOINT to another hub"
    : `${of(request)}: ${url.host} cannot be reached or has stopped answering (${reason}). ` +
      "What has come is kept: pull again";
  return new UnreachableError(message, { repository, host: url.host }, { cause });
}

class UnreachableError extends UnavailableError {}

function tooSlow({ host }: URL, request: HubRequest, cause: TooSlow): UnavailableError {
  const { bytes, bytesPerSecond, expectedBytesPerSecond } = cause;
  const { repository, file } = request;
  const kept = file === undefined ? "" : ". What has come is kept: pull again";
  return new UnavailableError(
    `${of(request)}: ${host} sends too slowly (${cause.message}, ${
      bytesPerSecond.toFixed(1)
    } a second, expected ` +
      `${expectedBytesPerSecond} at least)${kept}`,
    { repository, ...(file !== undefined && { file }), host, bytes, bytesPerSecond, expectedBytesPerSecond },
    { cause },
  );
}

/** The innermost cause, which says most, without the address that it may name: that can be signed. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && error.cause instanceof Error) return reasonOf(error.cause);
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/ for url \(\S+\)/, "").replace(/https?:\/\/\S+/g, "…").slice(0, 300);
}

/** Tries again what may succeed later, with pauses; `progress` tells whether a try has got anywhere. */
export async function withRetries<T>(
  hub: Hub,
  signal: AbortSignal,
  attempt: (made: { progress: boolean }) => Promise<T>,
): Promise<T> {
  for (let tries = 1;; tries++) {
    const made = { progress: false };
    try {
      return await attempt(made);
    } catch (error) {
      signal.throwIfAborted();
      if (made.progress) tries = 1;
      const waitMs = waitFor(error as GeodesicError, (hub.pauseMs ?? DEFAULT_PAUSE_MS) * 2 ** (tries - 1));
      if (waitMs === null || tries >= MAX_TRIES) throw error;
      if (error instanceof UnreachableError) hub.onUnreachable?.(String(error.details["host"]));
      await pause(waitMs, signal);
    }
  }
}

function waitFor(error: GeodesicError, pauseMs: number): number | null {
  if (!(error instanceof UnavailableError || error instanceof CapacityError)) return null;
  const after = error.details["retryAfterMs"];
  if (typeof after === "number") return after <= MAX_WAIT_MS ? Math.max(after, pauseMs) : null;
  return error instanceof UnavailableError ? pauseMs : null;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal.addEventListener("abort", abort, { once: true });
  });
}

async function refusal(hub: Hub, response: Response, request: HubRequest): Promise<GeodesicError> {
  const told = await readStart(hub, response, request.signal);
  const code = response.headers.get("x-error-code");
  const { status } = response;
  const { repository } = request;
  const details = {
    repository,
    status,
    ...(told !== "" && { told }),
    ...(code !== null && { hubCode: code }),
  };
  const page = `${hub.endpoint}/${repository}`;
  if (code === "GatedRepo" || status === 403) {
    const how = hub.token === undefined
      ? "set HF_TOKEN to a token of an account"
      : "use the token of an account";
    return new ForbiddenError(
      `${of(request)}: access to it is restricted. Ask for access at ${page}, and ${how} that has it`,
      details,
    );
  }
  if (code === "RevisionNotFound") {
    return new NotFoundError(
      `${of(request)}: it has no revision ${JSON.stringify(request.revision ?? "")}`,
      details,
    );
  }
  if (status === 401) {
    return new ForbiddenError(
      hub.token === undefined
        ? `${
          of(request)
        }: it is private or does not exist. If it is yours, set HF_TOKEN; if not, check the name`
        : `${of(request)}: HF_TOKEN is not valid here, or the repository is private or does not exist`,
      details,
    );
  }
  if (status === 404) {
    const what = request.file === undefined ? "no model of this name" : "no such file";
    return new NotFoundError(`${of(request)}: ${hub.endpoint} has ${what}`, details);
  }
  if (status === 429) {
    const retryAfterMs = retryAfter(response) ?? MAX_WAIT_MS;
    const hint = hub.token === undefined ? "; with HF_TOKEN the hub allows more" : "";
    return new CapacityError(
      `${of(request)}: the hub asks to wait ${
        Math.ceil(retryAfterMs / 1000)
      } s before the next request${hint}`,
      { ...details, retryAfterMs },
    );
  }
  const retryAfterMs = retryAfter(response);
  return new UnavailableError(`${of(request)}: the hub answers with status ${status}`, {
    ...details,
    ...(retryAfterMs !== null && { retryAfterMs }),
  });
}

/**
 * What a storage host says is about the address that the hub has made for it, which another try makes anew: neither about
 * the caller's rights nor about what there is.
 */
async function behindHub({ host }: URL, response: Response, request: HubRequest): Promise<GeodesicError> {
  await response.body?.cancel();
  const { status } = response;
  const retryAfterMs = retryAfter(response);
  return new UnavailableError(
    `${of(request)}: the hub sends for it to ${host}, which answers with status ${status}`,
    { repository: request.repository, host, status, ...(retryAfterMs !== null && { retryAfterMs }) },
  );
}

function retryAfter(response: Response): number | null {
  const text = response.headers.get("retry-after");
  if (text === null) return null;
  const ms = /^\d{1,7}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}

/** What the hub says, as far as it fits; who breaks off or falls silent meanwhile has said nothing. */
async function readStart(hub: Hub, response: Response, signal: AbortSignal): Promise<string> {
  try {
    const parts = await readBounded(hub, response, { maxBytes: MAX_ERROR_BYTES, signal });
    const text = await new Blob([...parts]).text();
    // Some proxies show what they were sent.
    return (hub.token === undefined ? text : text.replaceAll(hub.token, "…")).slice(0, 300);
  } catch {
    signal.throwIfAborted();
    return "";
  }
}

function of({ repository, file }: HubRequest): string {
  return file === undefined ? `Cannot pull "${repository}"` : `Cannot pull "${file}" of "${repository}"`;
}
