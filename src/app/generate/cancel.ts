/**
 * Cancelling a generation, wherever it runs: here at once; at another gateway by a request in its row, which that one
 * carries out; and where nobody runs it any more, by ending it.
 */
import { CapacityError } from "../../errors.ts";
import { toTime } from "../../store/codec.ts";
import { findGeneration, isOpen, requestCancel } from "../../store/generations.ts";
import { LEASE_MS } from "../membership.ts";
import type { ActiveJobs } from "./active_jobs.ts";
import { endInterrupted, type RecoveryOptions } from "./recovery.ts";

export interface CancelOptions extends RecoveryOptions {
  readonly jobs: ActiveJobs;
}

/** How often, and how long, it waits for another gateway; a dead one's generations are ended before that. */
const POLL_MS = 100;
const PATIENCE_MS = 2 * LEASE_MS;

/** Resolves when its end is written, or there is no such generation. CapacityError where its gateway does not answer. */
export async function cancelGeneration(options: CancelOptions, id: string): Promise<void> {
  const { db, clock, jobs, membership } = options;
  await jobs.cancel(id);
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += POLL_MS) {
    const row = await findGeneration(db, id);
    if (row === undefined || !isOpen(row) || jobs.has(id)) return;
    if (await membership.isSibling(row.gateway_id)) {
      await requestCancel(db, id, toTime(clock.now()));
      await new Promise<void>((resolve) => clock.after(POLL_MS, resolve));
    } else {
      await endInterrupted(options, row); // its end could not be written, or its gateway is dead
    }
  }
  throw new CapacityError("The gateway that runs this generation does not answer", {
    id,
    retryAfterMs: POLL_MS,
  });
}
