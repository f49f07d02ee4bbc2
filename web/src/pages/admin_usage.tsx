/** Who used how much of what, by day. */
import { useQuery } from "../lib/hooks.ts";
import { count, seconds } from "../lib/format.ts";
import { Link } from "../lib/router.tsx";
import { Keys, Usage, type UsageQuery } from "../operations/generated.ts";
import { Empty, Loading, Problem, Section } from "../ui/parts.tsx";

export function UsageTab() {
  const { data, error, reload } = useQuery(Usage, {});
  const keys = useQuery(Keys, {}).data?.apiKeys ?? [];
  const labels = new Map(keys.map(({ id, label }) => [id, label]));
  const rows = data?.usage.edges.map(({ node }) => node);
  return (
    <Section title="Usage" note="The last 30 days, in UTC.">
      {error && <Problem error={error} retry={reload} />}
      {rows === undefined && !error && <Loading what="the usage" />}
      {rows?.length === 0 && (
        <Empty title="Nobody has generated anything yet">
          <p>
            Every answer is counted here, of whichever key. <Link href="/play">Ask for one</Link>
          </p>
        </Empty>
      )}
      {rows !== undefined && rows.length > 0 && (
        <div class="table-scroll tall" tabIndex={0} role="region" aria-label="Usage">
          <table>
            <thead>
              <tr>
                <th scope="col">Day</th>
                <th scope="col">Who</th>
                <th scope="col">Model</th>
                <th scope="col" class="number">Generations</th>
                <th scope="col" class="number">Prompt tokens</th>
                <th scope="col" class="number">of these cached</th>
                <th scope="col" class="number">Answer tokens</th>
                <th scope="col" class="number">Engine time</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={`${row.day} ${row.principalId} ${row.model?.name}`}>
                  <td>{row.day}</td>
                  <td title={row.principalId}>{labels.get(row.principalId) ?? row.principalId}</td>
                  <td>{row.model?.name ?? "gone"}</td>
                  <td class="number">{count(row.generations)}</td>
                  <td class="number">{count(row.promptTokens)}</td>
                  <td class="number">{count(row.cachedTokens)}</td>
                  <td class="number">{count(row.completionTokens)}</td>
                  <td class="number">{seconds(Number(row.engineMs) / 1000)}</td>
                </tr>
              ))}
            </tbody>
            <tfoot>
              <tr>
                <th scope="row" colSpan={3}>All of these</th>
                <td class="number">{count(sum(rows, "generations"))}</td>
                <td class="number">{count(sum(rows, "promptTokens"))}</td>
                <td class="number">{count(sum(rows, "cachedTokens"))}</td>
                <td class="number">{count(sum(rows, "completionTokens"))}</td>
                <td class="number">{seconds(sum(rows, "engineMs") / 1000)}</td>
              </tr>
            </tfoot>
          </table>
        </div>
      )}
    </Section>
  );
}

type Row = UsageQuery["usage"]["edges"][number]["node"];
type Figure = "generations" | "promptTokens" | "cachedTokens" | "completionTokens" | "engineMs";

function sum(rows: readonly Row[], figure: Figure): number {
  return rows.reduce((total, row) => total + Number(row[figure]), 0);
}
