/** What the engine does at this moment. */
import { useEffect, useState } from "preact/hooks";
import { useQuery } from "../lib/hooks.ts";
import { bytes, count, words } from "../lib/format.ts";
import { EngineState } from "../operations/generated.ts";
import { Bar, Empty, Loading, Problem, Section } from "../ui/parts.tsx";

const EVERY_MS = 1_000;
const SHOWN = 60;

export function EngineTab() {
  const { data, error, reload } = useQuery(EngineState, {}, EVERY_MS);
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
        <Use label="KV cache in use" used={runtime.kvBlocksUsed} total={runtime.kvBlocksTotal} />
      </Section>
      <Section title="On the device">
        {runtime.models.length === 0 && <Empty title="Nothing is loaded" />}
        <ul class="rows">
          {runtime.models.map((model) => (
            <li key={model.key} class="row tall">
              <strong class="key">{model.key}</strong>
              <p class="note">
                {bytes(model.weightBytes)} weights, {bytes(model.kvCacheBytes)} KV cache · {model.running}
                {" "}
                running, {model.waiting} waiting · {hitRate(model)} of prompt tokens cached ·{" "}
                {model.preemptions} preempted
              </p>
              <Use label="KV blocks" used={model.kvBlocksUsed} total={model.kvBlocksTotal} />
            </li>
          ))}
        </ul>
      </Section>
    </>
  );
}

function hitRate(
  { prefixCacheHits, prefixCacheQueries }: { prefixCacheHits: string; prefixCacheQueries: string },
) {
  const queries = Number(prefixCacheQueries);
  return queries === 0 ? "none" : `${Math.round(Number(prefixCacheHits) / queries * 100)} %`;
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

/** The last minute. */
function Speed({ speeds }: { speeds: readonly number[] }) {
  const most = Math.max(1, ...speeds);
  const points = speeds.map((speed, index) => `${index / (SHOWN - 1) * 300},${46 - speed / most * 42}`).join(
    " ",
  );
  return (
    <figure class="speed">
      <svg
        viewBox="0 0 300 48"
        preserveAspectRatio="none"
        role="img"
        aria-label={`Tokens a second, up to ${most.toFixed(0)}`}
      >
        <polyline points={points} />
      </svg>
      <figcaption class="note">Tokens a second, the last minute; the top is {most.toFixed(0)}</figcaption>
    </figure>
  );
}
