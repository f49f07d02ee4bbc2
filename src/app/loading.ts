/**
 * Brings models onto the device and off it. One load at a time for each model, shared by everybody who waits for it and
 * given up when the last of them has gone. Who uses a model holds a lease, and a leased model is not unloaded. Idle
 * models make room, least recently used first, and leave by themselves when their keep-alive is over; pinned ones do
 * neither. A model that fails to load again and again is left alone for a while, longer each time.
 */
import { GeodesicError, NotFoundError, toErrorRecord } from "../errors.ts";
import { type EngineClient, isRestarting, type LoadCommand } from "../engine/protocol.ts";
import type { Accumulation, Quantization } from "../model/runner.ts";
import type { ModelRow } from "../store/models.ts";
import { abortable } from "./abortable.ts";
import type { Clock } from "./clock.ts";
import { LoadBackOff } from "./load_back_off.ts";
import { inUse, noRoom, noRoomYet, otherWeights, roomHelps } from "./load_errors.ts";
import { CHECKING, toFigures } from "./load_figures.ts";
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
  /** What is the same for every model. */
  readonly loadsWith: Pick<
    LoadCommand,
    | "precision"
    | "kvCacheDtype"
    | "accumulation"
    | "maxSequences"
    | "memoryBytes"
    | "kvCacheBytes"
    | "speculation"
    | "tunedDir"
  >;
  /** Models on the device at once; idle ones are unloaded to stay below. */
  readonly maxWarmModels: number;
  /** Where quantized weights are kept, and what they may take; null: none are. */
  readonly weightCache: { readonly cacheDir: string; readonly cacheMaxBytes: number } | null;
  readonly findManifest: (model: ModelRow) => Promise<string | undefined>;
  /** As they are now. */
  readonly findSettings: (modelId: string) => Promise<ModelSettings | undefined>;
  /** Throws NotFoundError when the files are not those that were registered. */
  readonly checkWeights: (model: ModelRow, signal: AbortSignal) => Promise<void>;
}

export interface ModelSettings {
  /** Null: the gateway's. */
  readonly keepAliveSeconds: number | null;
  readonly isPinned: boolean;
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
  /** Turn in which a lease was last taken or given back; larger is more recent. */
  lastUse: number;
  flight: Flight | undefined;
  unloading: Promise<void> | undefined;
  /** As they are in force: those who wait have rows that may be older. Read with each load, and told when they change. */
  settings: ModelSettings;
  /** Its load counts as a model on the device. */
  hasPlace: boolean;
  /** Of the weights that were loaded last. */
  artifactId: string | undefined;
  /** As the engine said of that load. */
  accumulation: Accumulation | undefined;
  /** Runs while nobody uses the model. */
  idle: Disposable | undefined;
  readonly backOff: LoadBackOff;
}

/** Engines that may die under one load: a model that ends them all must not keep the others from working. */
const MAX_LOAD_ATTEMPTS = 2;

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
    for (;;) {
      options.signal?.throwIfAborted();
      if (slot.unloading !== undefined) await abortable(slot.unloading, options.signal);
      else if (this.#isWarm(model.id)) {
        if (slot.artifactId === model.artifact_id) return this.#lease(model.id, slot);
        // Registered anew by another process: what is on the device is not what an answer would name.
        if (slot.leases > 0) throw otherWeights(model.name, slot.leases);
        await abortable(this.#unloadIdle(model.id, slot), options.signal);
      } else if (slot.flight?.controller.signal.aborted) {
        // Given up by others and on its way out: wait for that, then start anew.
        await abortable(slot.flight.promise.catch(() => {}), options.signal);
      } else {
        if (slot.flight === undefined && !options.insist) slot.backOff.require(model.name, this.#nowMs());
        await this.#join(slot.flight ??= this.#start(model, slot), options);
      }
    }
  }

  /** The model's pin or keep-alive has changed. */
  settingsChanged(id: string, settings: ModelSettings): void {
    const slot = this.#slot(id);
    slot.settings = settings;
    this.#watchIdle(id, slot);
  }

  /** What products of the model on the device are added in; undefined while it is not there. */
  accumulationOf(modelId: string): Accumulation | undefined {
    return this.#isWarm(modelId) ? this.#slots.get(modelId)?.accumulation : undefined;
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
      throw inUse(modelId, { leases: slot.leases, waiters: slot.flight?.waiters ?? 0 });
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
        await this.#readSettings(model.id, slot);
        await this.#options.checkWeights(model, controller.signal);
        await this.#loadIntoEngine(model, { slot, flight });
        slot.backOff.succeeded();
        slot.artifactId = model.artifact_id;
        this.#options.board.set(model.id, { state: "WARM" });
        // Whoever waited may have gone in the very moment; takers of a lease stop this again.
        this.#watchIdle(model.id, slot);
      } catch (error) {
        this.#failed(model.id, slot, { error, signal: controller.signal });
        throw error;
      } finally {
        slot.flight = undefined;
        slot.hasPlace = false;
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

  /** What is told meanwhile is newer. */
  async #readSettings(modelId: string, slot: Slot): Promise<void> {
    const before = slot.settings;
    const found = await this.#options.findSettings(modelId);
    if (found !== undefined && slot.settings === before) slot.settings = found;
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
  async #loadIntoEngine(
    model: ModelRow,
    { slot, flight }: { readonly slot: Slot; readonly flight: Flight },
  ): Promise<void> {
    const { engine, loadsWith, weightCache } = this.#options;
    const { signal } = flight.controller;
    const manifestSha256 = await this.#options.findManifest(model);
    await this.#takePlace(model, slot);
    for (let attempt = 1;;) {
      try {
        signal.throwIfAborted();
        const { accumulation } = await engine.load({
          ...loadsWith,
          modelKey: model.id,
          modelName: model.name,
          path: model.path,
          quantization: model.served_quantization as Quantization,
          maxContext: model.served_context_length,
          ...manifestSha256 === undefined || weightCache === null ? {} : { manifestSha256, ...weightCache },
        }, { signal, onProgress: (progress) => this.#progress(flight, model.id, toFigures(progress)) });
        slot.accumulation = accumulation;
        return;
      } catch (error) {
        if (!(error instanceof GeodesicError)) throw error;
        if (isRestarting(error) && attempt++ < MAX_LOAD_ATTEMPTS) continue; // The next load waits for the restart.
        if (!roomHelps(error, loadsWith.memoryBytes)) throw error;
        if (!await this.#evictOne()) throw this.#occupied(model.id) > 0 ? noRoomYet(error) : error;
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
    slot.backOff.failed(error, this.#nowMs());
    board.set(modelId, { state, error: toErrorRecord(error) });
  }

  /** Of loads that begin together, as many get a place as there are: nobody waits between looking and taking. */
  async #takePlace({ id, name }: ModelRow, slot: Slot): Promise<void> {
    const { maxWarmModels } = this.#options;
    while (this.#occupied(id) >= maxWarmModels) {
      if (!await this.#evictOne()) throw noRoom(name, maxWarmModels);
    }
    slot.hasPlace = true;
  }

  /** Models on the device or on their way, `except` left out. */
  #occupied(except: string): number {
    const { board } = this.#options;
    const ids = new Set([...board.inState("WARM"), ...board.inState("UNLOADING")]);
    for (const [id, slot] of this.#slots) if (slot.hasPlace) ids.add(id);
    ids.delete(except);
    return ids.size;
  }

  /** False when every warm model is in use. */
  async #evictOne(): Promise<boolean> {
    const idle = this.#options.board.inState("WARM")
      .map((id) => ({ id, slot: this.#slot(id) }))
      .filter(({ slot }) => !slot.settings.isPinned && isIdle(slot))
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
    const seconds = slot.settings.keepAliveSeconds ?? this.#options.keepAliveSeconds;
    if (
      this.#isClosed || slot.settings.isPinned || seconds < 0 || !this.#isWarm(modelId) || slot.leases > 0
    ) return;
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
        slot.lastUse = ++this.#uses;
        if (--slot.leases === 0) this.#watchIdle(modelId, slot);
      },
    };
  }

  #nowMs(): number {
    return this.#options.clock.now().getTime();
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
      settings: { keepAliveSeconds: null, isPinned: false },
      hasPlace: false,
      artifactId: undefined,
      accumulation: undefined,
      idle: undefined,
      backOff: new LoadBackOff(),
    };
    this.#slots.set(modelId, slot);
    return slot;
  }
}

function isIdle({ leases, flight, unloading }: Slot): boolean {
  return leases === 0 && flight === undefined && unloading === undefined;
}

function stopIdle(slot: Slot): void {
  slot.idle?.[Symbol.dispose]();
  slot.idle = undefined;
}
