/** `geodesic merge --plan CONFIG`: what a merge would read, compute and write, and everything that stands against it. */
import { formatBytes } from "../byte_size.ts";
import { GeodesicError } from "../errors.ts";
import { problemsOf } from "../merge/problems.ts";
import { type DocumentPlan, planDocuments, type PlanDocumentsOptions } from "../merge/plan_documents.ts";
import type { PlannedTensor } from "../merge/plan_report.ts";
import type { Invocation } from "./command.ts";
import { EXIT } from "./errors.ts";
import { printable } from "./printable.ts";
import { formatDuration } from "./units.ts";
import { printVerdict } from "./verdict.ts";

export type PlanCommandOptions = PlanDocumentsOptions;

/** Prints the plan; where it cannot be carried out, every problem on a line of its own, and exit code 1. */
export async function printPlan(
  { terminal, ...invocation }: Pick<Invocation, "terminal"> & { readonly json: boolean },
  options: PlanCommandOptions,
): Promise<number> {
  try {
    const documents = await planDocuments(options);
    terminal.print(
      invocation.json
        ? JSON.stringify({ ok: true, problems: [], documents })
        : documents.flatMap(describeDocument).map(printable).join("\n"),
    );
    return EXIT.done;
  } catch (error) {
    if (!(error instanceof GeodesicError) || !isOfPlan(error)) throw error;
    const problems = problemsOf(error);
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    const lines = [...problems.map((problem) => `- ${problem}`), `Cannot merge: ${count} [${error.code}]`];
    const words = invocation.json
      ? JSON.stringify({ ok: false, problems, documents: [] })
      : lines.map(printable).join("\n");
    return printVerdict(terminal, words, false);
  }
}

/** Several problems, or one with its place in the configuration; what else goes wrong is an error of the command. */
function isOfPlan({ details }: GeodesicError): boolean {
  return Array.isArray(details.problems) || typeof details.line === "number";
}

function describeDocument({ name, report }: DocumentPlan): readonly string[] {
  const title = name === null ? [] : [`Stage "${name}":`];
  if (report === null) return [...title, "Builds on a stage, and is planned when that is merged"];
  const { models, tensors, files } = report;
  const width = Math.max(...tensors.map((tensor) => tensor.name.length));
  return [
    ...title,
    ...tensors.map((tensor) => `${tensor.name.padEnd(width)}  ${describeTensor(tensor)}`),
    "",
    `${report.method}, ${tensors.length} tensors, ${report.layers} layers, ${report.dtype}`,
    ...models.map((model) => `reads  ${model.name}: ${model.dir}, ${formatBytes(model.weightBytes)}`),
    ...files.map(({ file, bytes }) => `writes ${file}: ${formatBytes(bytes)}`),
    `In all ${formatBytes(report.hashBytes)} hashed, ${formatBytes(report.readBytes)} read and ` +
    `${formatBytes(report.writeBytes)} written: about ${
      formatDuration(report.estimatedSeconds)
    } on one thread`,
  ];
}

function describeTensor(tensor: PlannedTensor): string {
  const { inputs, parameters, filter, shape, dtype } = tensor;
  const read = inputs.map(({ model, tensor: from, dtype, readBytes }) => {
    const other = from === tensor.name ? "" : ` (${from})`;
    return `${model}${other} ${dtype} ${formatBytes(readBytes)}`;
  });
  const values = Object.entries(parameters).map(([name, value]) => `${name} ${format(value)}`);
  const how = tensor.operation === "copy" ? [] : [...values, ...filter === null ? [] : [`by "${filter}"`]];
  const write = `[${shape.join(", ")}] ${dtype}, ${formatBytes(tensor.writeBytes)}`;
  return `${[tensor.operation, ...how].join(" ")}: ${read.join(" + ")} → ${write}`;
}

/** Gradients give numbers with many digits that say nothing here. */
function format(value: unknown): string {
  return typeof value === "number" ? String(Number(value.toFixed(6))) : String(value);
}
