/** Loading and repeating as hooks. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, apiKey, request } from "./api.ts";
import type { Operation } from "./operation.ts";
import { listen } from "./streams.ts";

export interface Loaded<Result> {
  /** The last answer; stays while another one is on its way, or when that fails. */
  readonly data: Result | undefined;
  readonly error: ApiError | undefined;
  readonly reload: () => void;
}

/**
 * The answer to a query, anew when operation, variables or key change, and every `everyMs` while the page is visible.
 */
export function useQuery<Result, Variables>(
  operation: Operation<Result, Variables>,
  variables: Variables,
  everyMs?: number,
): Loaded<Result> {
  const key = `${operation.sha256} ${JSON.stringify(variables)}`;
  return useLoad(key, (signal) => request(operation, variables, signal), everyMs);
}

/** What `load` gives, anew when `key` or the API key changes; nothing while `key` is null. */
export function useLoad<Result>(
  key: string | null,
  load: (signal: AbortSignal) => Promise<Result>,
  everyMs?: number,
): Loaded<Result> {
  const [state, setState] = useState<{ key: string | null; data?: Result; error?: ApiError }>({ key: null });
  const whole = key === null ? null : `${key} ${apiKey.value}`;
  const [round, setRound] = useState(0);
  const loading = useRef(false);
  const reload = useCallback(() => setRound((value) => value + 1), []);
  useEffect(() => {
    if (whole === null) return;
    const controller = new AbortController();
    loading.current = true;
    load(controller.signal).then(
      (data) => {
        if (!controller.signal.aborted) setState({ key: whole, data });
      },
      (error) => {
        if (controller.signal.aborted) return;
        const known = error instanceof ApiError ? error : new ApiError("UNEXPECTED", String(error));
        setState((before) => ({ ...before.key === whole ? before : {}, key: whole, error: known }));
      },
    ).finally(() => {
      if (!controller.signal.aborted) loading.current = false;
    });
    return () => controller.abort();
  }, [whole, round]);
  // An answer that takes longer than the interval is waited for, not asked for again and again.
  useInterval(() => loading.current || reload(), everyMs);
  const fresh = whole !== null && state.key === whole;
  return { data: fresh ? state.data : undefined, error: fresh ? state.error : undefined, reload };
}

/** Calls `tick` every so often while the page is visible, and when it becomes so. */
export function useInterval(tick: () => void, everyMs: number | undefined): void {
  const latest = useRef(tick);
  latest.current = tick;
  useEffect(() => {
    if (everyMs === undefined) return;
    const run = () => document.visibilityState === "visible" && latest.current();
    const timer = setInterval(run, everyMs);
    document.addEventListener("visibilitychange", run);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", run);
    };
  }, [everyMs]);
}

/** Whether a media query holds now. */
export function useMedia(query: string): boolean {
  const [holds, setHolds] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const listen = () => setHolds(list.matches);
    listen();
    list.addEventListener("change", listen);
    return () => list.removeEventListener("change", listen);
  }, [query]);
  return holds;
}

/** A module that is loaded when it is first shown. Throws where it cannot be, for the page's boundary. */
export function useModule<M>(load: () => Promise<M>): M | undefined {
  const [module, setModule] = useState<{ readonly loaded: M } | { readonly error: unknown }>();
  useEffect(() => {
    let live = true;
    load().then((loaded) => live && setModule({ loaded }), (error) => live && setModule({ error }));
    return () => void (live = false);
  }, []);
  if (module === undefined) return undefined;
  if ("error" in module) throw module.error;
  return module.loaded;
}

/** An act of the user: busy while it runs, and what it failed with. */
export function useAction<A extends unknown[]>(
  act: (...args: A) => Promise<void>,
): { readonly run: (...args: A) => void; readonly busy: boolean; readonly error: ApiError | null } {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const run = (...args: A) => {
    setBusy(true);
    setError(null);
    act(...args).catch((cause) =>
      setError(cause instanceof ApiError ? cause : new ApiError("UNEXPECTED", String(cause)))
    ).finally(() => setBusy(false));
  };
  return { run, busy, error };
}

/**
 * Calls `onEvent` for every result of a subscription that begins with how things are, over as many connections as it
 * takes.
 */
export function useStream<Result, Variables>(
  operation: Operation<Result, Variables>,
  variables: Variables,
  onEvent: (result: Result) => void,
): void {
  const latest = useRef(onEvent);
  latest.current = onEvent;
  useEffect(() => {
    const controller = new AbortController();
    void listen(operation, variables, {
      onEvent: (result) => latest.current(result),
      signal: controller.signal,
    });
    return () => controller.abort();
  }, [operation.sha256, JSON.stringify(variables), apiKey.value]);
}
