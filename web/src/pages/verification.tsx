/** Whether a model still is what its record says: hashed, held to its record, and merged again. */
import { useState } from "preact/hooks";
import { accepted, apiKey, request } from "../lib/api.ts";
import { useAction, useQuery } from "../lib/hooks.ts";
import { count, moment, words } from "../lib/format.ts";
import { ModelJobs, type VerifiedFragment, VerifyModel } from "../operations/generated.ts";
import { JobProgress, useJob } from "../ui/jobs.tsx";
import { Hash, Problem } from "../ui/parts.tsx";

export function Verification({ modelId, name }: { modelId: string; name: string }) {
  const where = { kind: "VERIFY" as const, nameContains: name };
  const jobs = useQuery(ModelJobs, { first: 10, where });
  const last = jobs.data?.modelJobs.edges.map(({ node }) => node).find(({ modelName }) => modelName === name);
  const [started, setStarted] = useState<string | null>(null);
  const running = started ?? (last?.status === "RUNNING" ? last.id : null);
  const { event, error } = useJob(running, jobs.reload);
  const verify = useAction(async () => {
    setStarted(
      accepted((await request(VerifyModel, { input: { model: { id: modelId } } })).verifyModel).job.id,
    );
  });
  const result = event?.__typename === "ModelJobFinished" ? event.job?.verification : last?.verification;
  const isRunning = running !== null && error === null &&
    (event === null || !/Finished|Failed|Cancelled/.test(event.__typename));
  return (
    <div class="verification">
      {isRunning ? <JobProgress event={event} what={`Verifying ${name}`} /> : (
        <button
          type="button"
          class="quiet"
          disabled={verify.busy || apiKey.value === null}
          onClick={verify.run}
        >
          {result ? "Verify again" : "Verify"}
        </button>
      )}
      {apiKey.value === null && (
        <p class="note">
          Verifying hashes every file and merges every tensor anew, so it takes an admin’s key: “Use a key”,
          at the top.
        </p>
      )}
      {event?.__typename === "ModelJobFailed" && <p class="note bad" role="alert">Failed: {event.message}</p>}
      {(verify.error ?? error) && <Problem error={(verify.error ?? error)!} />}
      {!isRunning && result && <Findings found={result} at={last?.finishedAt ?? null} />}
    </div>
  );
}

function Findings({ found, at }: { found: VerifiedFragment; at: string | null }) {
  return (
    <div role="status">
      <p class={found.ok ? "verdict good" : "verdict bad"}>
        {found.ok
          ? "It is what its record says."
          : `${count(found.mismatchCount)} things differ from the record.`}
      </p>
      <p class="note">
        {count(found.files)} files and {count(found.hashedTensors)} tensors hashed,{" "}
        {count(found.recomputedTensors)} of {count(found.totalTensors)}{" "}
        merged again{at && `, ${moment(at)}`}. Manifest{" "}
        <Hash value={found.manifestSha256} what="the manifest" />
      </p>
      {found.sources.length > 0 && (
        <p class="note">
          Parents:{" "}
          {found.sources.map(({ name, state }) => `${name} ${words(state).toLowerCase()}`).join(", ")}
        </p>
      )}
      {found.mismatches.length > 0 && (
        <ul class="mismatches">
          {found.mismatches.slice(0, 20).map((each, index) => (
            <li key={index}>
              <strong>{words(each.kind)}</strong> <code>{each.subject}</code>
              {each.found !== null && `: found ${each.found.slice(0, 24)}`}
              {each.expected !== null && `, expected ${each.expected.slice(0, 24)}`}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
