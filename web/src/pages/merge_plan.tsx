/** What a merge would read, compute and write; or all that is wrong with its configuration. */
import { bytes, count, seconds, words } from "../lib/format.ts";
import type { MergePlanQuery } from "../operations/generated.ts";

type Plan = MergePlanQuery["mergePlan"];

export function PlanPreview({ plan }: { plan: Plan }) {
  return (
    <div class="plan" role="status">
      {plan.problems.map((problem, index) => (
        <p key={index} class="note bad">
          {problem.line !== null && <strong>Line {problem.line}, column {problem.column}:</strong>}{" "}
          {problem.message}
        </p>
      ))}
      {plan.documents.map((document, index) => {
        const tensors = document.tensors ?? [];
        const operations = new Map<string, number>();
        for (const { operation } of tensors) operations.set(operation, (operations.get(operation) ?? 0) + 1);
        return (
          <dl key={index} class="figures">
            {([
              ["Method", document.method && words(document.method)],
              ["Base", document.baseModel],
              ["Layers", document.layers === null ? null : String(document.layers)],
              ["Tensors", tensors.length === 0 ? null : count(tensors.length)],
              ["Reads", document.readBytes && bytes(document.readBytes)],
              ["Writes", document.writeBytes && bytes(document.writeBytes)],
              ["Takes about", document.estimatedSeconds === null ? null : seconds(document.estimatedSeconds)],
              ["Operations", [...operations].map(([name, many]) => `${many} ${name}`).join(", ")],
            ] as const).map(([label, value]) =>
              value && (
                <div key={label}>
                  <dt>{label}</dt>
                  <dd>{value}</dd>
                </div>
              )
            )}
          </dl>
        );
      })}
    </div>
  );
}
