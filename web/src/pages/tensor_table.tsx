/** The tensors of a merge: filtered, sorted and paged by the gateway. */
import { useState } from "preact/hooks";
import { useQuery } from "../lib/hooks.ts";
import { degrees } from "../lib/format.ts";
import { MergeTensors, type MergeTensorsQueryVariables } from "../operations/generated.ts";
import { Empty, Hash, Loading, Problem, useLatest } from "../ui/parts.tsx";

type Order = NonNullable<MergeTensorsQueryVariables["orderBy"]>;
type Mode = "" | "SLERP" | "LERP" | "COPY" | "MIX";
const PAGE = 25;
const COLUMNS: readonly (readonly [string, Order["field"] | null, string])[] = [
  ["Tensor", "NAME", ""],
  ["Layer", "LAYER", "number"],
  ["Filter", null, ""],
  ["t", "T", "number"],
  ["Angle", "COSINE", "number"],
  ["Mode", null, ""],
  ["SHA-256", null, ""],
];

export function TensorTable({ mergeId }: { mergeId: string }) {
  const [name, setName] = useState("");
  const [mode, setMode] = useState<Mode>("");
  const [layer, setLayer] = useState("");
  const [order, setOrder] = useState<Order>({ field: "PLAN", direction: "ASC" });
  const [cursors, setCursors] = useState<readonly (string | null)[]>([null]);
  const where = {
    nameContains: name === "" ? null : name,
    mode: mode === "" ? null : mode,
    layer: /^\d{1,6}$/.test(layer) ? Number(layer) : null,
  };
  const after = cursors.at(-1)!;
  const { data, error, reload } = useQuery(MergeTensors, {
    id: mergeId,
    first: PAGE,
    after,
    where,
    orderBy: order,
  });
  const fresh = data?.merge?.tensors;
  const page = useLatest(fresh);
  const change = (act: () => void) => {
    setCursors([null]);
    act();
  };
  const sortBy = (field: Order["field"]) =>
    change(() =>
      setOrder(
        order.field === field && order.direction === "ASC"
          ? { field, direction: "DESC" }
          : { field, direction: "ASC" },
      )
    );
  const from = (cursors.length - 1) * PAGE;
  return (
    <>
      <div class="filters">
        <label>
          Name contains
          <input
            type="search"
            value={name}
            placeholder="q_proj"
            onInput={({ currentTarget }) => change(() => setName(currentTarget.value))}
          />
        </label>
        <label class="short">
          Layer
          <input
            type="number"
            min={0}
            step={1}
            value={layer}
            placeholder="any"
            onInput={({ currentTarget }) => change(() => setLayer(currentTarget.value))}
          />
        </label>
        <label>
          Mode
          <select
            value={mode}
            onChange={({ currentTarget }) => change(() => setMode(currentTarget.value as Mode))}
          >
            <option value="">Any</option>
            <option value="SLERP">SLERP, on the great circle</option>
            <option value="LERP">LERP, nearly parallel</option>
            <option value="COPY">COPY, as it is</option>
            <option value="MIX">MIX, by the method</option>
          </select>
        </label>
      </div>
      {error && <Problem error={error} retry={reload} />}
      {page === undefined && !error && <Loading what="tensors" />}
      {page?.totalCount === 0 && (
        <Empty title="No tensor is like that">
          <p>Ask for less: a part of the name, another layer, any mode.</p>
        </Empty>
      )}
      {page !== undefined && page.totalCount > 0 && (
        <>
          <div
            class="table-scroll tall"
            tabIndex={0}
            role="region"
            aria-label="Tensors"
            aria-busy={fresh === undefined}
          >
            <table class="tensors">
              <thead>
                <tr>
                  {COLUMNS.map(([label, field, kind]) => {
                    const sorted = field === null || order.field !== field
                      ? undefined
                      : order.direction === "ASC"
                      ? "ascending" as const
                      : "descending" as const;
                    return (
                      <th key={label} scope="col" class={kind} aria-sort={sorted}>
                        {field === null
                          ? label
                          : <button type="button" class="sort" onClick={() => sortBy(field)}>{label}</button>}
                      </th>
                    );
                  })}
                </tr>
              </thead>
              <tbody>
                {page.edges.map(({ node }) => (
                  <tr key={node.name}>
                    <td>
                      <TensorName name={node.name} />
                    </td>
                    <td class="number">{node.layer ?? "–"}</td>
                    <td>{node.filter ?? "–"}</td>
                    <td class="number">{node.t === null ? "–" : node.t.toFixed(4)}</td>
                    <td class="number" title={node.cosine === null ? "" : `cosine ${node.cosine}`}>
                      {/* The great circle by its cosine: a larger cosine is a smaller angle. */}
                      {node.cosine === null ? "–" : `${degrees(node.cosine).toFixed(3)}°`}
                    </td>
                    <td>
                      <span class={`mode ${node.mode.toLowerCase()}`}>{node.mode}</span>
                    </td>
                    <td>
                      <Hash value={node.outputSha256} what={node.name} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <div class="pager">
            <button
              type="button"
              class="quiet"
              disabled={cursors.length === 1}
              onClick={() => setCursors(cursors.slice(0, -1))}
            >
              Back
            </button>
            <span role="status">
              {from + 1} to {from + page.edges.length} of {page.totalCount}
            </span>
            <button
              type="button"
              class="quiet"
              disabled={!page.pageInfo.hasNextPage}
              onClick={() => setCursors([...cursors, page.pageInfo.endCursor])}
            >
              Next
            </button>
          </div>
        </>
      )}
    </>
  );
}

/** The layer has a column of its own: where there is little room, the name begins behind it. */
function TensorName({ name }: { name: string }) {
  const [, prefix = "", rest = name] = /^(.*?layers\.\d+\.)(.+)$/.exec(name) ?? [];
  return (
    <code title={name}>
      <span class="prefix">{prefix}</span>
      {rest}
    </code>
  );
}
