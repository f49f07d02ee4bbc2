/** What admins did. Every entry holds the hash of the one before it; the whole chain can be held to its hashes. */
import { useState } from "preact/hooks";
import { request } from "../lib/api.ts";
import { useAction, useQuery } from "../lib/hooks.ts";
import { count, moment } from "../lib/format.ts";
import {
  AuditLog,
  Keys,
  ModelNames,
  VerifyAuditLog,
  type VerifyAuditLogQuery,
} from "../operations/generated.ts";
import { Empty, Hash, Loading, localId, Problem, Section, useLatest } from "../ui/parts.tsx";

const PAGE = 25;
/** What can be asked for by name; the gateway knows an action by its whole name alone. */
const ACTIONS = [
  "generation.cancel",
  "generation.delete",
  "generation.reproduce",
  "generation.start",
  "key.create",
  "key.revoke",
  "merge.cancel",
  "merge.start",
  "model.load",
  "model.pull",
  "model.register",
  "model.remove",
  "model.unload",
  "model.update",
  "model.verify",
  "modelJob.cancel",
  "samplingDefaults.revert",
  "samplingDefaults.update",
  "session.delete",
  "session.export",
  "session.rename",
  "session.selectBranch",
  "session.setContextPolicy",
];

export function AuditTab() {
  const [action, setAction] = useState("");
  const [cursors, setCursors] = useState<readonly (string | null)[]>([null]);
  const where = action.trim() === "" ? null : { action: action.trim() };
  const { data, error, reload } = useQuery(AuditLog, { first: PAGE, after: cursors.at(-1)!, where });
  const names = useNames();
  const [verdict, setVerdict] = useState<VerifyAuditLogQuery["verifyAuditLog"] | null>(null);
  const verify = useAction(async () => setVerdict((await request(VerifyAuditLog, {})).verifyAuditLog));
  const log = useLatest(data?.auditLog);
  return (
    <Section
      title="Audit log"
      note={log === undefined ? "" : `${count(log.totalCount)} entries, the newest first`}
    >
      <div class="filters">
        <label>
          Action
          <input
            type="search"
            value={action}
            placeholder="any"
            list="actions"
            onInput={({ currentTarget }) => {
              setCursors([null]);
              setAction(currentTarget.value);
            }}
          />
        </label>
        <datalist id="actions">{ACTIONS.map((name) => <option key={name} value={name} />)}</datalist>
        <button type="button" class="quiet" disabled={verify.busy} onClick={verify.run}>
          {verify.busy ? "Reading every entry …" : "Verify the chain"}
        </button>
      </div>
      <div role="status">
        {verdict && (
          <p class={verdict.isIntact ? "good" : "bad"}>
            {verdict.isIntact
              ? `All ${count(verdict.entries)} entries hold; note the last hash somewhere else. `
              : `Entry ${verdict.brokenSeq} does not hold: ${verdict.reason ?? ""}. Up to there: `}
            <Hash value={verdict.headHash} what="the last entry that holds" />
          </p>
        )}
      </div>
      {(error ?? verify.error) && <Problem error={(error ?? verify.error)!} retry={reload} />}
      {log === undefined && !error && <Loading what="the log" />}
      {log?.edges.length === 0 && (
        <Empty title={where === null ? "No admin has done anything yet" : `No “${where.action}” in the log`}>
          {where !== null && <p>An action is found by its whole name, such as key.create.</p>}
        </Empty>
      )}
      {log !== undefined && log.edges.length > 0 && (
        <>
          <div
            class="table-scroll tall"
            tabIndex={0}
            role="region"
            aria-label="Audit log"
            aria-busy={data === undefined}
          >
            <table>
              <thead>
                <tr>
                  <th scope="col" class="number">No.</th>
                  <th scope="col">When</th>
                  <th scope="col">Who</th>
                  <th scope="col">Action</th>
                  <th scope="col">Details</th>
                </tr>
              </thead>
              <tbody>
                {log.edges.map(({ node }) => (
                  <tr key={node.seq}>
                    <td class="number">{node.seq}</td>
                    <td>{moment(node.at)}</td>
                    <td title={node.actorId}>{node.actorLabel ?? node.actorId}</td>
                    <td>
                      <code>{node.action}</code>
                    </td>
                    <td>
                      <details>
                        <summary title={node.target ?? ""}>
                          {names.get(node.target ?? "") ?? named(node.details) ?? node.target ?? "details"}
                        </summary>
                        <pre tabIndex={0}>{pretty(node.details)}</pre>
                        <Hash value={node.hash} what={`entry ${node.seq}`} />
                      </details>
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
              Newer
            </button>
            <button
              type="button"
              class="quiet"
              disabled={!log.pageInfo.hasNextPage}
              onClick={() => setCursors([...cursors, log.pageInfo.endCursor])}
            >
              Older
            </button>
          </div>
        </>
      )}
    </Section>
  );
}

/** Of the models and keys that are still there, by the ids that the log knows them by. */
function useNames(): ReadonlyMap<string, string> {
  const models = useQuery(ModelNames, {}).data?.models.edges ?? [];
  const keys = useQuery(Keys, {}).data?.apiKeys ?? [];
  return new Map([
    ...models.map(({ node }) => [localId(node.id), node.name] as const),
    ...keys.flatMap(({ id, label }) => [id, localId(id)].map((each) => [each, `key “${label}”`] as const)),
  ]);
}

/** What merges and jobs are about, whose ids say nothing. */
function named(json: string): string | undefined {
  try {
    const { name } = JSON.parse(json);
    return typeof name === "string" && name !== "" ? name : undefined;
  } catch {
    return undefined;
  }
}

function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
