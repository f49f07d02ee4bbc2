/** Loading and repeating as hooks. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, apiKey, request, stream } from "./api.ts";
import type { Operation } from "./operation.ts";

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
  const reload = useCallback(() => setRound((value) => value + 1), []);
  useEffect(() => {
    if (whole === null) return;
    const controller = new AbortController();
    load(controller.signal).then(
      (data) => setState({ key: whole, data }),
      (error) => {
        if (controller.signal.aborted) return;
        const known = error instanceof ApiError ? error : new ApiError("UNEXPECTED", String(error));
        setState((before) => ({ ...before.key === whole ? before : {}, key: whole, error: known }));
      },
    );
    return () => controller.abort();
  }, [whole, round]);
  useInterval(reload, everyMs);
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

/** A module that is loaded when it is first shown. */
export function useModule<M>(load: () => Promise<M>): M | undefined {
  const [module, setModule] = useState<M>();
  useEffect(() => {
    let live = true;
    void load().then((value) => live && setModule(() => value));
    return () => void (live = false);
  }, []);
  return module;
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

/** Calls `onEvent` for every result of a subscription, over as many connections as it takes. */
export function useStream<Result, Variables>(
  operation: Operation<Result, Variables>,
  variables: Variables,
  onEvent: (result: Result) => void,
): void {
  const latest = useRef(onEvent);
  latest.current = onEvent;
  useEffect(() => {
    const controller = new AbortController();
    const watch = async () => {
      for (let delay = 1_000; !controller.signal.aborted; delay = Math.min(delay * 2, 30_000)) {
        try {
          for await (const result of stream(operation, variables, controller.signal)) {
            delay = 1_000;
            latest.current(result);
          }
        } catch {
          // What the page shows has its own way to say that the gateway is away.
        }
        await new Promise((resolve) => setTimeout(resolve, delay));
      }
    };
    void watch();
    return () => controller.abort();
  }, [operation.sha256, JSON.stringify(variables), apiKey.value]);
}
