/**
 * An engine without a device: it answers the protocol as a real one would, but generates what a test scripts, one token
 * when the test says so. Deterministic: nothing happens between two calls of the test.
 */
import type { Accumulation } from "../../src/model/runner.ts";
import {
  CapacityError,
  DeviceLostError,
  type GeodesicError,
  LACKS_MEMORY,
  toErrorRecord,
} from "../../src/errors.ts";
import {
  type DeviceInfo,
  type EngineClient,
  type EngineFinishReason,
  type EngineMetrics,
  type EngineStatus,
  type LoadCommand,
  type Loaded,
  type LoadProgress,
  type LoadStage,
  type RequestMessage,
  type RequestTimings,
  RESTARTING,
  type SubmitCommand,
  type WireToken,
} from "../../src/engine/protocol.ts";

const DEVICE: DeviceInfo = {
  adapter: "fake",
  vendor: "none",
  backend: "none",
  features: [],
  limits: {},
  software: true,
  kernelsSha256: "7777777777777777777777777777777777777777777777777777777777777777",
  memoryBandwidth: null,
};
const TIMINGS: RequestTimings = {
  steps: 1,
  dispatchesPerStep: 0,
  submitsPerStep: 1,
  readbackBytesPerStep: 4,
  ttftMs: 1,
  queueMs: 0,
  prefillMs: 1,
  decodeMs: 1,
  decodeTokensPerSecond: 0,
};

/** A load that has begun and waits for the test. */
export interface FakeLoad {
  readonly command: Omit<LoadCommand, "type">;
  readonly signal: AbortSignal | undefined;
  progress(
    stage: LoadStage,
    fraction: number,
    bytes?: Pick<LoadProgress, "loadedBytes" | "totalBytes" | "bytesPerSecond">,
  ): void;
  finish(): void;
  fail(error: GeodesicError): void;
}

/** A submitted request that waits for the test. Calls after its end do nothing, as with a real engine. */
export class FakeRequest {
  readonly command: Omit<SubmitCommand, "type">;
  readonly #listener: (message: RequestMessage) => void;
  #count = 0;
  ended = false;
  cancelled = false;

  constructor(command: Omit<SubmitCommand, "type">, listener: (message: RequestMessage) => void) {
    this.command = command;
    this.#listener = listener;
  }

  queued(position: number): void {
    this.#send({ type: "queued", requestId: this.command.requestId, position });
  }

  started(): void {
    this.#send({ type: "started", requestId: this.command.requestId });
  }

  promptProcessed(cachedTokens = 0): void {
    const { requestId, promptTokenIds } = this.command;
    this.#send({ type: "promptProcessed", requestId, promptTokens: promptTokenIds.length, cachedTokens });
  }

  tokens(...tokens: readonly (number | WireToken)[]): void {
    this.#count += tokens.length;
    const wire = tokens.map((token) => typeof token === "number" ? { id: token } : token);
    this.#send({ type: "tokens", requestId: this.command.requestId, tokens: wire });
  }

  finish(reason: EngineFinishReason): void {
    const { requestId, promptTokenIds } = this.command;
    const counts = { promptTokens: promptTokenIds.length, cachedTokens: 0, completionTokens: this.#count };
    this.#send({ type: "finished", requestId, reason, ...counts, timings: TIMINGS });
    this.ended = true;
  }

  fail(error: GeodesicError): void {
    this.#send({ type: "failed", requestId: this.command.requestId, error: toErrorRecord(error) });
    this.ended = true;
  }

  #send(message: RequestMessage): void {
    if (!this.ended) this.#listener(message);
  }
}

export class FakeEngine implements EngineClient {
  readonly loads: FakeLoad[] = [];
  readonly requests: FakeRequest[] = [];
  readonly unloaded: string[] = [];
  readonly #loaded = new Set<string>();
  readonly #waiting: (() => void)[] = [];
  readonly #lostListeners: ((error: GeodesicError) => void)[] = [];
  #status: EngineStatus = { state: "READY", restarts: 0, device: DEVICE };
  /** Loads finish by themselves. */
  autoLoad = true;
  /** Models that fit at once; more are a CapacityError. */
  capacity = Infinity;
  /** What its models add products in, whatever is asked for. */
  accumulation: Accumulation | null = null;

  ready(): Promise<DeviceInfo> {
    return Promise.resolve(DEVICE);
  }

  load(
    command: Omit<LoadCommand, "type">,
    options: { readonly signal?: AbortSignal; readonly onProgress?: (progress: LoadProgress) => void } = {},
  ): Promise<Loaded> {
    const { modelKey, maxContext } = command;
    const { promise, resolve, reject } = Promise.withResolvers<Loaded>();
    if (this.#loaded.size >= this.capacity) {
      return Promise.reject(new CapacityError("The device is full", { [LACKS_MEMORY]: true }));
    }
    options.signal?.addEventListener("abort", () => reject(options.signal?.reason), { once: true });
    const load: FakeLoad = {
      command,
      signal: options.signal,
      progress: (stage, fraction, bytes = { loadedBytes: 0, totalBytes: 1, bytesPerSecond: 0 }) =>
        options.onProgress?.({ type: "loadProgress", modelKey, stage, fraction, ...bytes }),
      finish: () => {
        this.#loaded.add(modelKey);
        const accumulation = this.accumulation ?? command.accumulation ?? "f32";
        const sizes = { weightBytes: 1, kvCacheBytes: 1, maxContext, vocabSize: 2048 };
        resolve({ type: "loaded", modelKey, ...sizes, accumulation });
      },
      fail: reject,
    };
    this.loads.push(load);
    this.#notify();
    if (this.autoLoad) load.finish();
    return promise;
  }

  unload(modelKey: string): Promise<void> {
    this.#loaded.delete(modelKey);
    this.unloaded.push(modelKey);
    return Promise.resolve();
  }

  submit(command: Omit<SubmitCommand, "type">, listener: (message: RequestMessage) => void): void {
    this.requests.push(new FakeRequest(command, listener));
    this.#notify();
  }

  /** The running request ends a turn later, as it does across a thread. */
  cancel(requestId: string): void {
    const request = this.requests.findLast(({ command }) => command.requestId === requestId);
    if (request === undefined || request.ended) return;
    request.cancelled = true;
    queueMicrotask(() => request.finish("CANCELLED"));
  }

  metrics(): Promise<EngineMetrics> {
    return Promise.resolve({
      type: "metrics",
      models: [],
      lastBatchSize: 0,
      steps: 0,
      submits: 0,
      stepsPerSubmit: 0,
      generatedTokens: 0,
      dispatchesPerStep: 0,
      tokensPerSecond: 0,
      readBytesPerSecond: 0,
    });
  }

  onLost(listener: (error: GeodesicError) => void): void {
    this.#lostListeners.push(listener);
  }

  status(): EngineStatus {
    return this.#status;
  }

  /** The engine dies for good: open requests fail, then the listeners hear of it. */
  lose(): void {
    const error = new DeviceLostError("The device is gone");
    this.#status = { state: "FAILED", restarts: 0, error: toErrorRecord(error), retryAt: null };
    this.#die(error);
  }

  /** The engine dies, and another one is there at once, without models. */
  restart(): void {
    this.#status = { ...this.#status, restarts: this.#status.restarts + 1 };
    this.#die(new DeviceLostError("The engine died", { [RESTARTING]: true }));
  }

  #die(error: DeviceLostError): void {
    this.#loaded.clear();
    for (const load of this.loads) load.fail(error);
    for (const request of this.requests) request.fail(error);
    for (const listener of this.#lostListeners) listener(error);
  }

  /** The n-th request, counted from 0, as soon as there is one. */
  async request(index: number): Promise<FakeRequest> {
    await this.#until(() => this.requests.length > index);
    return this.requests[index]!;
  }

  /** The n-th load, counted from 0, as soon as there is one. */
  async loading(index: number): Promise<FakeLoad> {
    await this.#until(() => this.loads.length > index);
    return this.loads[index]!;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #notify(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
