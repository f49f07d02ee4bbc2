/**
 * Which cases properties try, and how many. The tasks that test load this before any test: they try the same cases each
 * time, so that a change is never blamed for an old fault that chance has found just now. `deno task soak` looks for
 * those: new cases with every run, and GEODESIC_PROPERTY_TIMES as many of them.
 */
import fc from "fast-check";

const times = Number(Deno.env.get("GEODESIC_PROPERTY_TIMES") ?? 1);

/** What to give for `numRuns` where a property does not take fast-check's hundred. */
export const runs = (count: number): number => count * times;

fc.configureGlobal(times === 1 ? { seed: 20240110 } : { numRuns: runs(100) });
