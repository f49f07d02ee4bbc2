/** The angle between the parents by layer and tensor: the darker, the farther apart. Arrow keys walk through it. */
import { useState } from "preact/hooks";
import { degrees } from "../lib/format.ts";
import { kindOf } from "./curves.tsx";
import type { Tensor } from "./model_plots.tsx";

export function HeatMap({ tensors }: { tensors: readonly Tensor[] }) {
  const kinds = [...new Set(tensors.map(({ name }) => kindOf(name)))].sort();
  const layers = 1 + Math.max(...tensors.map(({ layer }) => layer ?? 0));
  const cells = new Map(tensors.map((tensor) => [`${kindOf(tensor.name)} ${tensor.layer}`, tensor]));
  const angles = tensors.flatMap(({ cosine }) => cosine === null ? [] : [degrees(cosine)]);
  const largest = Math.max(...angles, 1e-9);
  const [at, setAt] = useState<readonly [number, number] | null>(null);
  const press = (event: KeyboardEvent) => {
    const [row, column] = at ?? [0, 0];
    const moves: Readonly<Record<string, readonly [number, number]>> = {
      ArrowRight: [row, column + 1],
      ArrowLeft: [row, column - 1],
      ArrowDown: [row + 1, column],
      ArrowUp: [row - 1, column],
      Home: [row, 0],
      End: [row, layers - 1],
    };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    setAt([clamp(move[0], kinds.length), clamp(move[1], layers)]);
  };
  // Few layers have wide squares.
  const [size, left] = [Math.round(Math.min(60, Math.max(24, 760 / layers))), 190];
  const height = Math.min(size, 30);
  const chosen = at === null ? undefined : cells.get(`${kinds[at[0]]} ${at[1]}`);
  return (
    <figure class="heat">
      <div class="heat-scroll">
        <svg
          viewBox={`0 0 ${left + layers * size + 2} ${kinds.length * height + 26}`}
          style={{ width: `${left + layers * size + 2}px` }}
          tabIndex={0}
          role="application"
          aria-label="Angle by tensor and layer. Arrow keys move."
          onKeyDown={press}
          onFocus={(event) => at === null && event.currentTarget.matches(":focus-visible") && setAt([0, 0])}
          onPointerLeave={() => setAt(null)}
        >
          {kinds.map((kind, row) => (
            <g key={kind}>
              <text class="tick" x={left - 10} y={row * height + height / 2 + 4} text-anchor="end">
                {kind}
              </text>
              {Array.from({ length: layers }, (_, layer) => {
                const tensor = cells.get(`${kind} ${layer}`);
                const angle = tensor?.cosine == null ? null : degrees(tensor.cosine);
                return (
                  <rect
                    key={layer}
                    class={`cell${angle === null ? " none" : ""}${
                      at?.[0] === row && at[1] === layer ? " at" : ""
                    }`}
                    x={left + layer * size + 1}
                    y={row * height + 1}
                    width={size - 2}
                    height={height - 2}
                    rx="3"
                    style={{ "--heat": `${angle === null ? 0 : Math.round(6 + angle / largest * 94)}%` }}
                    onPointerEnter={() => setAt([row, layer])}
                  />
                );
              })}
            </g>
          ))}
          {Array.from(
            { length: layers },
            (_, layer) => (
              <text
                key={layer}
                class="tick"
                x={left + (layer + 0.5) * size}
                y={kinds.length * height + 19}
                text-anchor="middle"
              >
                {layer}
              </text>
            ),
          )}
        </svg>
      </div>
      <div class="heat-scale">
        <span>0°</span>
        <span class="ramp" aria-hidden="true" />
        <span>{largest.toFixed(2)}°</span>
      </div>
      <figcaption class="reading">
        <div role="status">
          {at === null ? <span class="note">Point at a square to read it.</span> : (
            <>
              <strong>
                Layer {at[1]}, <code>{kinds[at[0]]}</code>
              </strong>{" "}
              {chosen === undefined
                ? "there is no such tensor"
                : chosen.cosine === null
                ? `no angle, ${chosen.mode}`
                : `${degrees(chosen.cosine).toFixed(3)}° (cosine ${
                  chosen.cosine.toFixed(6)
                }), ${chosen.mode}${chosen.t === null ? "" : `, t = ${chosen.t.toFixed(4)}`}`}
            </>
          )}
        </div>
      </figcaption>
    </figure>
  );
}

function clamp(value: number, length: number): number {
  return Math.min(length - 1, Math.max(0, value));
}
