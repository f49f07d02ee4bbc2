/** t over the layers, a curve per filter. A point can be chosen by pointing or with the arrow keys. */
import { curveMonotoneX, line } from "d3-shape";
import { useState } from "preact/hooks";
import { degrees } from "../lib/format.ts";
import { useMedia } from "../lib/hooks.ts";
import type { Tensor } from "./model_plots.tsx";

interface Point {
  readonly layer: number;
  readonly t: number;
  readonly tensors: readonly Tensor[];
}
interface Series {
  readonly filter: string | null;
  readonly points: readonly Point[];
}

/** In pixels, as large as it is shown, so that letters and lines have their own size. */
const WIDE = { width: 860, height: 340 } as const;
const NARROW = { width: 343, height: 250 } as const;
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 12, 12, 44];
const NAMES: Readonly<Record<string, string>> = { self_attn: "self-attention", mlp: "MLP" };

export function Curves({ tensors, onPoint }: {
  tensors: readonly Tensor[];
  onPoint: (t: number | null) => void;
}) {
  const { width, height } = useMedia("(max-width: 46rem)") ? NARROW : WIDE;
  const series = seriesOf(tensors);
  const layers = 1 + Math.max(...tensors.map(({ layer }) => layer ?? 0));
  const [chosen, setChosen] = useState<readonly [number, number] | null>(null);
  const choose = (place: readonly [number, number] | null) => {
    setChosen(place);
    onPoint(place === null ? null : series[place[0]]?.points[place[1]]?.t ?? null);
  };
  const x = (layer: number) => LEFT + (layers === 1 ? 0.5 : layer / (layers - 1)) * (width - LEFT - RIGHT);
  const y = (t: number) => TOP + (1 - t) * (height - TOP - BOTTOM);
  const path = line<Point>().x(({ layer }: Point) => x(layer)).y(({ t }: Point) => y(t)).curve(
    curveMonotoneX,
  );

  const point = (event: PointerEvent) => {
    const box = (event.currentTarget as SVGElement).getBoundingClientRect();
    const [px, py] = [
      (event.clientX - box.left) / box.width * width,
      (event.clientY - box.top) / box.height * height,
    ];
    let best: readonly [number, number] | null = null;
    let nearest = Infinity;
    series.forEach(({ points }, s) =>
      points.forEach(({ layer, t }, index) => {
        const distance = (x(layer) - px) ** 2 + (y(t) - py) ** 2;
        if (distance < nearest) [nearest, best] = [distance, [s, index]];
      })
    );
    choose(best);
  };
  const press = (event: KeyboardEvent) => {
    const [s, index] = chosen ?? [0, -1];
    const steps: Readonly<Record<string, readonly [number, number]>> = {
      ArrowRight: [0, 1],
      ArrowLeft: [0, -1],
      ArrowDown: [1, 0],
      ArrowUp: [-1, 0],
    };
    const step = steps[event.key];
    if (event.key === "Escape") return choose(null);
    if (step === undefined) return;
    event.preventDefault();
    const next = (s + step[0] + series.length) % series.length;
    const last = series[next]!.points.length - 1;
    choose([next, Math.min(last, Math.max(0, index + step[1]))]);
  };
  const at = chosen === null ? undefined : series[chosen[0]]?.points[chosen[1]];
  const ticks = Array.from({ length: layers }, (_, layer) => layer).filter((layer) =>
    layer % tickEvery(layers) === 0
  );
  return (
    <figure class="curves">
      <ul class="legend">
        {series.map(({ filter }, index) => (
          <li key={index}>
            <svg viewBox="0 0 28 10" aria-hidden="true">
              <path class={`curve s${index % 4}`} d="M1 5h26" />
            </svg>
            {nameOf(filter)}
          </li>
        ))}
      </ul>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        tabIndex={0}
        role="application"
        aria-label="t by layer. Left and right go through the layers, up and down through the curves."
        onPointerMove={point}
        onPointerDown={point}
        // A finger that is lifted has not looked away.
        onPointerLeave={(event) => event.pointerType !== "touch" && choose(null)}
        onKeyDown={press}
        onFocus={(event) =>
          chosen === null && event.currentTarget.matches(":focus-visible") && choose([0, 0])}
        onBlur={() => choose(null)}
      >
        {[0, 0.25, 0.5, 0.75, 1].map((t) => (
          <g key={t}>
            <path class="grid" d={`M${LEFT} ${y(t)}H${width - RIGHT}`} />
            <text class="tick" x={LEFT - 10} y={y(t) + 4} text-anchor="end">{t}</text>
          </g>
        ))}
        {ticks.map((layer) => (
          <text key={layer} class="tick" x={x(layer)} y={height - 22} text-anchor="middle">{layer}</text>
        ))}
        <text class="tick" x={(LEFT + width - RIGHT) / 2} y={height - 3} text-anchor="middle">layer</text>
        <text class="tick axis" x="12" y={(TOP + height - BOTTOM) / 2} text-anchor="middle">t</text>
        {at && <path class="cursor" d={`M${x(at.layer)} ${TOP}V${height - BOTTOM}`} />}
        {series.map(({ points }, s) => (
          <g key={s}>
            <path class={`curve s${s % 4}`} d={path([...points]) ?? ""} />
            {points.map((each, index) => (
              <circle
                key={index}
                class={`point s${s % 4}`}
                cx={x(each.layer)}
                cy={y(each.t)}
                r={chosen?.[0] === s && chosen[1] === index ? 6 : 3}
              />
            ))}
          </g>
        ))}
      </svg>
      <figcaption class="reading">
        <div role="status">
          {at === undefined
            ? <span class="note">Point at a curve, or use the arrow keys, to read it.</span>
            : (
              <>
                <strong>
                  Layer {at.layer}, {nameOf(series[chosen![0]]!.filter)}: t = {at.t.toFixed(4)}
                </strong>
                <ul>
                  {at.tensors.map((tensor) => (
                    <li key={tensor.name}>
                      <code>{kindOf(tensor.name)}</code>{" "}
                      {tensor.cosine === null ? "no angle" : `${degrees(tensor.cosine).toFixed(3)}°`}{" "}
                      {tensor.mode}
                    </li>
                  ))}
                </ul>
              </>
            )}
        </div>
      </figcaption>
    </figure>
  );
}

function seriesOf(tensors: readonly Tensor[]): Series[] {
  const filters = new Map<string | null, Map<string, Point>>();
  for (const tensor of tensors) {
    if (tensor.t === null || tensor.layer === null) continue;
    const points = filters.get(tensor.filter) ?? new Map<string, Point>();
    filters.set(tensor.filter, points);
    const key = `${tensor.layer} ${tensor.t}`;
    points.set(key, {
      layer: tensor.layer,
      t: tensor.t,
      tensors: [...points.get(key)?.tensors ?? [], tensor],
    });
  }
  return [...filters].map(([filter, points]) => ({
    filter,
    points: [...points.values()].sort((a, b) => a.layer - b.layer),
  })).sort((a, b) => Number(a.filter === null) - Number(b.filter === null));
}

function nameOf(filter: string | null): string {
  return filter === null ? "the rest" : NAMES[filter] ?? filter;
}

/** The name without its layer: model.layers.3.self_attn.q_proj.weight is self_attn.q_proj. */
export function kindOf(name: string): string {
  return name.replace(/^.*?layers\.\d+\./, "").replace(/\.weight$/, "");
}

function tickEvery(layers: number): number {
  return layers <= 16 ? 1 : layers <= 40 ? 4 : 8;
}
