/**
 * Writes quantized weights to disk while nobody waits for them: one entry after the other, each in a thread that is
 * started for it and ended after it. Failing costs a line in the log and a load that quantizes again, never a generation.
 */
import { type CacheJob, cacheNotice } from "../model/weight_cache.ts";
import type { CacheAnswer } from "./cache_worker.ts";

export class CacheWriter implements Disposable {
  readonly #log: (line: string) => void;
  /** Under way, then waiting. */
  readonly #jobs: CacheJob[] = [];
  #worker: Worker | null = null;
  #disposed = false;
  #idle = Promise.withResolvers<void>();

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  /** An entry that waits or is being written already is not written twice. */
  write(job: CacheJob): void {
    const { dir, manifestSha256 } = job;
    if (this.#jobs.some((other) => other.dir === dir && other.manifestSha256 === manifestSha256)) return;
    this.#jobs.push(job);
    if (this.#worker !== null) return;
    this.#idle = Promise.withResolvers();
    this.#next();
  }

  /** Resolves when everything that was asked for is written, or has failed. */
  idle(): Promise<void> {
    return this.#worker === null ? Promise.resolve() : this.#idle.promise;
  }

  /** Ends what is under way; what it has written so far is tidied up by the next one that writes. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#worker?.terminate();
    this.#idle.resolve();
  }

  #next(): void {
    const [job] = this.#jobs;
    if (job === undefined || this.#disposed) return this.#idle.resolve();
    const worker = new Worker(new URL("./cache_worker.ts", import.meta.url), { type: "module" });
    this.#worker = worker;
    const done = (failure: string | null) => {
      worker.terminate();
      this.#worker = null;
      this.#jobs.shift();
      if (failure !== null) this.#log(failure);
      this.#next();
    };
    worker.onmessage = ({ data }: MessageEvent<CacheAnswer>) => done(data.failure);
    worker.onerror = (event) => {
      event.preventDefault();
      done(cacheNotice(new Error(event.message)));
    };
    worker.postMessage(job);
  }
}
