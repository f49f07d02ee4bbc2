/** Pulls and verifications as they happen. */
import { useEffect, useState } from "preact/hooks";
import { accepted, ApiError, request } from "../lib/api.ts";
import { follow } from "../lib/streams.ts";
import { useAction } from "../lib/hooks.ts";
import { bytes, moment, seconds, words } from "../lib/format.ts";
import { Link, modelHref } from "../lib/router.tsx";
import {
  CancelJob,
  type JobRowFragment,
  WatchJob,
  type WatchJobSubscription,
} from "../operations/generated.ts";
import { Bar, Problem } from "./parts.tsx";

export type JobEvent = WatchJobSubscription["modelJobEvents"];

/** The last event of a running job; null before the first. */
export function useJob(
  id: string | null,
  onEnd: () => void,
): { readonly event: JobEvent | null; readonly error: ApiError | null } {
  const [event, setEvent] = useState<JobEvent | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    setEvent(null);
    setError(null);
    if (id === null) return;
    const controller = new AbortController();
    const options = { onEvent: setEvent, signal: controller.signal };
    follow<WatchJobSubscription, JobEvent>(WatchJob, { id, afterSeq: 0 }, options).then(
      onEnd,
      (cause) => setError(cause instanceof ApiError ? cause : new ApiError("UNEXPECTED", String(cause))),
    );
    return () => controller.abort();
  }, [id]);
  return { event, error };
}

export function JobProgress({ event, what }: { event: JobEvent | null; what: string }) {
  if (event?.__typename !== "ModelJobProgress") return <p class="note" role="status">{what} …</p>;
  const total = Number(event.totalBytes);
  return (
    <div class="merge-progress">
      <Bar value={total === 0 ? 0 : Number(event.doneBytes) / total} label={what} />
      <p class="note">
        {words(event.stage)}: {bytes(event.doneBytes)} of {bytes(event.totalBytes)}
        {event.bytesPerSecond !== null && `, ${bytes(event.bytesPerSecond)}/s`}
        {event.secondsLeft !== null && event.secondsLeft >= 1 && `, ${seconds(event.secondsLeft)} left`}
      </p>
    </div>
  );
}

export function JobItem({ job, onEnd }: { job: JobRowFragment; onEnd: () => void }) {
  const isRunning = job.status === "RUNNING";
  const { event, error } = useJob(isRunning ? job.id : null, onEnd);
  const cancel = useAction(async () => {
    accepted((await request(CancelJob, { input: { id: job.id } })).cancelModelJob);
  });
  return (
    <li class="merge">
      <p class="merge-name">
        {job.model === null ? job.modelName : <Link href={modelHref(job.model.name)}>{job.model.name}</Link>}
        <span class="tag">{job.kind.toLowerCase()}</span>
      </p>
      {isRunning
        ? (
          <JobProgress
            event={event}
            what={`${job.kind === "PULL" ? "Pulling" : "Verifying"} ${job.modelName}`}
          />
        )
        : (
          <p class={`note ${job.status === "FAILED" ? "bad" : ""}`}>
            {words(job.status)}, {moment(job.finishedAt ?? job.createdAt)}
            {job.error && `: ${job.error.message}`}
          </p>
        )}
      {isRunning && (
        <button type="button" class="quiet small" disabled={cancel.busy} onClick={cancel.run}>
          Cancel<span class="unseen">{` ${job.modelName}`}</span>
        </button>
      )}
      {(error ?? cancel.error) && <Problem error={(error ?? cancel.error)!} />}
    </li>
  );
}
