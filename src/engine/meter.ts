/**
 * What the engine counts over all its requests, for `metrics` and for the advice of a full queue. Counts only:
 * instants are passed in, and nothing here decides anything.
 */
import type { StepCost } from "../model/runner.ts";
import type { BatchSubmit } from "./batch.ts";
import type { EngineMetrics } from "./protocol.ts";
import { RecentRate } from "./rate.ts";
import type { ResidentModel } from "./residency.ts";

/** Share of the newest request in the running mean of service times. */
const SERVICE_MEAN_WEIGHT = 0.2;
const RETRY_MS = { unknown: 1000, min: 100, max: 60_000 } as const;

export class EngineMeter {
  readonly #tokens = new RecentRate();
  readonly #reads = new RecentRate();
  #steps = 0;
  #submits = 0;
  #dispatches = 0;
  #generatedTokens = 0;
  #lastBatchSize = 0;
  /** Null until a request has ended. */
  #meanServiceMs: number | null = null;

  submitted({ steps }: BatchSubmit, costs: readonly StepCost[]): void {
    this.#submits += Math.round(costs.reduce((sum, { submits }) => sum + submits, 0));
    this.#steps += steps.length;
    for (const { dispatches } of costs) this.#dispatches += dispatches;
    this.#lastBatchSize = steps.at(-1)?.rows.length ?? 0;
  }

  /** The device is through with these steps: what is submitted ahead has not been read yet. */
  completed(costs: readonly StepCost[], nowMs: number): void {
    this.#reads.add(costs.reduce((sum, { readBytes }) => sum + readBytes, 0), nowMs);
  }

  token(nowMs: number): void {
    this.#generatedTokens++;
    this.#tokens.add(1, nowMs);
  }

  /** A request that had started has ended after this long on the device. */
  served(serviceMs: number): void {
    const mean = this.#meanServiceMs ?? serviceMs;
    this.#meanServiceMs = mean + SERVICE_MEAN_WEIGHT * (serviceMs - mean);
  }

  /** Nothing is running, waiting or in flight. */
  idle(): void {
    this.#lastBatchSize = 0;
  }

  /** With all slots busy, one is freed (and a place in the queue with it) every service time / slots. */
  retryAfterMs(slots: number): number {
    if (this.#meanServiceMs === null) return RETRY_MS.unknown;
    return Math.round(Math.min(RETRY_MS.max, Math.max(RETRY_MS.min, this.#meanServiceMs / slots)));
  }

  report(models: readonly ResidentModel[], nowMs: number): EngineMetrics {
    return {
      type: "metrics",
      models: models.map(({ modelKey, batch, runner }) => ({
        modelKey,
        running: batch.running.length,
        waiting: batch.waiting.length + batch.returning,
        usedBlocks: batch.usedBlocks,
        cachedBlocks: batch.cachedBlocks,
        totalBlocks: runner.limits.blockCount,
        prefixCacheQueries: batch.counts.prefixQueries,
        prefixCacheHits: batch.counts.prefixHits,
        preemptions: batch.counts.preemptions,
        draftedTokens: batch.counts.drafted,
        acceptedTokens: batch.counts.accepted,
        weightBytes: runner.memory.weightBytes,
        kvCacheBytes: runner.memory.kvCacheBytes,
        kvCacheFormat: runner.kvCacheFormat,
        accumulation: runner.accumulation,
        isTuned: runner.isTuned,
      })),
      lastBatchSize: this.#lastBatchSize,
      steps: this.#steps,
      submits: this.#submits,
      stepsPerSubmit: this.#submits === 0 ? 0 : this.#steps / this.#submits,
      generatedTokens: this.#generatedTokens,
      dispatchesPerStep: this.#steps === 0 ? 0 : this.#dispatches / this.#steps,
      tokensPerSecond: this.#tokens.perSecond(nowMs),
      readBytesPerSecond: this.#reads.perSecond(nowMs),
    };
  }
}
