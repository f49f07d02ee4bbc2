/**
 * Brings models onto the device and off it. One load at a time for each model, shared by everybody who waits for it and
 * given up when the last of them has gone. Who uses a model holds a lease, and a leased model is not unloaded. Idle
 * models make room, least recently used first.
 */
import { CapacityError, GeodesicError, NotFoundError, toErrorRecord } from "../errors.ts";
import { type EngineClient, isRestarting, type LoadProgress, type Speculation } from "../engine/protocol.ts";
import type { KvCacheDtype, Precision, Quantization } from "../model/runner.ts";
import type { ModelRow } from "../store/models.ts";
import type { ResidencyBoard } from "./residency.ts";

/** Progress as watchers see it. */
export type LoadListener = (progress: { readonly stage: string; readonly fraction: number }) => void;

/** The model stays on the device until this is disposed. */
export type Lease = Disposable;

export interface LoaderOptions {
  readonly engine: EngineClient;
  readonly board: ResidencyBoard;
  readonly precision: Precision;
  readonly kvCacheDtype: KvCacheDtype;
  /** Upper bound of sequences in one batch of a model. */
  readonly maxSequences: number;
  /** Models on the device at once; idle ones are unloaded to stay below. */
  readonly maxWarmModels: number;
  /** Where quantized weights are kept. */
  readonly cacheDir: string;
  /** What all models together may take of the device. */
  readonly memoryBytes?: number | undefined;
  readonly speculation: Speculation;
  readonly findManifest: (model: ModelRow) => Promise<string | undefined>;
  /** Throws NotFoundError when the files are not those that were registered. */
  readonly checkWeights: (model: ModelRow, signal: AbortSignal) => Promise<void>;
}

interface Flight {
  readonly controller: AbortController;
  readonly listeners: Set<LoadListener>;
  readonly promise: Promise<void>;
  waiters: number;
  lastProgress: { readonly stage: string; readonly fraction: number } | undefined;
}
interface Slot {
  leases: number;
  /** Turn of the last lease; larger is more recent. */
  lastUse: number;
  flight: Flight | undefined;
  unloading: Promise<void> | undefined;
}

const RETRY_AFTER_MS = 2000;
/** Engines that may die under one load: a model that ends them all must not keep the others from working. */
const MAX_LOAD_ATTEMPTS = 2;

export class ModelLoader {
  readonly #options: LoaderOptions;
  readonly #slots = new Map<string, Slot>();
  #uses = 0;

  constructor(options: LoaderOptions) {
    this.#options = options;
    options.engine.onLost(() => this.#lost());
  }

  /**
   * Waits until the model is WARM and keeps it there until the lease is disposed. Aborting leaves the wait at once; the
   * load itself stops when nobody else waits for it. Rejects with the load's own error.
   */
  async ensureLoaded(
    model: ModelRow,
    options: { readonly signal?: AbortSignal; readonly onProgress?: LoadListener } = {},
  ): Promise<Lease> {
    const slot = this.#slot(model.id);
    for (;;) {
      options.signal?.throwIfAborted();
      if (slot.unloading !== undefined) await abortable(slot.unloading, options.signal);
      else if (this.#isWarm(model.id)) return this.#lease(slot);
      else if (slot.flight?.controller.signal.aborted) {
        // Given up by others and on its way out: wait for that, then start anew.
        await abortable(slot.flight.promise.catch(() => {}), options.signal);
      } else await this.#join(slot.flight ??= this.#start(model, slot), options);
    }
  }

  /** Resolves once the device is free of it. Throws CapacityError while it is in use; a cold model stays as it is. */
  async unload(modelId: string): Promise<void> {
    const slot = this.#slot(modelId);
    if (slot.unloading !== undefined) return await slot.unloading;
    if (slot.leases > 0 || slot.flight !== undefined) {
      throw new CapacityError(
        `Cannot unload the model: ${slot.leases + (slot.flight?.waiters ?? 0)} use it`,
        {
          modelId,
          retryAfterMs: RETRY_AFTER_MS,
        },
      );
    }
    if (this.#isWarm(modelId)) await this.#unloadIdle(modelId, slot);
  }

  /** True while the model is on the device, on its way there or on its way off. */
  isBusy(modelId: string): boolean {
    const slot = this.#slots.get(modelId);
    return this.#isWarm(modelId) || slot?.flight !== undefined || slot?.unloading !== undefined;
  }

  #start(model: ModelRow, slot: Slot): Flight {
    const controller = new AbortController();
    const listeners = new Set<LoadListener>();
    const run = async () => {
      try {
        this.#progress(flight, model.id, { stage: "CHECKING", fraction: 0 });
        await this.#options.checkWeights(model, controller.signal);
        await this.#loadIntoEngine(model, flight);
        this.#options.board.set(model.id, { state: "WARM" });
      } catch (error) {
        this.#failed(model.id, error, controller.signal);
        throw error;
      } finally {
        slot.flight = undefined;
      }
    };
    // Deferred, so that `flight` exists and its first waiter hears the first progress.
    const flight: Flight = {
      controller,
      listeners,
      promise: Promise.resolve().then(run),
      waiters: 0,
      lastProgress: undefined,
    };
    flight.promise.catch(() => {}); // Waiters hear of it; there may be none left.
    return flight;
  }

  async #join(
    flight: Flight,
    { signal, onProgress }: { readonly signal?: AbortSignal; readonly onProgress?: LoadListener },
  ): Promise<void> {
    flight.waiters++;
    if (onProgress !== undefined) {
      if (flight.lastProgress !== undefined) onProgress(flight.lastProgress);
      flight.listeners.add(onProgress);
    }
    try {
      await abortable(flight.promise, signal);
    } finally {
      if (onProgress !== undefined) flight.listeners.delete(onProgress);
      if (--flight.waiters === 0) flight.controller.abort(signal?.reason);
    }
  }

  /** A device that is full gets one more try for every idle model that can leave it. */
  async #loadIntoEngine(model: ModelRow, flight: Flight): Promise<void> {
    const {
      engine,
      maxWarmModels,
      precision,
      kvCacheDtype,
      maxSequences,
      cacheDir,
      memoryBytes,
      speculation,
    } = this.#options;
    const { signal } = flight.controller;
    const manifestSha256 = await this.#options.findManifest(model);
    while (this.#occupied(model.id) >= maxWarmModels && await this.#evictOne());
    if (this.#occupied(model.id) >= maxWarmModels) throw noRoom(model.name, maxWarmModels);
    for (let attempt = 1;;) {
      try {
        signal.throwIfAborted();
        await engine.load({
          modelKey: model.id,
          path: model.path,
          quantization: model.served_quantization as Quantization,
          precision,
          kvCacheDtype,
          maxContext: model.served_context_length,
          maxSequences,
          speculation,
          ...manifestSha256 === undefined ? {} : { manifestSha256, cacheDir },
          ...memoryBytes === undefined ? {} : { memoryBytes },
        }, { signal, onProgress: (progress) => this.#progress(flight, model.id, toProgress(progress)) });
        return;
      } catch (error) {
        if (!(error instanceof GeodesicError)) throw error;
        if (isRestarting(error) && attempt++ < MAX_LOAD_ATTEMPTS) continue; // The next load waits for the restart.
        if (error.code !== "CAPACITY" || !await this.#evictOne()) throw error;
      }
    }
  }

  #progress(
    flight: Flight,
    modelId: string,
    progress: { readonly stage: string; readonly fraction: number },
  ): void {
    if (flight.controller.signal.aborted) return;
    flight.lastProgress = progress;
    this.#options.board.set(modelId, { state: "LOADING", ...progress });
    for (const listener of flight.listeners) listener(progress);
  }

  #failed(modelId: string, error: unknown, signal: AbortSignal): void {
    const { board } = this.#options;
    if (signal.aborted) board.set(modelId, { state: "COLD" });
    else {
      const state = error instanceof NotFoundError ? "MISSING_WEIGHTS" : "FAILED";
      board.set(modelId, { state, error: toErrorRecord(error) });
    }
  }

  /** Models on the device or on their way, `except` left out. */
  #occupied(except: string): number {
    const { board } = this.#options;
    return ["WARM" as const, "LOADING" as const, "UNLOADING" as const]
      .flatMap((state) => board.inState(state)).filter((id) => id !== except).length;
  }

  /** False when every warm model is in use. */
  async #evictOne(): Promise<boolean> {
    const idle = this.#options.board.inState("WARM")
      .map((id) => ({ id, slot: this.#slot(id) }))
      .filter(({ slot }) => slot.leases === 0 && slot.flight === undefined && slot.unloading === undefined)
      .sort((a, b) => a.slot.lastUse - b.slot.lastUse)[0];
    if (idle === undefined) return false;
    await this.#unloadIdle(idle.id, idle.slot);
    return true;
  }

  async #unloadIdle(modelId: string, slot: Slot): Promise<void> {
    const { board, engine } = this.#options;
    board.set(modelId, { state: "UNLOADING" });
    slot.unloading = engine.unload(modelId).then(
      () => board.set(modelId, { state: "COLD" }),
      (error) => {
        board.set(modelId, { state: "FAILED", error: toErrorRecord(error) });
        throw error;
      },
    ).finally(() => slot.unloading = undefined);
    await slot.unloading;
  }

  /** With the engine its models are gone. Those that another engine can have are cold, and loaded when they are needed. */
  #lost(): void {
    const { board, engine } = this.#options;
    const status = engine.status();
    for (const id of board.inState("WARM")) {
      board.set(id, status.state === "FAILED" ? { state: "FAILED", error: status.error } : { state: "COLD" });
    }
  }

  #lease(slot: Slot): Lease {
    slot.leases++;
    slot.lastUse = ++this.#uses;
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (held) slot.leases--;
        held = false;
      },
    };
  }

  #isWarm(modelId: string): boolean {
    return this.#options.board.get(modelId).state === "WARM";
  }

  #slot(modelId: string): Slot {
    const known = this.#slots.get(modelId);
    if (known !== undefined) return known;
    const slot: Slot = { leases: 0, lastUse: 0, flight: undefined, unloading: undefined };
    this.#slots.set(modelId, slot);
    return slot;
  }
}

function toProgress(
  { stage, fraction }: LoadProgress,
): { readonly stage: string; readonly fraction: number } {
  return { stage, fraction };
}

function noRoom(name: string, maxWarmModels: number): CapacityError {
  return new CapacityError(
    `Cannot load model "${name}": ${maxWarmModels} other model(s) are in use, as many as may be on the device`,
    { model: name, maxWarmModels, retryAfterMs: RETRY_AFTER_MS },
  );
}

/** Settles as `promise` does, or rejects with the signal's reason as soon as it is aborted. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
