/**
 * The gateway's end of the engine protocol: promises and listeners over a port that carries commands one way and
 * messages the other. Owns what is pending on this side; answers for the engine only when the port has died, so
 * that no caller waits for ever. How a port comes about (a Worker here) is behind {@link EnginePort}.
 */
import { ConfigError, DeviceLostError, fromErrorRecord, GeodesicError, toErrorRecord } from "../errors.ts";
import type {
  DeviceInfo,
  EngineClient,
  EngineMessage,
  EngineMetrics,
  EngineStatus,
  LoadCommand,
  Loaded,
  LoadProgress,
  RequestMessage,
  SubmitCommand,
} from "./protocol.ts";
import type { EnginePort } from "./port.ts";
import { openWorkerPort } from "./worker_port.ts";

/** A thread that does not answer `close` for this long is ended without its answer. */
const CLOSE_TIMEOUT_MS = 10_000;

interface PendingLoad extends PromiseWithResolvers<Loaded> {
  readonly onProgress: ((progress: LoadProgress) => void) | undefined;
  readonly signal: AbortSignal | undefined;
}

type RequestListener = (message: RequestMessage) => void;

export class PortEngineClient implements EngineClient {
  readonly #port: EnginePort;
  readonly #ready = Promise.withResolvers<DeviceInfo>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #loads = new Map<string, PendingLoad>();
  readonly #unloads = new Map<string, PromiseWithResolvers<void>>();
  readonly #requests = new Map<string, RequestListener>();
  readonly #metrics: PromiseWithResolvers<EngineMetrics>[] = [];
  readonly #lostListeners: ((error: GeodesicError) => void)[] = [];
  #device: DeviceInfo | undefined;
  #saidUnavailable = false;
  #state: "open" | "closing" | "ended" = "open";
  #endedBy: GeodesicError = new DeviceLostError("The engine is closed");

  constructor(port: EnginePort) {
    this.#port = port;
    // A caller that never asks is not to be surprised by an unhandled rejection.
    this.#ready.promise.catch(() => {});
    port.listen(
      (message) => this.#receive(message),
      (error) =>
        this.lose(
          error instanceof GeodesicError
            ? error
            : new DeviceLostError(`The engine's thread died: ${error.message}`, {}, { cause: error }),
        ),
    );
  }

  ready(): Promise<DeviceInfo> {
    return this.#ready.promise;
  }

  async load(
    command: Omit<LoadCommand, "type">,
    options: { readonly signal?: AbortSignal; readonly onProgress?: (progress: LoadProgress) => void } = {},
  ): Promise<Loaded> {
    const { modelKey } = command;
    const { signal, onProgress } = options;
    signal?.throwIfAborted();
    this.#assertOpen();
    if (this.#loads.has(modelKey)) {
      throw new ConfigError(`Cannot load model "${modelKey}": it is being loaded`, { modelKey });
    }
    const pending: PendingLoad = { ...Promise.withResolvers<Loaded>(), onProgress, signal };
    this.#port.post({ ...command, type: "load" });
    this.#loads.set(modelKey, pending);
    const abort = () => this.#port.post({ type: "unload", modelKey });
    signal?.addEventListener("abort", abort, { once: true });
    try {
      return await pending.promise;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  unload(modelKey: string): Promise<void> {
    if (this.#state !== "open") return Promise.resolve(); // What is gone holds no model.
    const underway = this.#unloads.get(modelKey);
    if (underway !== undefined) return underway.promise;
    const pending = Promise.withResolvers<void>();
    this.#unloads.set(modelKey, pending);
    this.#port.post({ type: "unload", modelKey });
    return pending.promise;
  }

  submit(command: Omit<SubmitCommand, "type">, listener: RequestListener): void {
    const { requestId } = command;
    if (this.#state !== "open") {
      refuse(requestId, listener, this.#endedBy);
    } else if (this.#requests.has(requestId)) {
      refuse(requestId, listener, new ConfigError(`Request "${requestId}" is already open`, { requestId }));
    } else {
      try {
        this.#port.post({ ...command, type: "submit" });
      } catch (error) {
        return refuse(requestId, listener, error); // Too long, or not to be copied.
      }
      this.#requests.set(requestId, listener);
    }
  }

  cancel(requestId: string): void {
    if (this.#requests.has(requestId)) this.#port.post({ type: "cancel", requestId });
  }

  async metrics(): Promise<EngineMetrics> {
    this.#assertOpen();
    const pending = Promise.withResolvers<EngineMetrics>();
    this.#metrics.push(pending);
    this.#port.post({ type: "metrics" });
    return await pending.promise;
  }

  onLost(listener: (error: GeodesicError) => void): void {
    this.#lostListeners.push(listener);
  }

  status(): EngineStatus {
    if (this.#state === "ended") {
      return { state: "FAILED", restarts: 0, error: toErrorRecord(this.#endedBy), retryAt: null };
    }
    if (this.#device === undefined) return { state: "STARTING", restarts: 0 };
    return { state: "READY", restarts: 0, device: this.#device };
  }

  /** It has told its end itself: no device. Otherwise it died without a word. */
  get saidUnavailable(): boolean {
    return this.#saidUnavailable;
  }

  /** Gives the engine up: ends it, and answers whatever is open as if it had died. */
  lose(error: GeodesicError): void {
    if (this.#state === "ended") return;
    this.#end(error);
    for (const listener of this.#lostListeners) listener(error);
  }

  /** Cancels everything, waits until the device is freed, ends the thread. Later calls wait for the same end. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "open") {
      this.#state = "closing";
      this.#port.post({ type: "close" });
      const timer = setTimeout(() => this.#closed.resolve(), CLOSE_TIMEOUT_MS);
      await this.#closed.promise;
      clearTimeout(timer);
      this.#end(this.#endedBy);
    }
    await this.#closed.promise;
    await this.#port.terminate(); // Has been called; waits until the thread is gone.
  }

  #receive(message: EngineMessage): void {
    switch (message.type) {
      case "ready":
        this.#device = message.device;
        return this.#ready.resolve(message.device);
      case "unavailable":
        this.#saidUnavailable = true;
        return this.lose(new DeviceLostError(message.error.message, { ...message.error.details }));
      case "loadProgress":
        return this.#loads.get(message.modelKey)?.onProgress?.(message);
      case "loaded":
      case "loadFailed":
        return this.#loadSettled(message.modelKey, (pending) => {
          if (message.type === "loaded") pending.resolve(message);
          else pending.reject(fromErrorRecord(message.error));
        });
      case "unloaded":
        this.#unloads.get(message.modelKey)?.resolve();
        this.#unloads.delete(message.modelKey);
        return this.#loadUnloaded(message.modelKey);
      case "metrics":
        return this.#metrics.shift()?.resolve(message);
      case "closed":
        return this.#closed.resolve();
      default:
        return this.#deliver(message);
    }
  }

  #deliver(message: RequestMessage): void {
    const listener = this.#requests.get(message.requestId);
    if (message.type === "finished" || message.type === "failed") this.#requests.delete(message.requestId);
    listener?.(message);
  }

  /** An aborted load has asked for an unload: only that one's answer says that nothing is left on the device. */
  #loadSettled(modelKey: string, settle: (pending: PendingLoad) => void): void {
    const pending = this.#loads.get(modelKey);
    if (pending === undefined || pending.signal?.aborted) return;
    this.#loads.delete(modelKey);
    settle(pending);
  }

  #loadUnloaded(modelKey: string): void {
    const pending = this.#loads.get(modelKey);
    if (pending === undefined || !pending.signal?.aborted) return;
    this.#loads.delete(modelKey);
    pending.reject(pending.signal.reason);
  }

  #assertOpen(): void {
    if (this.#state !== "open") throw this.#endedBy;
  }

  /** Nothing more will come: answers everything that is still open, then lets go of the port. */
  #end(error: GeodesicError): void {
    this.#state = "ended";
    this.#endedBy = error;
    this.#port.terminate();
    this.#ready.reject(error);
    this.#closed.resolve();
    for (const pending of [...this.#loads.values(), ...this.#metrics]) pending.reject(error);
    for (const pending of this.#unloads.values()) pending.resolve();
    const requests = [...this.#requests];
    for (const collection of [this.#loads, this.#unloads, this.#requests]) collection.clear();
    this.#metrics.length = 0;
    for (const [requestId, listener] of requests) {
      listener({ type: "failed", requestId, error: toErrorRecord(error) });
    }
  }
}

/** Never inside the caller's own `submit`. */
function refuse(requestId: string, listener: RequestListener, error: unknown): void {
  queueMicrotask(() => listener({ type: "failed", requestId, error: toErrorRecord(error) }));
}

/** Starts the engine in a Worker of its own. Its permissions are those of this thread. */
export function createWorkerEngine(): EngineClient {
  return new PortEngineClient(openWorkerPort());
}
