/** The way from one parent to the other, layer by layer: t as curves, and the angle between the parents as a map. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, request } from "../lib/api.ts";
import { MergeTensors, type MergeTensorsQuery } from "../operations/generated.ts";
import { Globe } from "../ui/globe.tsx";
import { Loading, Problem, Section } from "../ui/parts.tsx";
import { Curves } from "./curves.tsx";
import { HeatMap } from "./heat_map.tsx";
import type { Provenance } from "./model.tsx";

export type Tensor = NonNullable<MergeTensorsQuery["merge"]>["tensors"]["edges"][number]["node"];

const PAGE = 100;
/** A 120-layer model has about 1,100. */
const MAX_TENSORS = 3_000;

export function Plots({ provenance }: { provenance: Provenance }) {
  const [tensors, setTensors] = useState<readonly Tensor[]>();
  const [error, setError] = useState<ApiError>();
  const [round, setRound] = useState(0);
  const [at, setAt] = useState<number | null>(null);
  useEffect(() => {
    const controller = new AbortController();
    setError(undefined);
    allTensors(provenance.id, controller.signal).then(setTensors, (cause) => {
      if (!controller.signal.aborted) {
        setError(cause instanceof ApiError ? cause : new ApiError("UNEXPECTED", `${cause}`));
      }
    });
    return () => controller.abort();
  }, [provenance.id, round]);
  if (error !== undefined) return <Problem error={error} retry={() => setRound(round + 1)} />;
  if (tensors === undefined) return <Loading what="the tensors" />;
  const layered = tensors.filter(({ layer }) => layer !== null);
  const ts = layered.flatMap(({ t }) => t === null ? [] : [t]);
  const short = (name: string | undefined) => name?.split("/").at(-1) ?? "?";
  const base = provenance.sources.find(({ isBase }) => isBase) ?? provenance.sources[0];
  const other = provenance.sources.find((source) => source !== base && !source.isBase);
  return (
    <>
      {ts.length > 0 && (
        <Section
          title="How far along"
          id="t"
          note={`t by layer: 0 is ${short(base?.model?.name ?? base?.name)}, 1 is ${
            short(other?.model?.name ?? other?.name)
          }.`}
        >
          <div class="along">
            <Curves tensors={layered} onPoint={setAt} />
            <Globe
              marks={[...new Set(ts.map((t) => Math.round(t * 100) / 100))]}
              at={at}
              from={short(base?.model?.name ?? base?.name)}
              to={short(other?.model?.name ?? other?.name)}
            />
          </div>
        </Section>
      )}
      {layered.some(({ cosine }) => cosine !== null) && (
        <Section
          title="How far apart"
          id="angles"
          note="The angle between the parents’ tensors, in degrees."
        >
          <HeatMap tensors={layered} />
        </Section>
      )}
    </>
  );
}

async function allTensors(id: string, signal: AbortSignal): Promise<Tensor[]> {
  const tensors: Tensor[] = [];
  for (let after: string | null = null; tensors.length < MAX_TENSORS;) {
    const data: MergeTensorsQuery = await request(
      MergeTensors,
      { id, first: PAGE, after, where: null, orderBy: null },
      signal,
    );
    const page = data.merge?.tensors;
    if (page === undefined) break;
    tensors.push(...page.edges.map(({ node }) => node));
    if (!page.pageInfo.hasNextPage) break;
    after = page.pageInfo.endCursor;
  }
  return tensors;
}
