/** The GraphQL operations behind what is seen, ready to copy. */
import { apiKey } from "../lib/api.ts";
import type { Operation } from "../lib/operation.ts";
import { Copy } from "./parts.tsx";

export interface Sent {
  /** What it does here. */
  readonly title: string;
  // What the operation takes does not matter to whoever only shows it.
  // deno-lint-ignore no-explicit-any
  readonly operation: Operation<any, any>;
  readonly variables: unknown;
}

export function Behind({ sent }: { sent: readonly Sent[] }) {
  if (sent.length === 0) return null;
  return (
    <details class="behind">
      <summary>The GraphQL behind this</summary>
      {sent.map((each, index) => <Shown key={index} {...each} />)}
    </details>
  );
}

function Shown({ title, operation: { text, kind }, variables }: Sent) {
  const json = JSON.stringify(variables, null, 2);
  return (
    <section class="code">
      <h2>{title}</h2>
      <pre tabIndex={0} aria-label={`${title}: operation and variables`}>{`${text}\n\n${json}`}</pre>
      <div class="code-actions">
        <Copy text={text} label="Copy the operation" />
        <Copy text={json} label="Copy the variables" />
        <Copy text={curlOf(text, variables, kind === "subscription")} label="Copy as curl" />
      </div>
    </section>
  );
}

/** For a shell. A key stays where it is: the command reads it from the environment. */
function curlOf(query: string, variables: unknown, isStream: boolean): string {
  const key = apiKey.value === null ? "" : ` -H "authorization: Bearer $GEODESIC_KEY"`;
  const stream = isStream ? " -H 'accept: text/event-stream'" : "";
  const body = JSON.stringify({ query, variables }).replaceAll("'", `'\\''`);
  return `curl ${isStream ? "-N " : ""}${globalThis.location.origin}/graphql` +
    ` -H 'content-type: application/json'${stream}${key} -d '${body}'`;
}
