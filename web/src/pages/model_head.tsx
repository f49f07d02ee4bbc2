/** The top of a model's page: its name, what it is in a few words, and what can be done with it now. */
import { useState } from "preact/hooks";
import { useStream } from "../lib/hooks.ts";
import { context, date, DTYPES, parameters, QUANTIZATIONS, words } from "../lib/format.ts";
import { Link } from "../lib/router.tsx";
import { ModelEvents } from "../operations/generated.ts";
import { Copy, methodName, ResidencyBadge, stateOf } from "../ui/parts.tsx";
import type { Model } from "./model.tsx";

export function ModelHead({ model }: { model: Model }) {
  const [owner, ...rest] = model.name.split("/");
  const [residency, setResidency] = useState(model.residency);
  useStream(ModelEvents, { ref: { id: model.id } }, ({ modelEvents }) => setResidency(modelEvents.residency));
  const isMissing = residency.state === "MISSING_WEIGHTS";
  const play = `/play?model=${encodeURIComponent(model.name)}`;
  const parent = model.parents[0];
  return (
    <div class="model-head">
      <p class="kicker">{rest.length > 0 ? owner : "Model"}</p>
      <h1>{rest.length > 0 ? rest.join("/") : owner}</h1>
      <Origin model={model} />
      <Chips model={model} residency={residency} />
      {isMissing && <Missing model={model} />}
      {residency.state === "FAILED" && residency.error && (
        <p class="problem" role="alert">
          <span>
            <strong>It could not be loaded.</strong> {residency.error.message}
          </span>
        </p>
      )}
      {!isMissing && (
        <p class="actions">
          <Link class="primary" href={play}>Talk to it</Link>
          {parent !== undefined && (
            <Link class="quiet" href={`${play}&with=${encodeURIComponent(parent.name)}`}>
              Compare with a parent
            </Link>
          )}
        </p>
      )}
    </div>
  );
}

/** Where it comes from, in a sentence. */
function Origin({ model }: { model: Model }) {
  const { provenance, recipe, declaredParents, descendants } = model;
  const method = provenance?.method ?? recipe?.method;
  const parents = provenance?.sources.map((source) => source.model?.name ?? source.name) ??
    declaredParents.map(({ name }) => name);
  if (method === undefined || parents.length === 0) {
    return descendants.length === 0 ? null : (
      <p class="lede">
        A parent of {descendants.map(({ name }) => name.split("/").at(-1)).slice(0, 3).join(", ")}.
      </p>
    );
  }
  const merged = provenance?.finishedAt ?? null;
  return (
    <p class="lede">
      {methodName(method)} of {parents.map((name, index) => (
        <span key={name}>
          {index === 0 ? "" : index === parents.length - 1 ? " and " : ", "}
          {name.split("/").at(-1)}
        </span>
      ))}
      {provenance === null ? ", as its card says" : merged === null ? "" : `, merged on ${date(merged)}`}.
    </p>
  );
}

function Chips({ model, residency }: { model: Model; residency: Model["residency"] }) {
  const chips: (readonly [string, string | null])[] = [
    ["Task", words(model.task)],
    ["Size", model.parameterCount && parameters(model.parameterCount)],
    ["Quantization", QUANTIZATIONS[model.servedQuantization] ?? model.servedQuantization],
    ["Stored as", DTYPES[model.nativeDtype] ?? model.nativeDtype],
    ["Context served", context(model.servedContextLength)],
    ["Context native", context(model.nativeContextLength)],
    ["Concurrency cost", String(model.concurrencyCost)],
    ["Published", model.publishedAt && date(model.publishedAt)],
    ["Registered", date(model.createdAt)],
    ["License", model.license],
    ["Architecture", model.architecture],
    ["From", model.origin && `${model.origin.repository}@${model.origin.revision.slice(0, 8)}`],
  ];
  return (
    <>
      <dl class="chips">
        <div>
          <dt>Residency</dt>
          <dd>
            <ResidencyBadge residency={residency} withTime />
          </dd>
        </div>
        {chips.map(([label, value]) =>
          value && (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          )
        )}
      </dl>
      {/* Told when it changes, not at every per cent. */}
      <p class="unseen" role="status">Residency: {stateOf(residency)}</p>
    </>
  );
}

/** How weights come here. */
function Missing({ model }: { model: Model }) {
  const command = `deno task -q geodesic pull ${model.name}`;
  return (
    <div class="callout">
      <p>
        <strong>The gateway knows this model, but its weights are not on this machine.</strong>{" "}
        An admin pulls them under <Link href="/admin/models">Admin, Models</Link>
        {model.recipe !== null && (
          <>
            , or merges them by the recipe below under <Link href="/admin/merges">Admin, Merges</Link>
          </>
        )}. From a shell:
      </p>
      <p class="command">
        <code>{command}</code>
        <Copy text={command} label="Copy the command" small />
      </p>
    </div>
  );
}
