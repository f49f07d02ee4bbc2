/** Where a model comes from, and what it is. */
import { useState } from "preact/hooks";
import { useModule, useQuery, useStream } from "../lib/hooks.ts";
import { bytes, context, count, date, DTYPES, parameters, QUANTIZATIONS, words } from "../lib/format.ts";
import { Link } from "../lib/router.tsx";
import {
  ModelEvents,
  ModelPage as ModelPageQuery,
  type ModelPageQuery as Data,
} from "../operations/generated.ts";
import { Lineage } from "../ui/lineage.tsx";
import { Copy, Empty, Hash, Loading, Problem, ResidencyBadge, Section } from "../ui/parts.tsx";
import { TensorTable } from "./tensor_table.tsx";
import { Verification } from "./verification.tsx";

export type Model = NonNullable<Data["model"]>;
export type Provenance = NonNullable<Model["provenance"]>;

export function ModelPage({ rest: name }: { rest: string }) {
  const { data, error, reload } = useQuery(ModelPageQuery, { ref: { name } });
  if (error && data === undefined) return <Problem error={error} retry={reload} />;
  if (data === undefined) return <Loading what={name} />;
  if (data.model === null) {
    return (
      <Empty isPage title={`No model is called “${name}”`}>
        <p>
          It may have gone, or be spelled differently. <Link href="/">All models</Link>
        </p>
      </Empty>
    );
  }
  return <Shown key={data.model.id} model={data.model} />;
}

function Shown({ model }: { model: Model }) {
  const [owner, ...rest] = model.name.split("/");
  const { provenance } = model;
  return (
    <>
      <div class="model-head">
        <p class="kicker">{rest.length > 0 ? owner : "Model"}</p>
        <h1>{rest.length > 0 ? rest.join("/") : owner}</h1>
        <Chips model={model} />
        <p class="actions">
          <Link class="primary" href={`/play?model=${encodeURIComponent(model.name)}`}>Talk to it</Link>
          {model.parents.length > 0 && (
            <Link
              class="quiet"
              href={`/play?model=${encodeURIComponent(model.name)}&with=${
                encodeURIComponent(model.parents[0]!.name)
              }`}
            >
              Compare with a parent
            </Link>
          )}
        </p>
      </div>
      <Section title="Overview">
        <Overview model={model} />
      </Section>
      {(provenance !== null || model.declaredParents.length > 0 || model.descendants.length > 0) && (
        <Section title="Lineage" note={provenance === null ? "" : `How ${rest.at(-1) ?? owner} came to be`}>
          <Lineage model={model} />
        </Section>
      )}
      {provenance !== null && <Merged provenance={provenance} model={model} />}
      {provenance === null && model.recipe !== null && (
        <Section
          title="Recipe"
          note={`${words(model.recipe.method)}, as its card says; nothing here proves it`}
        >
          <div class="code">
            <pre tabIndex={0} aria-label="Recipe in YAML">{model.recipe.configYaml}</pre>
            <div class="code-actions">
              <Copy text={model.recipe.configYaml} label="Copy the YAML" />
            </div>
          </div>
        </Section>
      )}
      {model.artifact !== null && (
        <Section title="Verification" note="Is it still what its record says?">
          <Verification modelId={model.id} name={model.name} />
        </Section>
      )}
      {model.artifact !== null && <Files artifact={model.artifact} />}
    </>
  );
}

function Chips({ model }: { model: Model }) {
  const [residency, setResidency] = useState(model.residency);
  useStream(ModelEvents, { ref: { id: model.id } }, ({ modelEvents }) => setResidency(modelEvents.residency));
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
    <dl class="chips">
      <div>
        <dt>Residency</dt>
        <dd aria-live="polite">
          <ResidencyBadge residency={residency} />
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
  );
}

/** From this length on only the beginning shows at first: model cards may be long. */
const LONG_DESCRIPTION = 500;

function Overview({ model }: { model: Model }) {
  const markdown = useModule(() => import("../lib/markdown.ts"));
  const [open, setOpen] = useState((model.description ?? "").length <= LONG_DESCRIPTION);
  if (model.description === null || model.description.trim() === "") {
    return <p class="note">Nobody has described this model.</p>;
  }
  if (markdown === undefined) return <Loading what="the description" />;
  const html = { __html: markdown.toSafeHtml(model.description) };
  return (
    <>
      <div class={`overview ${open ? "" : "folded"}`}>
        <div class="prose" dangerouslySetInnerHTML={html} />
      </div>
      {!open && <button type="button" class="quiet small" onClick={() => setOpen(true)}>Read on</button>}
    </>
  );
}

function Merged({ provenance, model }: { provenance: Provenance; model: Model }) {
  const plots = useModule(() => import("./model_plots.tsx"));
  return (
    <>
      {plots === undefined ? <Loading what="the plots" /> : <plots.Plots provenance={provenance} />}
      <Section title="Tensors" note="Every one of the result, with what made it.">
        <TensorTable mergeId={provenance.id} />
      </Section>
      <Section title="Configuration" note={`${words(provenance.method)} by ${provenance.toolVersion}`}>
        <Configuration provenance={provenance} model={model} />
      </Section>
    </>
  );
}

function Configuration({ provenance, model }: { provenance: Provenance; model: Model }) {
  const command = reproduceCommand(provenance, model);
  return (
    <>
      <div class="code">
        <pre tabIndex={0} aria-label="Configuration in YAML">{provenance.configYaml}</pre>
        <div class="code-actions">
          <Copy text={provenance.configYaml} label="Copy the YAML" />
          <Copy text={command} label="Copy the command that reproduces it" />
        </div>
      </div>
      <p class="note">
        Configuration <Hash value={provenance.configSha256} what="the configuration" />
      </p>
    </>
  );
}

/** A shell command that merges anew from this configuration; the hash at its end is what must come out. */
export function reproduceCommand(provenance: Provenance, model: Model): string {
  const target = `out/${model.name.split("/").at(-1)}`;
  const models = [...new Set(provenance.sources.map(({ name }) => name))]
    .map((name) => ` \\\n  --model '${name.replaceAll("'", `'\\''`)}=PATH'`).join("");
  const yaml = provenance.configYaml.trimEnd();
  return `cat > merge.yml <<'GEODESIC_YAML'\n${yaml}\nGEODESIC_YAML\n` +
    `deno task geodesic merge merge.yml ${target}${models}\n` +
    `deno task geodesic verify ${target}` +
    (model.artifact === null ? "" : `\n# expected manifest: ${model.artifact.manifestSha256}`);
}

function Files({ artifact }: { artifact: NonNullable<Model["artifact"]> }) {
  const [all, setAll] = useState(false);
  const shown = all ? artifact.files : artifact.files.slice(0, 8);
  return (
    <Section title="Files" note={`${count(artifact.files.length)} files, ${bytes(artifact.sizeBytes)}`}>
      <p>
        One hash for all of them: <Hash value={artifact.manifestSha256} what="all files" />
      </p>
      <div class="table-scroll" tabIndex={0} role="region" aria-label="Files">
        <table>
          <thead>
            <tr>
              <th scope="col">File</th>
              <th scope="col" class="number">Size</th>
              <th scope="col">SHA-256</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((file) => (
              <tr key={file.path}>
                <td>
                  <code>{file.path}</code>
                </td>
                <td class="number">{bytes(file.sizeBytes)}</td>
                <td>
                  <Hash value={file.sha256} what={file.path} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {!all && artifact.files.length > shown.length && (
        <button
          type="button"
          class="quiet"
          onClick={() => setAll(true)}
        >
          Show all files
        </button>
      )}
    </Section>
  );
}
