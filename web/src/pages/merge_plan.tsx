/** What a merge would read, compute and write; or all that is wrong with its configuration. */
import { bytes, count, seconds } from "../lib/format.ts";
import type { MergePlanQuery } from "../operations/generated.ts";
import { methodName } from "../ui/parts.tsx";

type Plan = MergePlanQuery["mergePlan"];
type Document = Plan["documents"][number];
/** Of the tensors of one document; a 7B model has 291. */
const SHOWN = 400;

export function PlanPreview({ plan, onProblem }: { plan: Plan; onProblem: (line: number) => void }) {
  return (
    <div class="plan">
      <p class={plan.ok ? "verdict good" : "verdict bad"} role="status">
        {plan.ok
          ? "This can be merged. Nothing has been written yet."
          : `This cannot be merged yet: ${plan.problems.length} ${
            plan.problems.length === 1 ? "thing stands" : "things stand"
          } against it.`}
      </p>
      {plan.problems.length > 0 && (
        <ul class="problems">
          {plan.problems.map(({ message, line, column }, index) => (
            <li key={index}>
              {line !== null && (
                <button type="button" class="plain" onClick={() => onProblem(line)}>
                  Line {line}, column {column}
                </button>
              )}
              <span>{message}</span>
            </li>
          ))}
        </ul>
      )}
      {plan.documents.map((document, index) => <Planned key={index} document={document} />)}
    </div>
  );
}

function Planned({ document }: { document: Document }) {
  const tensors = document.tensors ?? [];
  const files = document.files ?? [];
  const operations = new Map<string, number>();
  for (const { operation } of tensors) operations.set(operation, (operations.get(operation) ?? 0) + 1);
  const figures: readonly (readonly [string, string | null])[] = [
    ["Method", document.method && methodName(document.method)],
    ["Base", document.baseModel],
    ["Layers", document.layers === null ? null : String(document.layers)],
    ["Tensors", tensors.length === 0 ? null : count(tensors.length)],
    ["Reads", document.readBytes && bytes(document.readBytes)],
    ["Writes", document.writeBytes && bytes(document.writeBytes)],
    ["Takes about", document.estimatedSeconds === null ? null : seconds(document.estimatedSeconds)],
    ["Operations", [...operations].map(([name, many]) => `${many} ${name}`).join(", ")],
  ];
  return (
    <>
      {document.name !== null && <h3>{document.name}</h3>}
      <dl class="figures">
        {figures.map(([label, value]) =>
          value && (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          )
        )}
      </dl>
      {tensors.length > 0 && (
        <details>
          <summary>Tensor by tensor</summary>
          <div class="table-scroll tall" tabIndex={0} role="region" aria-label="Planned tensors">
            <table>
              <thead>
                <tr>
                  <th scope="col">Tensor</th>
                  <th scope="col">Operation</th>
                  <th scope="col">Filter</th>
                  <th scope="col" class="number">t</th>
                </tr>
              </thead>
              <tbody>
                {tensors.slice(0, SHOWN).map(({ name, operation, filter, t }) => (
                  <tr key={name}>
                    <td>
                      <code>{name}</code>
                    </td>
                    <td>{operation}</td>
                    <td>{filter ?? "–"}</td>
                    <td class="number">{t === null ? "–" : t.toFixed(4)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {tensors.length > SHOWN && (
            <p class="note after">
              The first {SHOWN} of {count(tensors.length)}.
            </p>
          )}
        </details>
      )}
      {files.length > 0 && (
        <details>
          <summary>Files that it writes</summary>
          <ul class="plan-files">
            {files.map((file) => (
              <li key={file.file}>
                <code>{file.file}</code>
                <span class="number">{bytes(file.bytes)}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
