/** Which models are on the device. */
import { accepted, request } from "../lib/api.ts";
import { useAction, useQuery } from "../lib/hooks.ts";
import { Link, modelHref } from "../lib/router.tsx";
import { LoadModel, ModelNames, type ModelNamesQuery, UnloadModel } from "../operations/generated.ts";
import { Bar, Empty, Loading, Problem, ResidencyBadge, Section } from "../ui/parts.tsx";

type Row = ModelNamesQuery["models"]["edges"][number]["node"];

export function ModelsTab() {
  const { data, error, reload } = useQuery(ModelNames, {}, 1_000);
  const rows = data?.models.edges.map(({ node }) => node);
  return (
    <Section title="Models" note="A model that is cold is loaded by the first who asks it.">
      {error && <Problem error={error} retry={reload} />}
      {rows === undefined && !error && <Loading what="models" />}
      {rows?.length === 0 && <Empty title="No model is registered" />}
      <ul class="rows">{rows?.map((model) => <ModelRow key={model.id} model={model} reload={reload} />)}</ul>
    </Section>
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
