/** The GraphQL operations behind what is seen, ready to copy. */
import type { GenerateInput } from "../operations/generated.ts";
import { StartGeneration, WatchGeneration } from "../operations/generated.ts";
import { Copy } from "./parts.tsx";

export function Behind({ input, generationId }: { input: GenerateInput; generationId: string | null }) {
  const start = { input };
  const watch = { id: generationId ?? "…", afterSeq: 0 };
  return (
    <details class="behind">
      <summary>The GraphQL behind this</summary>
      <Shown title="Start" text={StartGeneration.text} variables={start} />
      <Shown title="Watch" text={WatchGeneration.text} variables={watch} stream />
    </details>
  );
}

function Shown(
  { title, text, variables, stream }: { title: string; text: string; variables: unknown; stream?: boolean },
) {
  const json = JSON.stringify(variables, null, 2);
  const curl =
    `curl ${stream ? "-N " : ""}${globalThis.location.origin}/graphql -H 'content-type: application/json'` +
    `${stream ? " -H 'accept: text/event-stream'" : ""} -d '` +
    `${JSON.stringify({ query: text, variables }).replaceAll("'", `'\\''`)}'`;
  return (
    <div class="code">
      <pre tabIndex={0} aria-label={`${title}: operation and variables`}>{`${text}\n\n${json}`}</pre>
      <div class="code-actions">
        <Copy text={text} label="Copy the operation" />
        <Copy text={json} label="Copy the variables" />
        <Copy text={curl} label="Copy as curl" />
      </div>
    </div>
  );
}
