/**
 * What a gateway does beside its requests: it keeps its lease, ends or takes over what dead gateways have left, lets go
 * of what others have taken from it while it was thought dead, and does what others on its database have asked of it.
 * Each of these goes on whatever holds up the others; above all the lease.
 */
import type { Db } from "../store/database.ts";
import { cancelRequested, takenGenerations } from "../store/generations.ts";
import { mergeCancelRequested, takenMerges } from "../store/merges.ts";
import type { Admission } from "./admission.ts";
import type { ActiveJobs } from "./generate/active_jobs.ts";
import { endInterruptedGenerations, INTERRUPTED } from "./generate/recovery.ts";
import type { RemoteWatchers } from "./generate/remote_watchers.ts";
import { HEARTBEAT_MS, type Membership } from "./membership.ts";
import { type MergeRunOptions, recoverMerges } from "./merge/start.ts";
import type { ModelJobs } from "./model_jobs.ts";
import { Repeat } from "./repeat.ts";

/** How soon a cancel that was asked for at another gateway is carried out. */
const ASKED_MS = 250;
/** What has lain in the library for a week goes within an hour more. */
const TIDY_MS = 3_600_000;
/** Ids in one statement. */
const BATCH = 500;

export interface LookoutOptions {
  readonly db: Db;
  readonly membership: Membership;
  readonly jobs: ActiveJobs;
  readonly remoteWatchers: RemoteWatchers;
  readonly admission: Admission;
  readonly merging: MergeRunOptions;
  readonly modelJobs: ModelJobs;
  readonly tidyLibrary: () => Promise<void>;
}

/** Until it is disposed. */
export function createLookout(options: LookoutOptions): AsyncDisposable {
  const { db, membership, jobs, remoteWatchers, admission, merging, modelJobs, tidyLibrary } = options;
  const { clock, reportError, queue } = merging;
  const repeats = new AsyncDisposableStack();
  const repeat = (everyMs: number, work: () => Promise<void>) =>
    repeats.use(new Repeat({ clock, reportError, everyMs, work }));

  repeat(HEARTBEAT_MS, async () => {
    if (await membership.renew()) remoteWatchers.noteAgain();
  });
  repeat(HEARTBEAT_MS, async () => {
    const ended = await endInterruptedGenerations({ db, clock, membership, jobs, reportError });
    if (ended > 0) admission.pump(); // their units are free
  });
  repeat(HEARTBEAT_MS, () => recoverMerges(merging));
  repeat(HEARTBEAT_MS, () => modelJobs.recover());
  repeat(TIDY_MS, tidyLibrary);
  if (!membership.isShared) return repeats;

  repeat(HEARTBEAT_MS, () => letGoOfTaken(options));
  repeat(ASKED_MS, async () => {
    for (const id of await cancelRequested(db, membership.id)) await jobs.cancel(id);
  });
  repeat(ASKED_MS, async () => {
    for (const id of await mergeCancelRequested(db, membership.id)) await queue.cancel(id);
  });
  repeat(ASKED_MS, () => modelJobs.cancelRequested());
  return repeats;
}

/**
 * A gateway that stood still for longer than its lease finds that others have ended what it ran. What it would have
 * written next is refused by the log, but what waits for something writes nothing.
 */
async function letGoOfTaken({ db, membership, jobs, merging }: LookoutOptions): Promise<void> {
  const ids = jobs.ids();
  for (let start = 0; start < ids.length; start += BATCH) {
    const taken = await takenGenerations(db, ids.slice(start, start + BATCH), membership.id);
    for (const id of taken) await jobs.fail(id, INTERRUPTED);
  }
  const { queue } = merging;
  for (const id of await takenMerges(db, queue.ids(), membership.id)) await queue.abandon(id);
}
