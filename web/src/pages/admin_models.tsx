/** Which models are on the device, and how others come here. */
import { useState } from "preact/hooks";
import { accepted, request } from "../lib/api.ts";
import { useAction, useQuery } from "../lib/hooks.ts";
import { Link, modelHref } from "../lib/router.tsx";
import {
  LoadModel,
  ModelJobs,
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
  const rows = data?.models.edges.map(({ node }) => node);
  return (
    <>
      <Section title="Models" note="A model that is cold is loaded by the first who asks it.">
        {error && <Problem error={error} retry={reload} />}
        {rows === undefined && !error && <Loading what="models" />}
        {rows?.length === 0 && <Empty title="No model is registered" />}
        <ul class="rows">
          {rows?.map((model) => <ModelRow key={model.id} model={model} reload={reload} />)}
        </ul>
      </Section>
      <Pulls onEnd={reload} />
    </>
  );
}

function Pulls({ onEnd }: { onEnd: () => void }) {
  const jobs = useQuery(ModelJobs, { first: 10, where: null }, 5_000);
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
      <Section title="Pull" note="From the hub that the gateway was told of; every hash is checked.">
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
            Revision
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
        {rows?.length === 0 && <Empty title="None so far" />}
        <ul class="merges">{rows?.map((job) => <JobItem key={job.id} job={job} onEnd={ended} />)}</ul>
      </Section>
    </div>
  );
}

function ModelRow({ model, reload }: { model: Row; reload: () => void }) {
  const { residency } = model;
  const act = useAction(async (load: boolean) => {
    const input = { model: { id: model.id } };
    if (load) accepted((await request(LoadModel, { input })).loadModel);
    else accepted((await request(UnloadModel, { input })).unloadModel);
    reload();
  });
  const canLoad = residency.state === "COLD" || residency.state === "FAILED";
  return (
    <li class="row">
      <div class="row-main">
        <Link href={modelHref(model.name)}>{model.name}</Link>
        <ResidencyBadge residency={residency} />
        {residency.state === "LOADING" && <Bar value={residency.fraction} label={`Loading ${model.name}`} />}
        {residency.error && <span class="note bad">{residency.error.message}</span>}
      </div>
      <div class="row-actions">
        {canLoad && (
          <button type="button" class="quiet" disabled={act.busy} onClick={() => act.run(true)}>
            Load<span class="unseen">{` ${model.name}`}</span>
          </button>
        )}
        {residency.state === "WARM" && (
          <button
            type="button"
            class="quiet"
            disabled={act.busy}
            onClick={() => act.run(false)}
          >
            Unload<span class="unseen">{` ${model.name}`}</span>
          </button>
        )}
      </div>
      {act.error && <Problem error={act.error} />}
    </li>
  );
}
