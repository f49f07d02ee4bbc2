/**
 * How many threads a merge uses. Each holds a JavaScript engine of its own and a few blocks, whatever the size of the
 * tensors, so a limit on memory is a limit on threads.
 */
import { ConfigError } from "../errors.ts";

export interface ResourceLimits {
  /** At most; one for each processor where absent. */
  readonly threads?: number;
  /** Bytes of resident memory; no limit where absent. */
  readonly maxMemory?: number;
}

/** Resident memory of the program without worker threads, and of each of them (measured, see bench/RESULTS.md). */
const BASE_BYTES = 256 * 2 ** 20;
const THREAD_BYTES = 64 * 2 ** 20;
/** Less work than this for a thread is done sooner without it. */
const WORTH_A_THREAD_BYTES = 16 * 2 ** 20;
const MOST_THREADS = 64;

/** Throws ConfigError where not even one thread fits. */
export function chooseThreads(
  limits: ResourceLimits,
  outputBytes: number,
  processors = navigator.hardwareConcurrency,
): number {
  const wanted = Math.min(
    limits.threads ?? Math.min(processors, MOST_THREADS),
    Math.max(1, Math.ceil(outputBytes / WORTH_A_THREAD_BYTES)),
  );
  if (limits.maxMemory === undefined) return wanted;
  const fitting = Math.floor((limits.maxMemory - BASE_BYTES) / THREAD_BYTES);
  if (fitting >= 1) return Math.min(wanted, fitting);
  const least = BASE_BYTES + THREAD_BYTES;
  throw new ConfigError(
    `Cannot merge within ${limits.maxMemory} bytes of memory, expected at least ${least}`,
    { found: limits.maxMemory, expected: least },
  );
}
