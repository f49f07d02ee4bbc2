/** `geodesic merge CONFIG OUT`: a mergekit configuration in, a complete checkpoint folder out. */
import { didYouMean, nearest } from "../app/suggest.ts";
import { formatBytes } from "../byte_size.ts";
import { dirname, join, resolve } from "node:path";
import { parseMergeConfig } from "../merge/config.ts";
import { modelResolver } from "../merge/model_paths.ts";
import { parentsOfRecord } from "../merge/provenance.ts";
import type { MergeRecord } from "../merge/record.ts";
import { runMerge } from "../merge/run.ts";
import { ignoredParameters } from "../merge/step_parameters.ts";
import { architectureOption, architecturesOf } from "./architecture_option.ts";
import type { Command } from "./command.ts";
import { dataDirOf, dataDirOption } from "./data_dir.ts";
import { EXIT } from "./errors.ts";
import { orRegistered } from "./find_model.ts";
import { printPlan } from "./merge_plan.ts";
import { mergeProgress } from "./merge_progress.ts";
import { modelOption, namedModels } from "./named_models.ts";
import { printable } from "./printable.ts";
import { readTextFile } from "./read_file.ts";
import { sizeOf } from "./size_option.ts";
import type { Terminal } from "./terminal.ts";

/** Real configurations have a few kilobytes. */
const MAX_CONFIG_BYTES = 1024 * 1024;
const MAX_THREADS = 256;

export const mergeCommand: Command = {
  name: "merge",
  summary: "Merge checkpoints as a mergekit configuration says",
  positionals: ["CONFIG", "OUT"],
  lastUnless: "plan",
  options: {
    model: modelOption,
    "arch-info": architectureOption,
    "out-shard-size": {
      type: "string",
      value: "SIZE",
      description: "Most tensor bytes in one of at most 256 output files, such as 500MB (default 5GB)",
    },
    threads: { type: "string", value: "N", description: "Worker threads (default: one for each processor)" },
    "max-memory": {
      type: "string",
      value: "SIZE",
      description: "Take no more memory than this, such as 1GiB; fewer threads where need be",
    },
    "no-resume": {
      type: "boolean",
      description: "Start over, even where a merge to OUT that was killed had finished a part",
    },
    plan: {
      type: "boolean",
      description:
        "Write nothing (OUT is not needed): show what would be read, computed and written, or what is wrong",
    },
    data: dataDirOption,
    json: { type: "boolean", description: "Print the provenance record (or the plan), and errors, as JSON" },
  },
  notes: "OUT must not exist, or be an empty folder. It appears when the merge is complete, never before.\n" +
    "A merge that is interrupted leaves nothing; one that was killed is taken up by the same command.\n" +
    "A model that CONFIG names is looked for at its --model path, as a path from where you stand, as a path\n" +
    "from CONFIG's folder, in the data folder's library, and by its name among the models registered there.\n" +
    "Problems come together, with line and column: first the form of CONFIG, unknown methods, and models that are nowhere;\n" +
    "then its parameters; then what does not fit between the models.",
  async run(invocation) {
    const { terminal, signal } = invocation;
    const configPath = resolve(terminal.userDir, invocation.positional("CONFIG"));
    const threads = invocation.integer("threads", { min: 1, max: MAX_THREADS });
    const maxMemory = sizeOf(invocation, "max-memory");
    const shardBytes = sizeOf(invocation, "out-shard-size");
    const models = namedModels(invocation);
    const dataDir = dataDirOf(invocation);
    const onPaths = modelResolver({
      ...{
        cwd: terminal.userDir,
        configDir: dirname(configPath),
        models,
        libraryDir: join(dataDir, "models"),
      },
    });
    const options = {
      configName: invocation.positional("CONFIG"),
      resolve: orRegistered(onPaths, { dataDir, databaseUrl: terminal.databaseUrl }, models),
      architectures: await architecturesOf(invocation),
      ...(threads !== undefined && { threads }),
      ...(maxMemory !== undefined && { maxMemory }),
      ...(shardBytes !== undefined && { shardBytes }),
      resume: !invocation.flag("no-resume"),
      signal,
    };
    const config = await readTextFile(configPath, {
      what: "merge configuration",
      maxBytes: MAX_CONFIG_BYTES,
    });
    const json = invocation.flag("json");
    if (invocation.flag("plan")) return await printPlan({ terminal, json }, { ...options, config });
    const outDir = resolve(terminal.userDir, invocation.positional("OUT"));
    const record = await merge(terminal, { ...options, config, outDir });
    const notes = [...notesOn(config, options.configName), ...unusedModels(models, record)];
    for (const note of notes) terminal.writeStatus(`note: ${printable(note)}\n`);
    if (json) terminal.print(JSON.stringify(record));
    else terminal.print(summaryOf(record, outDir).map(printable).join("\n"));
    return EXIT.done;
  },
};

/** Merges with a progress bar, which is gone from its line when this returns. */
async function merge(terminal: Terminal, options: Parameters<typeof runMerge>[0]): Promise<MergeRecord> {
  using progress = mergeProgress(terminal);
  return await runMerge({ ...options, onProgress: progress.update });
}

/** What of the configuration had no effect. */
function notesOn(text: string, name: string): readonly string[] {
  const config = parseMergeConfig(text, name);
  return [...config.before, config].flatMap(ignoredParameters);
}

/** Of `--model`: a slip in a name is told, although the model was found elsewhere. */
function unusedModels(models: ReadonlyMap<string, string>, record: MergeRecord): readonly string[] {
  const documents = [record, ...(record.stages ?? []).map((stage) => stage.record)];
  const used = new Set([
    ...parentsOfRecord(record).map(({ name }) => name),
    ...documents.flatMap(({ tokenizer }) =>
      tokenizer === undefined ? [] : [tokenizer.model, ...tokenizer.models.map(({ model }) => model)]
    ),
  ]);
  return [...models.keys()].filter((name) => !used.has(name)).map((name) =>
    `--model names "${name}", which the configuration does not${didYouMean(nearest(name, used))}`
  );
}

function summaryOf(record: MergeRecord, outDir: string): readonly string[] {
  const modes = Map.groupBy(record.tensors, ({ mode }) => mode);
  const counts = [...modes].map(([mode, tensors]) => `${tensors.length} ${mode}`).sort().join(", ");
  const { artifact } = record;
  return [
    `Merged ${parentsOfRecord(record).map(({ name }) => name).join(" and ")} by ${record.method}: ` +
    `${record.tensors.length} tensors (${counts}), ${record.layers} layers, ${record.dtype}`,
    `Wrote ${outDir} (${artifact.files.length} files, ${formatBytes(artifact.sizeBytes)})`,
    `Manifest SHA-256 ${artifact.manifestSha256}; how each tensor came to be: ${
      join(outDir, "provenance.json")
    }`,
  ];
}
