/** What the engine does at this moment. */
import { useEffect, useState } from "preact/hooks";
import { useQuery } from "../lib/hooks.ts";
import { bytes, count, words } from "../lib/format.ts";
import { Link, modelHref } from "../lib/router.tsx";
import { EngineState, ModelNames } from "../operations/generated.ts";
import { Bar, Empty, Loading, localId, Problem, Section } from "../ui/parts.tsx";

const EVERY_MS = 1_000;
const SHOWN = 60;

export function EngineTab() {
  const { data, error, reload } = useQuery(EngineState, {}, EVERY_MS);
  const models = useQuery(ModelNames, {}, 10_000).data?.models.edges.map(({ node }) => node) ?? [];
  const [speeds, setSpeeds] = useState<readonly number[]>([]);
  const runtime = data?.runtime;
  useEffect(() => {
    if (runtime !== undefined) setSpeeds((before) => [...before, runtime.tokensPerSecond].slice(-SHOWN));
  }, [runtime]);
  if (error && runtime === undefined) return <Problem error={error} retry={reload} />;
  if (runtime === undefined) return <Loading what="the engine" />;
  const { engine, device } = runtime;
  const figures: readonly (readonly [string, string])[] = [
    ["State", words(engine.state)],
    ["Restarts", String(engine.restarts)],
    ["Running", String(runtime.running)],
    ["Waiting", String(runtime.waiting)],
    ["Batch", String(runtime.batchSize)],
    ["Speed", `${runtime.tokensPerSecond.toFixed(1)} tok/s`],
    ["Tokens so far", count(runtime.generatedTokens)],
    ["Steps so far", count(runtime.steps)],
    ["Steps a submit", runtime.stepsPerSubmit.toFixed(1)],
    ["Dispatches a step", runtime.dispatchesPerStep.toFixed(1)],
    ["Memory read", `${bytes(runtime.readBytesPerSecond)}/s`],
    ...runtime.bandwidthShare === null
      ? []
      : [["Of its bandwidth", `${(100 * runtime.bandwidthShare).toFixed(0)} %`]] as const,
  ];
  return (
    <>
      <Section
        title="Engine"
        note={device === null
          ? "No device"
          : `${device.adapter}, ${device.backend}${device.software ? ", in software" : ""}`}
      >
        {engine.reason && <p class="note bad" role="alert">{engine.reason}</p>}
        <dl class="figures">
          {figures.map(([label, value]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        <Speed speeds={speeds} />
        {runtime.kvBlocksTotal > 0 && (
          <Use label="KV blocks in use" used={runtime.kvBlocksUsed} total={runtime.kvBlocksTotal} />
        )}
      </Section>
      <Section title="On the device">
        {runtime.models.length === 0 && (
          <Empty title="Nothing is loaded">
            <p>
              The first who asks a model has it loaded. Or <Link href="/admin/models">load one now</Link>
            </p>
          </Empty>
        )}
        <ul class="rows">
          {runtime.models.map((model) => (
            <li key={model.key} class="row tall">
              <ModelName name={models.find(({ id }) => localId(id) === model.key)?.name} id={model.key} />
              <p class="note">
                {bytes(model.weightBytes)} weights, {bytes(model.kvCacheBytes)} KV cache · {model.running}
                {" "}
                running, {model.waiting} waiting · {hitRate(model)} · {model.preemptions} preempted
              </p>
              <Use label="KV blocks" used={model.kvBlocksUsed} total={model.kvBlocksTotal} />
            </li>
          ))}
        </ul>
      </Section>
    </>
  );
}

function ModelName({ name, id }: { name: string | undefined; id: string }) {
  return name === undefined
    ? <strong class="key">{id}</strong>
    : <Link href={modelHref(name)} class="key">{name}</Link>;
}

function hitRate(
  { prefixCacheHits, prefixCacheQueries }: { prefixCacheHits: string; prefixCacheQueries: string },
) {
  const queries = Number(prefixCacheQueries);
  return queries === 0
    ? "no prompt yet"
    : `${Math.round(Number(prefixCacheHits) / queries * 100)} % of prompts cached`;
}

function Use({ label, used, total }: { label: string; used: number; total: number }) {
  return (
    <div class="use">
      <span>{label}</span>
      <Bar value={total === 0 ? 0 : used / total} label={label} />
      <span>{used} of {total}</span>
    </div>
  );
}

const [CHART_WIDTH, CHART_HEIGHT, TOP] = [300, 96, 8];

/** The last minute, the newest at the right. */
function Speed({ speeds }: { speeds: readonly number[] }) {
  const most = niceTop(Math.max(1, ...speeds));
  const x = (index: number) => CHART_WIDTH - (speeds.length - 1 - index) / (SHOWN - 1) * CHART_WIDTH;
  const y = (speed: number) => CHART_HEIGHT - speed / most * (CHART_HEIGHT - TOP);
  const points = speeds.map((speed, index) => `${x(index).toFixed(1)},${y(speed).toFixed(1)}`).join(" ");
  return (
    <figure class="speed">
      <figcaption class="note">Tokens a second, the last minute</figcaption>
      <div class="speed-plot">
        <svg
          viewBox={`0 0 ${CHART_WIDTH} ${CHART_HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`Now ${(speeds.at(-1) ?? 0).toFixed(0)} tokens a second, at most ${
            Math.max(0, ...speeds).toFixed(0)
          } in the last minute`}
        >
          {[1, 0.5].map((part) => <path key={part} class="grid" d={`M0 ${y(most * part)}H${CHART_WIDTH}`} />)}
          {speeds.length > 1 && (
            <polygon points={`${x(0)},${CHART_HEIGHT} ${points} ${CHART_WIDTH},${CHART_HEIGHT}`} />
          )}
          <polyline points={points} />
        </svg>
        <span class="speed-top" aria-hidden="true">{most}</span>
        <span class="speed-middle" aria-hidden="true">{most / 2}</span>
        <span class="speed-bottom" aria-hidden="true">0</span>
      </div>
      <p class="speed-times note" aria-hidden="true">
        <span>60 s ago</span>
        <span>now</span>
      </p>
    </figure>
  );
}

/** The next of 1, 2, 5, 10, 20, 50 …, so that the scale seldom moves. */
function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((top) => top >= value) ?? 10 * power;
}
