/**
 * How many threads a merge uses. Each holds a JavaScript engine of its own and a few blocks, whatever the size of the
 * tensors, and, where its method selects elements, a bit for each of them: so a limit on memory is a limit on threads.
 */
import { formatBytesApart } from "../byte_size.ts";
import { ConfigError } from "../errors.ts";
import type { MergePlan } from "./plan.ts";
import { elementsOf } from "./step.ts";

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

export interface WorkSize {
  readonly outputBytes: number;
  /** Most that a thread holds of selected elements; see {@link selectionBytesOf}. */
  readonly selectionBytes: number;
}

/** A bit for each element of each input, of the step where that is most. */
export function selectionBytesOf({ method, steps }: Pick<MergePlan, "method" | "steps">): number {
  if (method.selects !== true) return 0;
  return steps.reduce(
    (most, step) => Math.max(most, step.inputs.length * Math.ceil(elementsOf(step) / 8)),
    0,
  );
}

/** Throws ConfigError where not even one thread fits. */
export function chooseThreads(
  limits: ResourceLimits,
  { outputBytes, selectionBytes }: WorkSize,
  processors = navigator.hardwareConcurrency,
): number {
  const wanted = Math.min(
    limits.threads ?? Math.min(processors, MOST_THREADS),
    Math.max(1, Math.ceil(outputBytes / WORTH_A_THREAD_BYTES)),
  );
  if (limits.maxMemory === undefined) return wanted;
  const fitting = Math.floor((limits.maxMemory - BASE_BYTES) / (THREAD_BYTES + selectionBytes));
  if (fitting >= 1) return Math.min(wanted, fitting);
  const least = BASE_BYTES + THREAD_BYTES + selectionBytes;
  const [found, expected] = formatBytesApart(limits.maxMemory, least);
  throw new ConfigError(
    `Cannot merge within ${found} of memory, expected at least ${expected}`,
    { found: limits.maxMemory, expected: least },
  );
}
