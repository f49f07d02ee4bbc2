/** Parents, the merge, its result and what came of that: a graph from top to bottom, or from left to right. */
import { useMedia } from "../lib/hooks.ts";
import { go, modelHref } from "../lib/router.tsx";
import type { Model } from "../pages/model.tsx";
import { methodName } from "./parts.tsx";

interface Box {
  readonly id: string;
  /** With its owner. */
  readonly whole: string;
  readonly title: string;
  readonly note: string;
  readonly href?: string;
  readonly kind: "model" | "merge" | "self";
}
interface Placed extends Box {
  readonly x: number;
  readonly y: number;
}

const HEIGHT = 62;
const [PADDING, LETTER] = [14, 7.6];
/** In pixels, as wide as the longest name needs. On a phone, and upright, two of them stand side by side. */
const [NARROWEST, WIDEST, UPRIGHT, PHONE] = [168, 300, 222, 163];

/** Whether it is drawn from top to bottom, so that something may stand beside it. */
export function isUpright({ provenance, declaredParents, descendants }: Model): boolean {
  const parents = provenance?.sources.length ?? declaredParents.length;
  return parents <= 2 && descendants.length <= 2;
}

export function Lineage({ model }: { model: Model }) {
  const isPhone = useMedia("(max-width: 46rem)");
  const isNarrow = isPhone || isUpright(model);
  const columns = boxes(model, isPhone).filter((column) => column.length > 0);
  const [gapX, gapY] = isNarrow ? [14, 40] : [64, 20];
  const longest = Math.max(...columns.map(({ length }) => length));
  const letters = Math.max(
    ...columns.flat().map(({ title, note }) => Math.max(title.length, note.length * 0.9)),
  );
  const needed = Math.ceil(letters * LETTER + 2 * PADDING);
  const widest = isPhone && longest > 1 ? PHONE : isNarrow ? UPRIGHT : WIDEST;
  const width = Math.min(widest, Math.max(NARROWEST, needed));
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
        <defs>
          <marker
            id="arrow"
            class="arrow"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            orient="auto"
          >
            <path d="M0 0.5L8 4L0 7.5z" />
          </marker>
        </defs>
        {edges.map((path, index) => <path key={index} class="edge" d={path} marker-end="url(#arrow)" />)}
        {placed.flat().map((box) => <LineageBox key={box.id} box={box} width={width} />)}
      </svg>
    </div>
  );
}

function LineageBox({ box, width }: { box: Placed; width: number }) {
  const fits = Math.floor((width - 2 * PADDING) / LETTER);
  const body = (
    <>
      <title>{box.whole}</title>
      <rect width={width} height={HEIGHT} rx={box.kind === "merge" ? HEIGHT / 2 : 8} />
      <text
        x={box.kind === "merge" ? width / 2 : PADDING}
        y="27"
        class="lineage-title"
        text-anchor={box.kind === "merge" ? "middle" : "start"}
      >
        {shortened(box.title, fits)}
      </text>
      <text
        x={box.kind === "merge" ? width / 2 : PADDING}
        y="46"
        class="lineage-note"
        text-anchor={box.kind === "merge" ? "middle" : "start"}
      >
        {shortened(box.note, Math.floor(fits * 1.15))}
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
function boxes(model: Model, isNarrow: boolean): Box[][] {
  const { provenance, recipe } = model;
  const declared = model.declaredParents.map((parent): Box =>
    modelBox(`declared ${parent.name}`, parent.model?.name ?? parent.name, {
      notes: [isNarrow ? "" : parent.name.split("/")[0]!, parent.isBase ? "base by its card" : "by its card"],
      isHere: parent.model !== null,
    })
  );
  const sources = provenance?.sources.map((source, index): Box =>
    modelBox(`source ${index} ${source.name}`, source.model?.name ?? source.name, {
      notes: [
        source.isBase ? "base, t = 0" : provenance.method === "SLERP" ? "t = 1" : "",
        source.layerRange === null || isNarrow
          ? ""
          : `layers ${source.layerRange[0]} to ${source.layerRange[1]! - 1}`,
      ],
      isHere: source.model !== null,
    })
  );
  const method = provenance?.method ?? (declared.length > 0 ? recipe?.method : undefined);
  const merge: Box[] = method === undefined ? [] : [{
    id: "merge",
    whole: methodName(method),
    title: methodName(method),
    note: provenance === null ? "by its card" : "merged by Geodesic",
    kind: "merge",
  }];
  return [
    sources ?? declared,
    merge,
    [{ ...modelBox(model.id, model.name, { notes: ["this model"], isHere: false }), kind: "self" }],
    model.descendants.slice(0, 6).map((child) =>
      modelBox(child.id, child.name, { notes: ["merged from it"], isHere: true })
    ),
  ];
}

function modelBox(
  id: string,
  name: string,
  { notes, isHere }: { readonly notes: readonly string[]; readonly isHere: boolean },
): Box {
  return {
    id,
    whole: name,
    title: name.split("/").at(-1)!,
    note: notes.filter(Boolean).join(", ") || "parent",
    ...isHere ? { href: modelHref(name) } : {},
    kind: "model",
  };
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
