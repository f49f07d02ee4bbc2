/** The playground: conversations at the side, one of them in the middle, and what shapes the answers. */
import { useState } from "preact/hooks";
import { accepted, request } from "../lib/api.ts";
import { type Loaded, useAction, useMedia, useQuery, useStream } from "../lib/hooks.ts";
import { date } from "../lib/format.ts";
import type { SamplingDraft } from "../lib/parameters.ts";
import { go, Link, location, modelHref } from "../lib/router.tsx";
import {
  DefaultsChanged,
  DeleteSession,
  ModelNames,
  Parameters,
  Sessions,
  type SessionsQuery,
} from "../operations/generated.ts";
import { TokenLegend } from "../ui/answer.tsx";
import { ConfirmButton, Empty, Loading, Problem, useTitle } from "../ui/parts.tsx";
import { SamplingFields } from "../ui/sampling.tsx";
import { Compare } from "./compare.tsx";
import { Conversation } from "./conversation.tsx";

export interface Setting {
  readonly sampling: SamplingDraft;
  readonly coloured: boolean;
}

/** The alternatives that colouring asks for, where nobody has asked for another number. */
const ALTERNATIVES = 5;

export function PlayPage({ rest: sessionId }: { rest: string }) {
  const { search } = location.value;
  const isPhone = useMedia("(max-width: 46rem)");
  const models = useQuery(ModelNames, {}, 5_000);
  const sessions = useQuery(Sessions, { first: 50, after: null });
  const [sampling, setSampling] = useState<SamplingDraft>({});
  const [coloured, setColoured] = useState(true);
  const all = models.data?.models.edges.map(({ node }) => node) ?? [];
  const names = all.map(({ name }) => name);
  const ready = all.filter(({ residency }) => residency.state !== "MISSING_WEIGHTS");
  const merged = (ready.find(({ parents }) => parents.length > 0) ?? ready[0])?.name;
  const current = sessions.data?.sessions.edges.find(({ node }) => node.id === sessionId)?.node;
  useTitle(current?.title ?? undefined, "Playground");
  const model = current?.model?.name ?? search.get("model") ?? merged ?? names[0];
  const isMissing = names.includes(model ?? "") && !ready.some(({ name }) => name === model);
  const other = search.get("with");
  const ref = model === undefined ? null : { name: model };
  const parameters = useQuery(Parameters, { model: ref });
  useStream(DefaultsChanged, { model: ref }, parameters.reload);
  const setting: Setting = {
    sampling: coloured && sampling.logprobs === undefined
      ? { ...sampling, logprobs: ALTERNATIVES }
      : sampling,
    coloured,
  };
  const address = (change: Readonly<Record<string, string | null>>) => {
    const next = new URLSearchParams(search);
    for (const [name, value] of Object.entries(change)) {
      value === null ? next.delete(name) : next.set(name, value);
    }
    return `/play${next.size > 0 ? `?${next}` : ""}`;
  };
  if (models.error && models.data === undefined) {
    return <Problem error={models.error} retry={models.reload} />;
  }
  if (models.data === undefined) return <Loading what="the playground" />;
  if (model === undefined) {
    return (
      <>
        <h1>Playground</h1>
        <Empty title="There is no model to talk to">
          <p>
            An admin <Link href="/admin/models">pulls</Link> or <Link href="/admin/merges">merges</Link>{" "}
            one first.
          </p>
        </Empty>
      </>
    );
  }
  return (
    <div class="play">
      <h1 class="unseen">Playground</h1>
      <aside class="play-side" aria-label="Conversations">
        <Link class="primary wide" href={address({ with: null })}>New conversation</Link>
        {isPhone
          ? (
            <details>
              <summary>Earlier conversations</summary>
              <SessionList sessions={sessions} current={sessionId} />
            </details>
          )
          : <SessionList sessions={sessions} current={sessionId} />}
      </aside>
      <div class="play-main">
        <div class="play-models">
          <ModelSelect
            label="Model"
            value={model}
            names={names}
            disabled={current !== undefined}
            onChange={(name) => go(address({ model: name }), { replace: true })}
          />
          <ModelSelect
            label="Side by side with"
            value={other ?? ""}
            names={names.filter((name) => name !== model)}
            none="no other model"
            onChange={(name) => go(address({ model, with: name === "" ? null : name }))}
          />
        </div>
        {sessionId === "" && isMissing
          ? <WithoutWeights model={model} />
          : other !== null && sessionId === ""
          ? <Compare key={`${model} ${other}`} models={[model, other]} setting={setting} />
          : (
            <Conversation
              key={sessionId}
              sessionId={sessionId === "" ? null : sessionId}
              model={model}
              setting={setting}
              onChange={sessions.reload}
            />
          )}
      </div>
      <aside class="play-settings" aria-label="Sampling">
        <details open={matchMedia("(min-width: 70rem)").matches}>
          <summary>Sampling</summary>
          <label class="switch">
            <input type="checkbox" checked={coloured} onChange={() => setColoured(!coloured)} />
            Colour tokens by probability
          </label>
          {coloured && <TokenLegend />}
          {parameters.error && <Problem error={parameters.error} retry={parameters.reload} />}
          <SamplingFields
            prefix="play"
            parameters={parameters.data?.samplingParameters ?? []}
            draft={sampling}
            onChange={setSampling}
          />
        </details>
      </aside>
    </div>
  );
}

function WithoutWeights({ model }: { model: string }) {
  return (
    <Empty title={`${model.split("/").at(-1)} cannot talk yet`}>
      <p>
        Its weights are not on this machine. <Link href={modelHref(model)}>How to bring them here</Link>
      </p>
    </Empty>
  );
}

function ModelSelect({ label, value, names, none, disabled, onChange }: {
  label: string;
  value: string;
  names: readonly string[];
  none?: string;
  disabled?: boolean;
  onChange: (name: string) => void;
}) {
  return (
    <label>
      {label}
      <select
        value={value}
        disabled={disabled}
        onChange={({ currentTarget }) => onChange(currentTarget.value)}
      >
        {none !== undefined && <option value="">{none}</option>}
        {(names.includes(value) || value === "" ? names : [value, ...names]).map((name) => (
          <option key={name} value={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}

function SessionList({ sessions, current }: {
  sessions: Loaded<SessionsQuery>;
  current: string;
}) {
  const remove = useAction(async (id: string) => {
    accepted((await request(DeleteSession, { input: { id } })).deleteSession);
    if (id === current) go("/play", { replace: true });
    sessions.reload();
  });
  const list = sessions.data?.sessions.edges;
  if (list === undefined) {
    return sessions.error ? <Problem error={sessions.error} retry={sessions.reload} /> : null;
  }
  if (list.length === 0) return <p class="note">Conversations are kept here.</p>;
  return (
    <>
      {remove.error && <Problem error={remove.error} />}
      <ul class="sessions">
        {list.map(({ node }) => (
          <li key={node.id} class={node.id === current ? "current" : ""}>
            <Link
              href={`/play/${encodeURIComponent(node.id)}`}
              aria-current={node.id === current ? "page" : undefined}
            >
              <span class="session-title">{node.title ?? "Untitled"}</span>
              <span class="session-note" title={node.updatedAt}>
                {date(node.updatedAt)}, {node.model?.name.split("/").at(-1) ?? "model gone"}
              </span>
            </Link>
            <ConfirmButton
              label="Delete"
              what={`the conversation ${node.title ?? "Untitled"}`}
              question="For good?"
              onConfirm={() => remove.run(node.id)}
            />
          </li>
        ))}
      </ul>
    </>
  );
}
