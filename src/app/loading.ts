/**
 * Brings models onto the device and off it. One load at a time for each model, shared by everybody who waits for it and
 * given up when the last of them has gone. Who uses a model holds a lease, and a leased model is not unloaded. Idle
 * models make room, least recently used first, and leave by themselves when their keep-alive is over; pinned ones do
 * neither. A model that fails to load again and again is left alone for a while, longer each time.
 */
import { CapacityError, GeodesicError, NotFoundError, toErrorRecord } from "../errors.ts";
import { type EngineClient, isRestarting, type LoadProgress, type Speculation } from "../engine/protocol.ts";
import type { KvCacheDtype, Precision, Quantization } from "../model/runner.ts";
import type { ModelRow } from "../store/models.ts";
import type { Clock } from "./clock.ts";
import type { ResidencyBoard } from "./residency.ts";
import type { LoadFigures } from "./types.ts";

/** Progress as watchers see it. */
export type LoadListener = (progress: LoadFigures) => void;

/** The model stays on the device until this is disposed. */
export type Lease = Disposable;

export interface LoaderOptions {
  readonly clock: Clock;
  /** How long a model that nobody uses stays on the device, unless the model says otherwise; -1: for ever. */
  readonly keepAliveSeconds: number;
  readonly engine: EngineClient;
  readonly board: ResidencyBoard;
  readonly precision: Precision;
  readonly kvCacheDtype: KvCacheDtype;
  /** Upper bound of sequences in one batch of a model. */
  readonly maxSequences: number;
  /** Models on the device at once; idle ones are unloaded to stay below. */
  readonly maxWarmModels: number;
  /** Where quantized weights are kept, and what they may take; null: none are. */
  readonly weightCache: { readonly cacheDir: string; readonly cacheMaxBytes: number } | null;
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
  lastProgress: LoadFigures | undefined;
}
interface Slot {
  leases: number;
  /** Turn of the last lease; larger is more recent. */
  lastUse: number;
  flight: Flight | undefined;
  unloading: Promise<void> | undefined;
  /** Of the model; null: the gateway's. */
  keepAliveSeconds: number | null;
  isPinned: boolean;
  /** Runs while nobody uses the model. */
  idle: Disposable | undefined;
  /** The last loads, all of which failed for reasons of the model's own. */
  failures: { readonly count: number; readonly error: GeodesicError; readonly retryAtMs: number } | undefined;
}

const RETRY_AFTER_MS = 2000;
/** Engines that may die under one load: a model that ends them all must not keep the others from working. */
const MAX_LOAD_ATTEMPTS = 2;
/** After the second failure in a row; doubled with each that follows. */
const FIRST_BACK_OFF_MS = 1000;
const MAX_BACK_OFF_MS = 60_000;

export class ModelLoader {
  readonly #options: LoaderOptions;
  readonly #slots = new Map<string, Slot>();
  #uses = 0;
  #isClosed = false;

  constructor(options: LoaderOptions) {
    this.#options = options;
    options.engine.onLost(() => this.#lost());
  }

  /**
   * Waits until the model is WARM and keeps it there until the lease is disposed. Aborting leaves the wait at once; the
   * load itself stops when nobody else waits for it. Rejects with the load's own error, or with CapacityError while a
   * model is left alone that has failed repeatedly; `insist` tries all the same.
   */
  async ensureLoaded(
    model: ModelRow,
    options: {
      readonly signal?: AbortSignal;
      readonly onProgress?: LoadListener;
      readonly insist?: boolean;
    } = {},
  ): Promise<Lease> {
    const slot = this.#slot(model.id);
    slot.keepAliveSeconds = model.keep_alive_seconds;
    slot.isPinned = model.pinned === 1;
    for (;;) {
      options.signal?.throwIfAborted();
      if (slot.unloading !== undefined) await abortable(slot.unloading, options.signal);
      else if (this.#isWarm(model.id)) return this.#lease(model.id, slot);
      else if (slot.flight?.controller.signal.aborted) {
        // Given up by others and on its way out: wait for that, then start anew.
        await abortable(slot.flight.promise.catch(() => {}), options.signal);
      } else {
        if (slot.flight === undefined && !options.insist) this.#requireNoBackOff(model, slot);
        await this.#join(slot.flight ??= this.#start(model, slot), options);
      }
    }
  }

  /** The model's pin or keep-alive has changed. */
  settingsChanged(model: Pick<ModelRow, "id" | "keep_alive_seconds" | "pinned">): void {
    const slot = this.#slot(model.id);
    slot.keepAliveSeconds = model.keep_alive_seconds;
    slot.isPinned = model.pinned === 1;
    this.#watchIdle(model.id, slot);
  }

  /** Stops all timers; models stay where they are. */
  close(): void {
    this.#isClosed = true;
    for (const slot of this.#slots.values()) stopIdle(slot);
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
        this.#progress(flight, model.id, CHECKING);
        await this.#options.checkWeights(model, controller.signal);
        await this.#loadIntoEngine(model, flight);
        slot.failures = undefined;
        this.#options.board.set(model.id, { state: "WARM" });
        // Whoever waited may have gone in the very moment; takers of a lease stop this again.
        this.#watchIdle(model.id, slot);
      } catch (error) {
        this.#failed(model.id, slot, { error, signal: controller.signal });
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
      weightCache,
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
          ...manifestSha256 === undefined || weightCache === null ? {} : { manifestSha256, ...weightCache },
          ...memoryBytes === undefined ? {} : { memoryBytes },
        }, { signal, onProgress: (progress) => this.#progress(flight, model.id, toFigures(progress)) });
        return;
      } catch (error) {
        if (!(error instanceof GeodesicError)) throw error;
        if (isRestarting(error) && attempt++ < MAX_LOAD_ATTEMPTS) continue; // The next load waits for the restart.
        if (error.code !== "CAPACITY" || !await this.#evictOne()) throw error;
      }
    }
  }

  #progress(flight: Flight, modelId: string, progress: LoadFigures): void {
    if (flight.controller.signal.aborted) return;
    flight.lastProgress = progress;
    this.#options.board.set(modelId, { state: "LOADING", progress });
    for (const listener of flight.listeners) listener(progress);
  }

  #failed(
    modelId: string,
    slot: Slot,
    { error, signal }: { readonly error: unknown; readonly signal: AbortSignal },
  ): void {
    const { board } = this.#options;
    if (signal.aborted) return board.set(modelId, { state: "COLD" });
    const state = error instanceof NotFoundError ? "MISSING_WEIGHTS" : "FAILED";
    this.#countFailure(slot, error);
    board.set(modelId, { state, error: toErrorRecord(error) });
  }

  /** A full device says nothing of the model, and missing files are quickly looked for. */
  #countFailure(slot: Slot, error: unknown): void {
    if (!(error instanceof GeodesicError) || error.code === "CAPACITY" || error.code === "NOT_FOUND") return;
    const count = (slot.failures?.count ?? 0) + 1;
    const delayMs = count < 2 ? 0 : Math.min(FIRST_BACK_OFF_MS * 2 ** (count - 2), MAX_BACK_OFF_MS);
    slot.failures = { count, error, retryAtMs: this.#options.clock.now().getTime() + delayMs };
  }

  #requireNoBackOff({ name }: ModelRow, { failures }: Slot): void {
    if (failures === undefined) return;
    const { count, error, retryAtMs } = failures;
    const retryAfterMs = retryAtMs - this.#options.clock.now().getTime();
    if (retryAfterMs <= 0) return;
    throw new CapacityError(
      `Model "${name}" has failed to load ${count} times in a row, the last time with: ${error.message}`,
      { model: name, failures: count, cause: error.code, retryAfterMs },
    );
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
      .filter(({ slot }) => !slot.isPinned && isIdle(slot))
      .sort((a, b) => a.slot.lastUse - b.slot.lastUse)[0];
    if (idle === undefined) return false;
    await this.#unloadIdle(idle.id, idle.slot);
    return true;
  }

  async #unloadIdle(modelId: string, slot: Slot): Promise<void> {
    const { board, engine } = this.#options;
    stopIdle(slot);
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

  /** From the moment on in which nobody uses it, its keep-alive runs. */
  #watchIdle(modelId: string, slot: Slot): void {
    stopIdle(slot);
    const seconds = slot.keepAliveSeconds ?? this.#options.keepAliveSeconds;
    if (this.#isClosed || slot.isPinned || seconds < 0 || !this.#isWarm(modelId) || slot.leases > 0) return;
    slot.idle = this.#options.clock.after(seconds * 1000, () => {
      slot.idle = undefined;
      if (!isIdle(slot) || !this.#isWarm(modelId)) return;
      this.#unloadIdle(modelId, slot).catch(() => {}); // the board says why it failed
    });
  }

  /** With the engine its models are gone. Those that another engine can have are cold, and loaded when they are needed. */
  #lost(): void {
    const { board, engine } = this.#options;
    const status = engine.status();
    for (const id of board.inState("WARM")) {
      board.set(id, status.state === "FAILED" ? { state: "FAILED", error: status.error } : { state: "COLD" });
    }
  }

  #lease(modelId: string, slot: Slot): Lease {
    slot.leases++;
    slot.lastUse = ++this.#uses;
    stopIdle(slot);
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        if (--slot.leases === 0) this.#watchIdle(modelId, slot);
      },
    };
  }

  #isWarm(modelId: string): boolean {
    return this.#options.board.get(modelId).state === "WARM";
  }

  #slot(modelId: string): Slot {
    const known = this.#slots.get(modelId);
    if (known !== undefined) return known;
    const slot: Slot = {
      leases: 0,
      lastUse: 0,
      flight: undefined,
      unloading: undefined,
      keepAliveSeconds: null,
      isPinned: false,
      idle: undefined,
      failures: undefined,
    };
    this.#slots.set(modelId, slot);
    return slot;
  }
}

const CHECKING: LoadFigures = Object.freeze(
  { stage: "CHECKING", fraction: 0, loadedBytes: 0, totalBytes: 0, bytesPerSecond: 0 },
);

function toFigures({ stage, fraction, loadedBytes, totalBytes, bytesPerSecond }: LoadProgress): LoadFigures {
  return { stage, fraction, loadedBytes, totalBytes, bytesPerSecond };
}

function isIdle({ leases, flight, unloading }: Slot): boolean {
  return leases === 0 && flight === undefined && unloading === undefined;
}

function stopIdle(slot: Slot): void {
  slot.idle?.[Symbol.dispose]();
  slot.idle = undefined;
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
