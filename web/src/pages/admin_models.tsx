/** Which models are on the device, and how others come here. */
import { useState } from "preact/hooks";
import { accepted, request } from "../lib/api.ts";
import { type Loaded, useAction, useQuery } from "../lib/hooks.ts";
import { Link, modelHref } from "../lib/router.tsx";
import {
  LoadModel,
  ModelJobs,
  type ModelJobsQuery,
  ModelNames,
  type ModelNamesQuery,
  PullModel,
  UnloadModel,
} from "../operations/generated.ts";
import { JobItem } from "../ui/jobs.tsx";
import { Bar, Empty, Loading, Problem, ResidencyBadge, Section } from "../ui/parts.tsx";

type Row = ModelNamesQuery["models"]["edges"][number]["node"];

export function ModelsTab() {
  const { data, error, reload } = useQuery(ModelNames, {}, 1_000);
  const jobs = useQuery(ModelJobs, { first: 10, where: null }, 5_000);
  const rows = data?.models.edges.map(({ node }) => node);
  return (
    <>
      <Section title="Models" note="A cold model is loaded when somebody asks it, or here.">
        {error && <Problem error={error} retry={reload} />}
        {rows === undefined && !error && <Loading what="models" />}
        {rows?.length === 0 && (
          <Empty title="No model is registered">
            <p>Pull one below, or merge two under Merges.</p>
          </Empty>
        )}
        <ul class="rows">
          {rows?.map((model) => (
            <ModelRow
              key={model.id}
              model={model}
              reload={reload}
              onPull={jobs.reload}
            />
          ))}
        </ul>
      </Section>
      <Pulls jobs={jobs} onEnd={reload} />
    </>
  );
}

function Pulls({ jobs, onEnd }: { jobs: Loaded<ModelJobsQuery>; onEnd: () => void }) {
  const [repository, setRepository] = useState("");
  const [revision, setRevision] = useState("");
  const pull = useAction(async () => {
    const input = {
      repository: repository.trim(),
      ...revision.trim() === "" ? {} : { revision: revision.trim() },
    };
    accepted((await request(PullModel, { input })).pullModel);
    setRepository("");
    jobs.reload();
  });
  const ended = () => {
    jobs.reload();
    onEnd();
  };
  const submit = (event: Event) => {
    event.preventDefault();
    pull.run();
  };
  const rows = jobs.data?.modelJobs.edges.map(({ node }) => node);
  return (
    <div class="two">
      <Section title="Pull" note="From the gateway’s hub; every file is held to its hash.">
        <form class="key-new" onSubmit={submit}>
          <label>
            Repository
            <input
              value={repository}
              required
              placeholder="owner/name"
              spellcheck={false}
              onInput={({ currentTarget }) => setRepository(currentTarget.value)}
            />
          </label>
          <label>
            Revision, if it is not to be main
            <input
              value={revision}
              placeholder="main"
              spellcheck={false}
              onInput={({ currentTarget }) => setRevision(currentTarget.value)}
            />
          </label>
          <button type="submit" class="primary" disabled={pull.busy || repository.trim() === ""}>Pull</button>
        </form>
        {pull.error && <Problem error={pull.error} />}
      </Section>
      <Section title="Pulls and verifications">
        {jobs.error && <Problem error={jobs.error} retry={jobs.reload} />}
        {rows === undefined && !jobs.error && <Loading what="jobs" />}
        {rows?.length === 0 && (
          <Empty title="None so far">
            <p>What is pulled here, or verified on a model’s page, is followed in this place.</p>
          </Empty>
        )}
        <ul class="merges">{rows?.map((job) => <JobItem key={job.id} job={job} onEnd={ended} />)}</ul>
      </Section>
    </div>
  );
}

function ModelRow({ model, reload, onPull }: { model: Row; reload: () => void; onPull: () => void }) {
  const { residency } = model;
  const act = useAction(async (load: boolean) => {
    const input = { model: { id: model.id } };
    if (load) accepted((await request(LoadModel, { input })).loadModel);
    else accepted((await request(UnloadModel, { input })).unloadModel);
    reload();
  });
  const pull = useAction(async () => {
    accepted((await request(PullModel, { input: { repository: model.name } })).pullModel);
    onPull();
  });
  const error = act.error ?? pull.error;
  return (
    <li class="row">
      <div class="row-main">
        <Link href={modelHref(model.name)}>{model.name}</Link>
        <ResidencyBadge residency={residency} withTime />
        <span class="note">concurrency cost {model.concurrencyCost}</span>
        {residency.state === "LOADING" && <Bar value={residency.fraction} label={`Loading ${model.name}`} />}
        {residency.state === "MISSING_WEIGHTS"
          ? (
            <span class="note whole">
              Known from the catalogue. Pull its weights
              {model.parents.length > 0 && ", merge it by its recipe,"} or register a folder that holds them.
            </span>
          )
          : residency.error && <span class="note bad whole">{residency.error.message}</span>}
      </div>
      <div class="row-actions">
        <RowAction state={residency.state} name={model.name} {...{ act, pull }} />
      </div>
      {error && <Problem error={error} />}
    </li>
  );
}

function RowAction({ state, name, act, pull }: {
  state: string;
  name: string;
  act: { readonly run: (load: boolean) => void; readonly busy: boolean };
  pull: { readonly run: () => void; readonly busy: boolean };
}) {
  const actions: Readonly<Record<string, readonly [label: string, busy: boolean, run: () => void]>> = {
    COLD: ["Load", act.busy, () => act.run(true)],
    FAILED: ["Load", act.busy, () => act.run(true)],
    WARM: ["Unload", act.busy, () => act.run(false)],
    MISSING_WEIGHTS: ["Pull", pull.busy, pull.run],
  };
  const action = actions[state];
  if (action === undefined) return null;
  const [label, busy, run] = action;
  return (
    <button type="button" class="quiet" disabled={busy} onClick={run}>
      {label}
      <span class="unseen">{` ${name}`}</span>
    </button>
  );
}
