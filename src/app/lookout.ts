/**
 * What a gateway does beside its requests: it keeps its lease, ends or takes over what dead gateways have left, and does
 * what others on its database have asked of it.
 */
import type { Db } from "../store/database.ts";
import { cancelRequested } from "../store/generations.ts";
import { mergeCancelRequested } from "../store/merges.ts";
import type { ActiveJobs } from "./generate/active_jobs.ts";
import { endInterruptedGenerations } from "./generate/recovery.ts";
import { HEARTBEAT_MS, type Membership } from "./membership.ts";
import { type MergeRunOptions, recoverMerges } from "./merge/start.ts";
import type { ModelJobs } from "./model_jobs.ts";
import { Repeat } from "./repeat.ts";

/** How soon a cancel that was asked for at another gateway is carried out. */
const ASKED_MS = 250;

export interface LookoutOptions {
  readonly db: Db;
  readonly membership: Membership;
  readonly jobs: ActiveJobs;
  readonly merging: MergeRunOptions;
  readonly modelJobs: ModelJobs;
}

/** Until it is disposed. */
export function createLookout({ db, membership, jobs, merging, modelJobs }: LookoutOptions): AsyncDisposable {
  const { clock, reportError, queue } = merging;
  const repeats = new AsyncDisposableStack();
  repeats.use(
    new Repeat({
      ...{ clock, reportError, everyMs: HEARTBEAT_MS },
      work: async () => {
        await membership.renew();
        await endInterruptedGenerations({ db, clock, membership, jobs });
        if (!membership.isShared) return;
        await recoverMerges(merging);
        await modelJobs.recover();
      },
    }),
  );
  if (membership.isShared) {
    repeats.use(
      new Repeat({
        ...{ clock, reportError, everyMs: ASKED_MS },
        work: async () => {
          for (const id of await cancelRequested(db, membership.id)) await jobs.cancel(id);
          for (const id of await mergeCancelRequested(db, membership.id)) await queue.cancel(id);
          await modelJobs.cancelRequested();
        },
      }),
    );
  }
  return repeats;
}
