/** All models, what is being merged, and how the gateway is. */
import { useState } from "preact/hooks";
import { apiKey } from "../lib/api.ts";
import { useQuery, useStream } from "../lib/hooks.ts";
import { context, parameters, QUANTIZATIONS, words } from "../lib/format.ts";
import { Link, modelHref } from "../lib/router.tsx";
import {
  EngineState,
  ModelEvents,
  type ModelEventsSubscription,
  Models,
  type ModelsQuery,
} from "../operations/generated.ts";
import { Globe } from "../ui/globe.tsx";
import { RunningMerges } from "../ui/merges.tsx";
import {
  Copy,
  Empty,
  Loading,
  methodName,
  Problem,
  ResidencyBadge,
  Section,
  useLatest,
  useTitle,
} from "../ui/parts.tsx";

type Card = ModelsQuery["models"]["edges"][number]["node"];
type Residency = ModelEventsSubscription["modelEvents"]["residency"];
const REFRESH_MS = 4_000;
/** What changes is told at once; this is for what was missed. */
const LIST_REFRESH_MS = 30_000;

export function Home() {
  useTitle("Models");
  const [filter, setFilter] = useState("");
  const [first, setFirst] = useState(24);
  const models = useQuery(
    Models,
    { first, where: filter === "" ? null : { nameContains: filter } },
    LIST_REFRESH_MS,
  );
  const [live, setLive] = useState<ReadonlyMap<string, Residency>>(new Map());
  useStream(ModelEvents, { ref: null }, ({ modelEvents: { news, model, residency } }) => {
    if (model !== null) setLive((before) => new Map(before).set(model.id, residency));
    if (news === "REGISTERED" || news === "REMOVED" || news === "UPDATED") models.reload();
  });
  const list = useLatest(models.data?.models);
  const shellModel = example(list?.edges ?? []);
  return (
    <>
      <div class="hero">
        <div>
          <p class="kicker">Model gateway</p>
          <h1>The shortest way between two models is an arc.</h1>
          <p class="lede">
            Merged along the great circle, served from here, and accounted for down to the single tensor.
          </p>
          <Status />
        </div>
        <Globe marks={[0, 0.25, 0.5, 0.75, 1]} at={0.5} from="one parent" to="the other" />
      </div>
      <RunningMerges onChange={models.reload} />
      <Section title="Models" note={list === undefined ? "" : `${list.totalCount} registered`}>
        <label class="search">
          <span class="unseen">Filter models by name</span>
          <input
            type="search"
            placeholder="Filter by name"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        </label>
        {models.error && <Problem error={models.error} retry={models.reload} />}
        {list === undefined && !models.error && <Loading what="models" />}
        {list?.edges.length === 0 && (filter === ""
          ? (
            <Empty title="No model is registered yet">
              <p>
                <code>deno task start</code> merges a first pair. An admin{" "}
                <Link href="/admin/models">pulls one from a hub</Link>, and the mutation{" "}
                <code>registerModel</code> takes a folder that is on this machine.
              </p>
            </Empty>
          )
          : (
            <Empty title={`No model’s name has “${filter}” in it`}>
              <p>
                <button type="button" class="quiet" onClick={() => setFilter("")}>Show all models</button>
              </p>
            </Empty>
          ))}
        {filter === "" && list !== undefined && list.edges.length > 0 && shellModel === undefined && (
          <p class="callout">
            <span>
              <strong>No weights are here yet.</strong> <code>deno task start</code>{" "}
              brings two small models and merges them before your eyes; an admin{" "}
              <Link href="/admin/models">pulls others from a hub</Link>.
            </span>
          </p>
        )}
        <ul class="cards">
          {list?.edges.map(({ node }) => (
            <ModelCard key={node.id} model={node} residency={live.get(node.id) ?? node.residency} />
          ))}
        </ul>
        {list?.pageInfo.hasNextPage && first < 100 && (
          <button
            type="button"
            class="quiet"
            onClick={() => setFirst(100)}
          >
            Show more
          </button>
        )}
      </Section>
      {shellModel !== undefined && <Shell model={shellModel} />}
    </>
  );
}

/** A merge if there is one, of those that can answer. */
function example(edges: ModelsQuery["models"]["edges"]): string | undefined {
  const able = edges.filter(({ node }) => node.residency.state !== "MISSING_WEIGHTS");
  return (able.find(({ node }) => node.provenance !== null) ?? able[0])?.node.name;
}

function ModelCard({ model, residency }: { model: Card; residency: Residency }) {
  const [owner, ...rest] = model.name.split("/");
  return (
    <li class="card">
      <div class="card-top">
        <ResidencyBadge residency={residency} />
        {model.provenance && <span class="tag">{methodName(model.provenance.method)} merge</span>}
      </div>
      <h3>
        <Link href={modelHref(model.name)}>
          <span class="owner">{rest.length > 0 ? `${owner}/` : ""}</span>
          {rest.length > 0 ? rest.join("/") : owner}
        </Link>
      </h3>
      <p class="facts">
        {[
          model.parameterCount && parameters(model.parameterCount),
          QUANTIZATIONS[model.servedQuantization] === "None" ? null : QUANTIZATIONS[model.servedQuantization],
          `${context(model.servedContextLength)} context`,
          model.license,
        ].filter(Boolean).join(" · ")}
      </p>
      {model.parents.length > 0 && (
        <p class="from">from {model.parents.map(({ name }) => name).join(" and ")}</p>
      )}
      {residency.state === "MISSING_WEIGHTS"
        ? (
          <Link href={modelHref(model.name)} class="talk">
            How to bring it here<span class="unseen">: {model.name}</span>
          </Link>
        )
        : (
          <Link href={`/play?model=${encodeURIComponent(model.name)}`} class="talk">
            Talk to it<span class="unseen">: {model.name}</span>
          </Link>
        )}
    </li>
  );
}

function Status() {
  const { data } = useQuery(EngineState, {}, REFRESH_MS);
  if (data === undefined) return <dl class="status" />;
  const { engine, device, running, waiting, tokensPerSecond } = data.runtime;
  return (
    <dl class="status">
      <div>
        <dt>Engine</dt>
        <dd class={engine.state === "READY" ? "good" : "bad"}>{words(engine.state)}</dd>
      </div>
      <div>
        <dt>Device</dt>
        <dd title={device?.adapter}>
          {device === null ? "none" : device.software ? "Software" : device.adapter}
        </dd>
      </div>
      <div>
        <dt>Running</dt>
        <dd>{running}</dd>
      </div>
      <div>
        <dt>Waiting</dt>
        <dd>{waiting}</dd>
      </div>
      <div>
        <dt>Speed</dt>
        <dd>{Math.round(tokensPerSecond)} tok/s</dd>
      </div>
    </dl>
  );
}

/** The line that streams an answer into a terminal. */
function Shell({ model }: { model: string }) {
  const query = `subscription { generate(input: { model: { name: ${JSON.stringify(model)} }, ` +
    `prompt: { text: "Tell me a story." } }) { __typename seq generationId ... on TokensGenerated { text } } }`;
  const key = apiKey.value === null ? "" : "-H 'authorization: Bearer KEY' ";
  const line = `curl -N ${globalThis.location.origin}/graphql -H 'content-type: application/json' ` +
    `-H 'accept: text/event-stream' ${key}-d '${JSON.stringify({ query }).replaceAll("'", `'\\''`)}'`;
  return (
    <Section title="From a shell" note="The same stream that the playground shows.">
      <div class="code">
        <pre tabIndex={0} class="wrapped" aria-label="Command for a shell">{line}</pre>
        <div class="code-actions">
          <Copy text={line} label="Copy the command" />
        </div>
      </div>
    </Section>
  );
}
