/** Merging: a configuration in, a registered model out, watched while it happens. */
import { useRef, useState } from "preact/hooks";
import { accepted, request } from "../lib/api.ts";
import { useAction, useQuery } from "../lib/hooks.ts";
import { moment, words } from "../lib/format.ts";
import { Link, modelHref } from "../lib/router.tsx";
import { MergePlan, type MergePlanQuery, Merges, StartMerge } from "../operations/generated.ts";
import { MergeProgressRow } from "../ui/merges.tsx";
import { PlanPreview } from "./merge_plan.tsx";
import { Empty, Loading, methodName, Problem, Section } from "../ui/parts.tsx";

const EXAMPLE = `slices:
  - sources:
      - model: geodesic/demo-helper
        layer_range: [0, 8]
      - model: geodesic/demo-storyteller
        layer_range: [0, 8]
merge_method: slerp
base_model: geodesic/demo-helper
parameters:
  t:
    - filter: self_attn
      value: [0, 0.5, 0.3, 0.7, 1]
    - filter: mlp
      value: [1, 0.5, 0.7, 0.3, 0]
    - value: 0.5
dtype: bfloat16
`;

export function MergesTab() {
  const merges = useQuery(Merges, { first: 20 }, 3_000);
  const [name, setName] = useState("");
  const [configYaml, setConfigYaml] = useState(EXAMPLE);
  const start = useAction(async () => {
    accepted((await request(StartMerge, { input: { configYaml, name: name.trim() } })).startMerge);
    setName("");
    merges.reload();
  });
  const [plan, setPlan] = useState<MergePlanQuery["mergePlan"] | null>(null);
  const preview = useAction(async () => setPlan((await request(MergePlan, { configYaml })).mergePlan));
  const rows = merges.data?.merges.edges.map(({ node }) => node) ?? [];
  const open = rows.filter(({ status }) => status === "QUEUED" || status === "RUNNING");
  const field = useRef<HTMLTextAreaElement>(null);
  /** Selects the line that a problem is in. */
  const goTo = (line: number) => {
    const lines = configYaml.split("\n");
    const from = lines.slice(0, line - 1).reduce((sum, { length }) => sum + length + 1, 0);
    field.current?.focus();
    field.current?.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0));
  };
  const submit = (event: Event) => {
    event.preventDefault();
    start.run();
  };
  return (
    <div class="two">
      <Section title="Start a merge" note="A mergekit configuration over registered models.">
        <form class="merge-form" onSubmit={submit}>
          <label>
            Name of the result
            <input
              value={name}
              required
              pattern="[^\s\/]+\/[^\s\/]+"
              title="owner/name"
              placeholder="owner/name"
              spellcheck={false}
              onInput={({ currentTarget }) => setName(currentTarget.value)}
            />
          </label>
          <label>
            Configuration
            <textarea
              ref={field}
              class="yaml"
              rows={18}
              value={configYaml}
              spellcheck={false}
              onInput={({ currentTarget }) => {
                setConfigYaml(currentTarget.value);
                setPlan(null);
              }}
            />
          </label>
          <div class="actions">
            <button type="submit" class="primary" disabled={start.busy || name.trim() === ""}>
              {start.busy ? "Checking …" : "Merge"}
            </button>
            <button type="button" class="quiet" disabled={preview.busy} onClick={preview.run}>
              {preview.busy ? "Planning …" : "Preview the plan"}
            </button>
          </div>
          {name.trim() === "" && <p class="note">To merge, the result needs a name.</p>}
          {preview.error && <Problem error={preview.error} />}
          {plan && <PlanPreview plan={plan} onProblem={goTo} />}
          {start.error && <Problem error={start.error} />}
        </form>
      </Section>
      <Section
        title="Merges"
        note={merges.data === undefined ? "" : `${merges.data.merges.totalCount} so far`}
      >
        {merges.error && <Problem error={merges.error} retry={merges.reload} />}
        {merges.data === undefined && !merges.error && <Loading what="merges" />}
        {merges.data !== undefined && rows.length === 0 && (
          <Empty title="Nothing has been merged here">
            <p>The configuration beside this merges the demo pair, if that is registered.</p>
          </Empty>
        )}
        <ul class="merges" aria-label="Open merges">
          {open.map((merge) => (
            <MergeProgressRow key={merge.id} merge={merge} onEnd={merges.reload} canCancel />
          ))}
        </ul>
        <ul class="merges" aria-label="Merges that have ended">
          {rows.filter((row) =>
            !open.includes(row)
          ).map((merge) => (
            <li key={merge.id} class="merge">
              <p class="merge-name">
                {merge.model === null
                  ? merge.name ?? "a model that is gone"
                  : <Link href={modelHref(merge.model.name)}>{merge.model.name}</Link>}
                <span class="tag">{methodName(merge.method)}</span>
              </p>
              <p
                class={`note ${
                  merge.status === "SUCCEEDED" ? "good" : merge.status === "FAILED" ? "bad" : ""
                }`}
              >
                {words(merge.status)}, {moment(merge.finishedAt ?? merge.createdAt)}
                {merge.error && `: ${merge.error.message}`}
              </p>
            </li>
          ))}
        </ul>
      </Section>
    </div>
  );
}
