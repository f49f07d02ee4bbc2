/** Parents, the merge, its result and what came of that: a graph from top to bottom, or from left to right. */
import { words } from "../lib/format.ts";
import { useMedia } from "../lib/hooks.ts";
import { go, modelHref } from "../lib/router.tsx";
import type { Model } from "../pages/model.tsx";

interface Box {
  readonly id: string;
  readonly title: string;
  readonly note: string;
  readonly href?: string;
  readonly kind: "model" | "merge" | "self";
}
interface Placed extends Box {
  readonly x: number;
  readonly y: number;
}

const WIDTH = 226;
const HEIGHT = 62;

export function Lineage({ model }: { model: Model }) {
  const isNarrow = useMedia("(max-width: 46rem)");
  const columns = boxes(model).filter((column) => column.length > 0);
  const [gapX, gapY] = isNarrow ? [14, 46] : [64, 20];
  const longest = Math.max(...columns.map(({ length }) => length));
  const scale = isNarrow && longest > 1 ? 0.72 : 1;
  const width = WIDTH * scale;
  const [along, across] = isNarrow ? [HEIGHT + gapY, width + gapX] : [width + gapX, HEIGHT + gapY];
  const placed = columns.map((column, depth) =>
    column.map((box, index): Placed => {
      const offset = (longest - column.length) / 2 + index;
      return isNarrow
        ? { ...box, x: offset * across, y: depth * along }
        : { ...box, x: depth * along, y: offset * across };
    })
  );
  const size = isNarrow
    ? [longest * across - gapX, columns.length * along - gapY]
    : [columns.length * along - gapX, longest * across - gapY];
  const edges = placed.slice(1).flatMap((column, depth) =>
    column.flatMap((to) => placed[depth]!.map((from) => edge(from, to, width, isNarrow)))
  );
  return (
    <div class="lineage">
      <svg
        viewBox={`-3 -3 ${size[0]! + 6} ${size[1]! + 6}`}
        style={{ maxWidth: `${size[0]! + 6}px` }}
        role="group"
        aria-label="Lineage"
      >
        {edges.map((path, index) => <path key={index} class="edge" d={path} />)}
        {placed.flat().map((box) => <LineageBox key={box.id} box={box} width={width} />)}
      </svg>
    </div>
  );
}

function LineageBox({ box, width }: { box: Placed; width: number }) {
  const fits = Math.floor((width - 24) / 7.4);
  const body = (
    <>
      <title>{box.title}</title>
      <rect width={width} height={HEIGHT} rx={box.kind === "merge" ? HEIGHT / 2 : 8} />
      <text
        x={box.kind === "merge" ? width / 2 : 13}
        y="27"
        class="lineage-title"
        text-anchor={box.kind === "merge" ? "middle" : "start"}
      >
        {shortened(box.title, fits)}
      </text>
      <text
        x={box.kind === "merge" ? width / 2 : 13}
        y="46"
        class="lineage-note"
        text-anchor={box.kind === "merge" ? "middle" : "start"}
      >
        {shortened(box.note, fits + 3)}
      </text>
    </>
  );
  const at = `translate(${box.x} ${box.y})`;
  if (box.href === undefined) return <g class={`lineage-box ${box.kind}`} transform={at}>{body}</g>;
  const follow = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    go(box.href!);
  };
  return (
    <a href={box.href} onClick={follow}>
      <g class={`lineage-box ${box.kind}`} transform={at}>{body}</g>
    </a>
  );
}

/** By column: parents, merge, result, descendants. */
function boxes(model: Model): Box[][] {
  const { provenance } = model;
  const declared = model.declaredParents.map((parent): Box => ({
    id: `declared ${parent.name}`,
    title: parent.model?.name ?? parent.name,
    note: parent.isBase ? "base, as its card says" : "as its card says",
    ...parent.model === null ? {} : { href: modelHref(parent.model.name) },
    kind: "model",
  }));
  const merged = provenance === null ? [declared] : [
    provenance.sources.map((source, index): Box => ({
      id: `source ${index} ${source.name}`,
      title: source.model?.name ?? source.name,
      note: [
        source.isBase ? "base, t = 0" : provenance.method === "SLERP" ? "t = 1" : "",
        source.layerRange === null ? "" : `layers ${source.layerRange[0]} to ${source.layerRange[1]! - 1}`,
      ].filter(Boolean).join(", ") || "parent",
      ...source.model === null ? {} : { href: modelHref(source.model.name) },
      kind: "model",
    })),
    [{ id: "merge", title: words(provenance.method), note: "merge", kind: "merge" as const }],
  ];
  return [
    ...merged,
    [{ id: model.id, title: model.name, note: "this model", kind: "self" as const }],
    model.descendants.slice(0, 6).map((child): Box => ({
      id: child.id,
      title: child.name,
      note: "merged from it",
      href: modelHref(child.name),
      kind: "model",
    })),
  ];
}

function edge(from: Placed, to: Placed, width: number, isNarrow: boolean): string {
  if (isNarrow) {
    const [x1, y1, x2, y2] = [from.x + width / 2, from.y + HEIGHT, to.x + width / 2, to.y];
    const middle = (y1 + y2) / 2;
    return `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${y2}`;
  }
  const [x1, y1, x2, y2] = [from.x + width, from.y + HEIGHT / 2, to.x, to.y + HEIGHT / 2];
  const middle = (x1 + x2) / 2;
  return `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
}

function shortened(text: string, fits: number): string {
  return text.length <= fits ? text : `${text.slice(0, Math.max(1, fits - 1))}…`;
}
