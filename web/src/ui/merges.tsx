/** Merges as they happen: a row follows its merge's events over as many connections as it takes. */
import { useEffect, useRef, useState } from "preact/hooks";
import { accepted, ApiError, request } from "../lib/api.ts";
import { follow } from "../lib/streams.ts";
import { useAction, useQuery } from "../lib/hooks.ts";
import { bytes, seconds, words } from "../lib/format.ts";
import { Link, modelHref } from "../lib/router.tsx";
import {
  CancelMerge,
  type MergeRowFragment,
  Merges,
  WatchMerge,
  type WatchMergeSubscription,
} from "../operations/generated.ts";
import { Bar, methodName, Problem, Section } from "./parts.tsx";

type Event = WatchMergeSubscription["mergeEvents"];
const REFRESH_MS = 3_000;
const isOpen = ({ status }: MergeRowFragment) => status === "QUEUED" || status === "RUNNING";

/** Nothing while nothing is being merged. What ends while it is watched stays until the page is left. */
export function RunningMerges({ onChange }: { onChange: () => void }) {
  const { data } = useQuery(Merges, { first: 10 }, REFRESH_MS);
  const rows = data?.merges.edges.map(({ node }) => node) ?? [];
  // A merge may begin and end between two looks: what was not there at first is news, whatever its state.
  const old = useRef<ReadonlySet<string> | null>(null);
  if (old.current === null && data !== undefined) {
    old.current = new Set(rows.filter((row) => !isOpen(row)).map(({ id }) => id));
  }
  const open = rows.filter(({ id }) => !old.current?.has(id));
  if (open.length === 0) return null;
  return (
    <Section title="Being merged">
      <ul class="merges">
        {open.map((row) => <MergeProgressRow key={row.id} merge={row} onEnd={onChange} />)}
      </ul>
    </Section>
  );
}

export function MergeProgressRow({ merge, onEnd, canCancel }: {
  merge: MergeRowFragment;
  onEnd: () => void;
  canCancel?: boolean;
}) {
  const [event, setEvent] = useState<Event | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  useEffect(() => {
    const controller = new AbortController();
    follow<WatchMergeSubscription, Event>(WatchMerge, { id: merge.id, afterSeq: 0 }, {
      onEvent: setEvent,
      signal: controller.signal,
    })
      .then(
        onEnd,
        (cause) => setError(cause instanceof ApiError ? cause : new ApiError("UNEXPECTED", String(cause))),
      );
    return () => controller.abort();
  }, [merge.id]);
  const cancel = useAction(async () => {
    accepted((await request(CancelMerge, { input: { id: merge.id } })).cancelMerge);
  });
  const result = event?.__typename === "MergeFinished" ? event.model?.name : merge.model?.name;
  return (
    <li class="merge">
      <p class="merge-name">
        {result === undefined ? merge.name ?? "merge" : <Link href={modelHref(result)}>{result}</Link>}
        <span class="tag">{methodName(merge.method)}</span>
      </p>
      <MergeState merge={merge} event={event} />
      {canCancel && isOpen(merge) && (event === null || /Queued|Progress/.test(event.__typename)) && (
        <button type="button" class="quiet small" onClick={cancel.run} disabled={cancel.busy}>Cancel</button>
      )}
      {(error ?? cancel.error) && <Problem error={(error ?? cancel.error)!} />}
    </li>
  );
}

function MergeState({ merge, event }: { merge: MergeRowFragment; event: Event | null }) {
  switch (event?.__typename) {
    case undefined:
      return (
        <p class="note">
          {merge.error
            ? `${words(merge.status)}: ${merge.error.message}`
            : merge.status === "QUEUED"
            ? `Waiting${merge.position === null ? "" : `, ${merge.position} in the queue`}`
            : words(merge.status)}
        </p>
      );
    case "MergeQueued":
      return <p class="note">Waiting, {event.position} in the queue</p>;
    case "MergeProgress": {
      const fraction = Number(event.totalBytes) === 0
        ? 0
        : Number(event.doneBytes) / Number(event.totalBytes);
      return (
        <div class="merge-progress">
          <Bar value={fraction} label={`Merging ${merge.name ?? ""}`} />
          <p class="note">
            {event.doneTensors} of {event.totalTensors} tensors
            {event.bytesPerSecond !== null && `, ${bytes(event.bytesPerSecond)}/s`}
            {event.secondsLeft !== null && event.secondsLeft >= 1 && `, ${seconds(event.secondsLeft)} left`}
          </p>
        </div>
      );
    }
    case "MergeFinished":
      return <p class="note good" role="status">Merged and registered</p>;
    case "MergeFailed":
      return <p class="note bad" role="alert">Failed: {event.message}</p>;
    case "MergeCancelled":
      return <p class="note">Cancelled; nothing half-written is left</p>;
    default:
      return null;
  }
}
