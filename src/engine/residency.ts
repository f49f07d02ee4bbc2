/**
 * Which models are on the device: loading, ready or on their way out. Runs loads, cancels them, and disposes a
 * runner once its batch is empty and none of its submits is in flight. Knows nothing of requests; the engine ends those.
 */
import { ConfigError, GeodesicError, toErrorRecord } from "../errors.ts";
import type { ModelRunner, Precision } from "../model/runner.ts";
import { Batch, type BatchOptions } from "./batch.ts";
import type { EngineMessage, LoadCommand, LoadProgress } from "./protocol.ts";
import { contextTokens } from "./sequence.ts";

/** Brings a checkpoint onto the device. Rejects with `signal.reason` when aborted, having freed what it made. */
export type LoadModel = (
  command: LoadCommand,
  options: {
    readonly signal: AbortSignal;
    readonly onProgress: (progress: Omit<LoadProgress, "type" | "modelKey">) => void;
  },
) => Promise<ModelRunner>;

/** A model that can take requests, or that waits for its last steps before it goes. */
export interface ResidentModel {
  readonly modelKey: string;
  /** What people call it. */
  readonly name: string;
  readonly precision: Precision;
  readonly runner: ModelRunner;
  readonly batch: Batch;
  leaving: boolean;
}

export interface ResidencyOptions {
  readonly load: LoadModel;
  readonly batch?: BatchOptions;
  readonly emit: (message: EngineMessage) => void;
  /** Called when a load has settled: there may be something to do. */
  readonly onSettled: () => void;
  /** Whatever is not a GeodesicError; its sender only learns `INTERNAL`. */
  readonly onInternalError: (error: unknown) => void;
}

export class Residency {
  readonly #options: ResidencyOptions;
  readonly #loading = new Map<string, { readonly controller: AbortController; unloading: boolean }>();
  readonly #models = new Map<string, ResidentModel>();
  /** The end of the last load that has a memory budget. */
  #lastBudgeted: Promise<void> = Promise.resolve();

  constructor(options: ResidencyOptions) {
    this.#options = options;
  }

  /** In the order they were loaded, those leaving included. */
  get models(): Iterable<ResidentModel> {
    return this.#models.values();
  }
  /** Nothing is loaded or loading. */
  get empty(): boolean {
    return this.#loading.size === 0 && this.#models.size === 0;
  }
  /** A model that takes requests. */
  ready(modelKey: string): ResidentModel | undefined {
    const model = this.#models.get(modelKey);
    return model?.leaving ? undefined : model;
  }

  /** Starts a load; its end is a `loaded` or a `loadFailed` message. */
  load(command: LoadCommand): void {
    const { modelKey } = command;
    if (this.#loading.has(modelKey) || this.#models.has(modelKey)) {
      const error = new ConfigError(`Cannot load model "${modelKey}": it is loaded or loading`, { modelKey });
      this.#options.emit({ type: "loadFailed", modelKey, error: toErrorRecord(error) });
      return;
    }
    const entry = { controller: new AbortController(), unloading: false };
    this.#loading.set(modelKey, entry);
    this.#run(command, entry).catch(this.#options.onInternalError);
  }

  /**
   * Aborts a load, or marks a model as leaving and returns it, so that the engine can end its requests. `unloaded`
   * follows, at once for a model that is not there.
   */
  unload(modelKey: string): ResidentModel | undefined {
    const loading = this.#loading.get(modelKey);
    const model = this.#models.get(modelKey);
    if (loading !== undefined) {
      loading.unloading = true;
      loading.controller.abort(cancelled(modelKey));
    } else if (model === undefined) {
      this.#options.emit({ type: "unloaded", modelKey });
    } else {
      model.leaving = true;
    }
    return model;
  }

  /** Unloads everything and aborts every load. */
  unloadAll(): void {
    for (const modelKey of [...this.#loading.keys(), ...this.#models.keys()]) this.unload(modelKey);
  }

  /** Disposes leaving models that nothing in flight refers to any more. */
  sweep(): void {
    for (const { modelKey, leaving, batch, runner } of [...this.#models.values()]) {
      if (!leaving || batch.submitsInFlight > 0) continue;
      this.#models.delete(modelKey);
      runner[Symbol.dispose]();
      this.#options.emit({ type: "unloaded", modelKey });
    }
  }

  /** The device is gone: every model with it, and every load ends. */
  drop(reason: GeodesicError): void {
    for (const { controller } of this.#loading.values()) controller.abort(reason);
    for (const { runner } of this.#models.values()) runner[Symbol.dispose]();
    this.#models.clear();
  }

  async #run(
    command: LoadCommand,
    entry: { controller: AbortController; unloading: boolean },
  ): Promise<void> {
    const { modelKey } = command;
    const { emit, load, onInternalError, onSettled } = this.#options;
    const { signal } = entry.controller;
    let fraction = 0;
    try {
      using _turn = await this.#takeTurn(command, signal);
      const runner = await load(this.#withWhatIsLeft(command), {
        signal,
        onProgress: (progress) => {
          if (signal.aborted) return;
          fraction = Math.min(1, Math.max(fraction, progress.fraction));
          emit({ ...progress, type: "loadProgress", modelKey, fraction });
        },
      });
      if (signal.aborted) {
        runner[Symbol.dispose]();
        throw signal.reason;
      }
      const { limits, accumulation, memory: { weightBytes, kvCacheBytes } } = runner;
      this.#models.set(modelKey, {
        modelKey,
        name: command.modelName ?? modelKey,
        precision: command.precision,
        runner,
        batch: new Batch(limits, {
          ...this.#options.batch,
          ...command.speculation === "off" && { speculates: false },
        }),
        leaving: false,
      });
      const { vocabSize } = limits;
      const maxContext = contextTokens(limits);
      emit({ type: "loaded", modelKey, weightBytes, kvCacheBytes, maxContext, vocabSize, accumulation });
    } catch (error) {
      if (!(error instanceof GeodesicError)) onInternalError(error);
      emit({ type: "loadFailed", modelKey, error: toErrorRecord(error) });
    } finally {
      this.#loading.delete(modelKey);
      if (entry.unloading) emit({ type: "unloaded", modelKey });
      onSettled();
    }
  }

  /** Loads with a budget go one at a time, for each must know what those before have taken. */
  async #takeTurn({ memoryBytes }: LoadCommand, signal: AbortSignal): Promise<Disposable> {
    if (memoryBytes === undefined) return { [Symbol.dispose]() {} };
    const before = this.#lastBudgeted;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#lastBudgeted = before.then(() => promise);
    await Promise.race([before, aborted(signal)]);
    if (!signal.aborted) return { [Symbol.dispose]: resolve };
    resolve();
    throw signal.reason;
  }

  #withWhatIsLeft(command: LoadCommand): LoadCommand {
    if (command.memoryBytes === undefined) return command;
    const used = [...this.#models.values()].reduce((sum, { runner }) => sum + runner.memory.totalBytes, 0);
    return { ...command, memoryBytes: Math.max(0, command.memoryBytes - used) };
  }
}

/** Resolves when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}

function cancelled(modelKey: string): GeodesicError {
  return new GeodesicError("CANCELLED", `Loading of model "${modelKey}" was cancelled`, { modelKey });
}
