/** The angle between the parents by layer and tensor: the stronger, the farther apart. Arrow keys walk through it. */
import { useState } from "preact/hooks";
import { degrees } from "../lib/format.ts";
import { useMedia } from "../lib/hooks.ts";
import { kindOf } from "./curves.tsx";
import type { Tensor } from "./model_plots.tsx";

/** In pixels: where the squares begin, how high they are, and between what their width lies. */
const WIDE = { left: 190, height: 30, narrowest: 24, widest: 120, whole: 1000, letters: 12 } as const;
const NARROW = { left: 140, height: 26, narrowest: 24, widest: 60, whole: 192, letters: 11 } as const;

export function HeatMap({ tensors }: { tensors: readonly Tensor[] }) {
  const isNarrow = useMedia("(max-width: 46rem)");
  const { left, height, narrowest, widest, whole, letters } = isNarrow ? NARROW : WIDE;
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
    if (event.key === "Escape") return setAt(null);
    if (move === undefined) return;
    event.preventDefault();
    setAt([clamp(move[0], kinds.length), clamp(move[1], layers)]);
  };
  // Few layers have wide squares.
  const size = Math.round(clamp(whole / layers - narrowest, widest - narrowest + 1)) + narrowest;
  const mayScroll = isNarrow || size === narrowest;
  return (
    <figure class="heat">
      <div
        class="heat-scroll"
        {...mayScroll ? { tabIndex: 0, role: "region", "aria-label": "Angles, to be scrolled" } : {}}
      >
        <svg
          viewBox={`0 0 ${left + layers * size + 2} ${kinds.length * height + 42}`}
          style={{ width: `${left + layers * size + 2}px` }}
          tabIndex={0}
          role="application"
          aria-label="Angle by tensor and layer. Arrow keys move."
          onKeyDown={press}
          onFocus={(event) => at === null && event.currentTarget.matches(":focus-visible") && setAt([0, 0])}
          onBlur={() => setAt(null)}
          // A finger that is lifted has not looked away.
          onPointerLeave={(event) => event.pointerType !== "touch" && setAt(null)}
        >
          {kinds.map((kind, row) => (
            <g key={kind}>
              <text
                class="tick"
                style={{ fontSize: `${letters}px` }}
                x={left - 8}
                y={row * height + height / 2 + 4}
                text-anchor="end"
              >
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
                y={kinds.length * height + 18}
                text-anchor="middle"
              >
                {layer}
              </text>
            ),
          )}
          <text class="tick" x={left + layers * size / 2} y={kinds.length * height + 36} text-anchor="middle">
            layer
          </text>
        </svg>
      </div>
      <div class="heat-scale">
        <span>0°, alike</span>
        <span class="ramp" aria-hidden="true" />
        <span>{largest.toFixed(2)}°, farthest apart among the layers</span>
        {angles.length < tensors.length && (
          <>
            <span class="ramp none" aria-hidden="true" />
            <span>copied, no angle</span>
          </>
        )}
      </div>
      <figcaption class="reading">
        <div role="status">
          {at === null
            ? <span class="note">Point at a square, or use the arrow keys, to read it.</span>
            : <Reading layer={at[1]} kind={kinds[at[0]]!} tensor={cells.get(`${kinds[at[0]]} ${at[1]}`)} />}
        </div>
      </figcaption>
    </figure>
  );
}

function Reading({ layer, kind, tensor }: { layer: number; kind: string; tensor: Tensor | undefined }) {
  return (
    <>
      <strong>
        Layer {layer}, <code>{kind}</code>
      </strong>{" "}
      {tensor === undefined
        ? "there is no such tensor"
        : tensor.cosine === null
        ? `no angle, ${tensor.mode}`
        : `${degrees(tensor.cosine).toFixed(3)}° (cosine ${tensor.cosine.toFixed(6)}), ${tensor.mode}${
          tensor.t === null ? "" : `, t = ${tensor.t.toFixed(4)}`
        }`}
    </>
  );
}

function clamp(value: number, length: number): number {
  return Math.min(length - 1, Math.max(0, value));
}
