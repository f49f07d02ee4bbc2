/** Where a model comes from, and what it is. */
import { useState } from "preact/hooks";
import { useModule, useQuery } from "../lib/hooks.ts";
import { bytes, count } from "../lib/format.ts";
import { Link } from "../lib/router.tsx";
import { ModelPage as ModelPageQuery, type ModelPageQuery as Data } from "../operations/generated.ts";
import { isUpright, Lineage } from "../ui/lineage.tsx";
import { Copy, Empty, Hash, Loading, methodName, Problem, Section, useTitle } from "../ui/parts.tsx";
import { ModelHead } from "./model_head.tsx";
import { Overview } from "./model_overview.tsx";
import { TensorTable } from "./tensor_table.tsx";
import { Verification } from "./verification.tsx";

export type Model = NonNullable<Data["model"]>;
export type Provenance = NonNullable<Model["provenance"]>;

export function ModelPage({ rest: name }: { rest: string }) {
  const { data, error, reload } = useQuery(ModelPageQuery, { ref: { name } });
  useTitle(name);
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
  const short = model.name.split("/").at(-1)!;
  const { provenance } = model;
  const hasLineage = provenance !== null || model.declaredParents.length > 0 || model.descendants.length > 0;
  const hasRecipe = provenance === null && model.recipe !== null;
  const parts: readonly (readonly [string, string, boolean])[] = [
    ["overview", "Overview", true],
    ["lineage", "Lineage", hasLineage],
    ["t", "How far along", provenance?.curves.some(({ t }) => t.length > 0) ?? false],
    ["angles", "How far apart", provenance?.method === "SLERP"],
    ["tensors", "Tensors", provenance !== null],
    ["configuration", "Configuration", provenance !== null],
    ["recipe", "Recipe", hasRecipe],
    ["verification", "Verification", model.artifact !== null],
    ["files", "Files", model.artifact !== null],
  ];
  return (
    <>
      <ModelHead model={model} />
      <nav class="contents" aria-label="On this page">
        <ul>
          {parts.map(([id, title, isThere]) =>
            isThere && (
              <li key={id}>
                <a href={`#${id}`}>{title}</a>
              </li>
            )
          )}
        </ul>
      </nav>
      <div class={hasLineage && isUpright(model) ? "beginnings" : ""}>
        <Section title="Overview" id="overview">
          <Overview text={model.description} />
        </Section>
        {hasLineage && (
          <Section title="Lineage" id="lineage" note={provenance === null ? "" : `How ${short} came to be`}>
            <Lineage model={model} />
          </Section>
        )}
      </div>
      {provenance !== null && <Merged provenance={provenance} model={model} />}
      {hasRecipe && (
        <Section
          title="Recipe"
          id="recipe"
          note={`${methodName(model.recipe!.method)}, as its card says; nothing here proves it`}
        >
          <div class="code">
            <pre tabIndex={0} aria-label="Recipe in YAML">{model.recipe!.configYaml}</pre>
            <div class="code-actions">
              <Copy text={model.recipe!.configYaml} label="Copy the YAML" />
            </div>
          </div>
        </Section>
      )}
      {model.artifact !== null && (
        <Section title="Verification" id="verification" note="Is it still what its record says?">
          <Verification modelId={model.id} name={model.name} />
        </Section>
      )}
      {model.artifact !== null && <Files artifact={model.artifact} />}
    </>
  );
}

function Merged({ provenance, model }: { provenance: Provenance; model: Model }) {
  const plots = useModule(() => import("./model_plots.tsx"));
  return (
    <>
      {plots === undefined ? <Loading what="the plots" /> : <plots.Plots provenance={provenance} />}
      <Section title="Tensors" id="tensors" note="Every one of the result, with what made it.">
        <TensorTable mergeId={provenance.id} />
      </Section>
      <Section
        title="Configuration"
        id="configuration"
        note={`${methodName(provenance.method)}, merged by Geodesic ${provenance.toolVersion}`}
      >
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
      <p class="note after">
        SHA-256 of the configuration: <Hash value={provenance.configSha256} what="the configuration" />
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
    `deno task -q geodesic merge merge.yml ${target}${models}\n` +
    `deno task -q geodesic verify ${target}` +
    (model.artifact === null ? "" : `\n# expected manifest: ${model.artifact.manifestSha256}`);
}

/** Files that show at first. */
const FEW = 8;

function Files({ artifact }: { artifact: NonNullable<Model["artifact"]> }) {
  const [all, setAll] = useState(false);
  const shown = all ? artifact.files : artifact.files.slice(0, FEW);
  return (
    <Section
      title="Files"
      id="files"
      note={`${count(artifact.files.length)} files, ${bytes(artifact.sizeBytes)}`}
    >
      <p class="before">
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
      {artifact.files.length > FEW && (
        <button
          type="button"
          class="quiet after"
          aria-expanded={all}
          onClick={() => setAll(!all)}
        >
          {all ? "Show fewer" : `Show all ${artifact.files.length} files`}
        </button>
      )}
    </Section>
  );
}
