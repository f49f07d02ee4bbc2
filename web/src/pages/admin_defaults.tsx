/** What requests that set nothing get: for all models or one, with every change that was ever made. */
import { useState } from "preact/hooks";
import { accepted, request } from "../lib/api.ts";
import { useAction, useQuery } from "../lib/hooks.ts";
import { moment } from "../lib/format.ts";
import { labelOf, type Parameter, type SamplingDraft, shown } from "../lib/parameters.ts";
import {
  DefaultsPage,
  Keys,
  ModelNames,
  RevertDefaults,
  type RevisionFragment,
  type SamplingInput,
  UpdateDefaults,
} from "../operations/generated.ts";
import { Empty, Loading, Problem, Section } from "../ui/parts.tsx";
import { SamplingFields } from "../ui/sampling.tsx";

export function DefaultsTab() {
  const [scope, setScope] = useState("");
  const names = useQuery(ModelNames, {}).data?.models.edges.map(({ node }) => node.name) ?? [];
  const ref = scope === "" ? null : { name: scope };
  const { data, error, reload } = useQuery(DefaultsPage, { model: ref });
  const [draft, setDraft] = useState<SamplingDraft>({});
  const [reason, setReason] = useState("");
  const [done, setDone] = useState("");
  const save = useAction(async (sampling: SamplingInput, why: string) => {
    const expectedRevision = data?.samplingDefaults.history.edges[0]?.node.revision ?? 0;
    const input = { ...ref === null ? {} : { model: ref }, sampling, reason: why, expectedRevision };
    const { revision } = accepted((await request(UpdateDefaults, { input })).updateSamplingDefaults);
    setDraft({});
    setReason("");
    setDone(`In force as revision ${revision.revision}`);
    reload();
  });
  const changed = Object.keys(draft).length;
  const submit = (event: Event) => {
    event.preventDefault();
    save.run(draft as SamplingInput, reason.trim());
  };
  return (
    <>
      <label class="scope">
        In force for
        <select
          value={scope}
          onChange={({ currentTarget }) => {
            setScope(currentTarget.value);
            setDraft({});
            setDone("");
          }}
        >
          <option value="">every model</option>
          {names.map((name) => <option key={name} value={name}>{name}</option>)}
        </select>
      </label>
      {error && <Problem error={error} retry={reload} />}
      {data === undefined && !error && <Loading what="the defaults" />}
      {data !== undefined && (
        <div class="two">
          <Section
            title="Values"
            note="What you change here becomes a new revision. Running answers keep theirs."
          >
            <form onSubmit={submit}>
              <SamplingFields
                key={scope}
                prefix="defaults"
                parameters={data.samplingParameters}
                draft={draft}
                onChange={setDraft}
              />
              <div class={`save ${changed === 0 ? "" : "pending"}`}>
                {changed > 0 && (
                  <div class="save-diff">
                    <Diff changes={pendingChanges(data.samplingParameters, draft)} />
                  </div>
                )}
                <label>
                  Reason
                  <input
                    value={reason}
                    required
                    placeholder="Shorter answers"
                    onInput={({ currentTarget }) => setReason(currentTarget.value)}
                  />
                </label>
                <button
                  type="submit"
                  class="primary"
                  disabled={changed === 0 || reason.trim() === "" || save.busy}
                >
                  {save.busy ? "Saving …" : changed === 0 ? "Nothing changed" : `Put ${changed} in force`}
                </button>
                {changed > 0 && reason.trim() === "" && (
                  <p class="note">A reason first: it stands in the history.</p>
                )}
              </div>
              <p role="status" class="note good">{done}</p>
              {save.error && <Problem error={save.error} />}
            </form>
          </Section>
          <History
            history={data.samplingDefaults.history.edges.map(({ node }) => node)}
            scope={scope}
            reload={reload}
          />
        </div>
      )}
    </>
  );
}

/** What is about to be put in force, against what is. */
function pendingChanges(parameters: readonly Parameter[], draft: SamplingDraft) {
  return Object.entries(draft).map(([parameter, value]) => ({
    parameter,
    before: parameters.find(({ name }) => name === parameter)?.default ?? null,
    after: JSON.stringify(value),
  }));
}

function History({ history, scope, reload }: {
  history: readonly RevisionFragment[];
  scope: string;
  reload: () => void;
}) {
  const labels = new Map((useQuery(Keys, {}).data?.apiKeys ?? []).map(({ id, label }) => [id, label]));
  const revert = useAction(async (revision: number) => {
    const input = {
      ...scope === "" ? {} : { model: { name: scope } },
      revision,
      expectedRevision: history[0]?.revision ?? 0,
      reason: revision === 0 ? "Back to no defaults" : `Back to revision ${revision}`,
    };
    accepted((await request(RevertDefaults, { input })).revertSamplingDefaults);
    reload();
  });
  return (
    <Section title="History" note="The newest first; each against the one before it." isBeside>
      {revert.error && <Problem error={revert.error} />}
      {history.length === 0 && (
        <Empty title="Nobody has set anything here">
          <p>
            What requests leave open comes from the checkpoint, or is built in. The first change shows here.
          </p>
        </Empty>
      )}
      <ol class="history">
        {history.map((revision, index) => (
          <li key={revision.id}>
            <p class="history-top">
              <strong>{revision.revision}</strong>
              <span>{revision.reason}</span>
            </p>
            <p class="note">
              {moment(revision.createdAt)}, by{" "}
              <span title={revision.author}>{labels.get(revision.author) ?? revision.author}</span>
            </p>
            <Diff changes={revision.changes} />
            {index > 0 && (
              <button
                type="button"
                class="quiet small"
                disabled={revert.busy}
                onClick={() => revert.run(revision.revision)}
              >
                Put revision {revision.revision} in force again
              </button>
            )}
          </li>
        ))}
      </ol>
      {history.length > 0 && (
        <button
          type="button"
          class="quiet small"
          disabled={revert.busy}
          onClick={() => revert.run(0)}
        >
          Remove all that is set here
        </button>
      )}
    </Section>
  );
}

function Diff({ changes }: { changes: RevisionFragment["changes"] }) {
  if (changes.length === 0) return <p class="note">The same values as before.</p>;
  return (
    <table class="diff">
      <thead class="unseen">
        <tr>
          <th scope="col">Parameter</th>
          <th scope="col">Before</th>
          <th scope="col">After</th>
        </tr>
      </thead>
      <tbody>
        {changes.map(({ parameter, before, after }) => (
          <tr key={parameter}>
            <th scope="row">{labelOf(parameter)}</th>
            <td>
              <del>{shown(before)}</del>
            </td>
            <td>
              <ins>{shown(after)}</ins>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
