/**
 * The end of a serving process, whatever lies in its way: a database that is gone, or that takes what it is told and says
 * nothing, can neither hold up the process nor be the reason that it gives.
 */
import { type Log, logUnexpected } from "../app/request.ts";

/**
 * Those who run services end what does not end by itself, after half a minute at most as a rule. Nothing is lost that a
 * process could lose by that: whoever serves the database next ends what is left open in it.
 */
const END_MS = 10_000;

/** Disposes what `cleanup` holds. Waits so long and no longer, and logs what fails instead of throwing it. */
export async function endWithin(
  cleanup: AsyncDisposableStack,
  { log, limitMs = END_MS }: { readonly log: Log; readonly limitMs?: number },
): Promise<void> {
  const late = Promise.withResolvers<"late">();
  const timer = setTimeout(() => late.resolve("late"), limitMs);
  try {
    const ended = await Promise.race([cleanup.disposeAsync(), late.promise]);
    if (ended === "late") log("error", "what had to be ended did not end in time", { limitMs });
  } catch (error) {
    for (const each of causesOf(error)) logUnexpected(log, "unexpected error while stopping", each, {});
  } finally {
    clearTimeout(timer);
  }
}

/** The first one first: a stack of which several fail holds one in another. */
function causesOf(error: unknown): readonly unknown[] {
  return error instanceof SuppressedError
    ? [...causesOf(error.suppressed), ...causesOf(error.error)]
    : [error];
}
