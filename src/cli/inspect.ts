/** `geodesic inspect MODEL`: what a checkpoint folder is, down to its hashes, and how it came to be. */
import { formatBytes } from "../byte_size.ts";
import { basename, resolve } from "node:path";
import { type CatalogueEntry, entryOf } from "../app/catalogue.ts";
import { FormatError } from "../errors.ts";
import type { ModelConfig } from "../formats/config.ts";
import { inspectCheckpoint, type Inspection } from "../merge/inspect.ts";
import type { MergeRecord } from "../merge/record.ts";
import { checkSupported } from "../model/sizes.ts";
import type { Command } from "./command.ts";
import { dataDirOf, dataDirOption } from "./data_dir.ts";
import { EXIT } from "./errors.ts";
import { findModel, hasFolder } from "../store/models.ts";
import { findModelFolder, isFolder, withExistingStore } from "./find_model.ts";
import { printable } from "./printable.ts";

export const inspectCommand: Command = {
  name: "inspect",
  summary: "Show a model's architecture, sizes, dtypes, hashes and provenance",
  positionals: ["MODEL"],
  options: {
    data: dataDirOption,
    bom: {
      type: "boolean",
      description: "Print a CycloneDX 1.6 machine-learning bill of materials (JSON) instead",
    },
    timestamp: {
      type: "boolean",
      description: "Put the time into it; without, the same model gives the same text",
    },
    json: { type: "boolean", description: "Print all of it, and errors, as one JSON object" },
  },
  notes:
    "MODEL is a folder or the name of a registered model. All its files are read, to hash them. Of a model that the\n" +
    "catalogue knows and whose weights are not here, what the catalogue says is shown.",
  async run(invocation) {
    const { terminal, signal } = invocation;
    const where = { ...terminal, dataDir: dataDirOf(invocation) };
    const model = invocation.positional("MODEL");
    const entry = invocation.flag("bom") ? null : await findEntry(model, where);
    if (entry !== null) {
      terminal.print(invocation.flag("json") ? entryJson(entry) : describeEntry(entry).join("\n"));
      return EXIT.done;
    }
    const { path, registeredName } = await findModelFolder(model, where);
    if (invocation.flag("timestamp") && !invocation.flag("bom")) {
      throw invocation.usageError("--timestamp goes with --bom");
    }
    const inspection = await inspectCheckpoint(path, { signal });
    if (invocation.flag("bom")) {
      const { modelBom } = await import("../merge/bom.ts"); // its library is large, and few ask for it
      const timestamp = invocation.flag("timestamp") ? { timestamp: new Date() } : {};
      terminal.write(modelBom(inspection, { name: registeredName ?? basename(path), ...timestamp }));
      return EXIT.done;
    }
    terminal.print(invocation.flag("json") ? JSON.stringify(inspection) : describe(inspection).join("\n"));
    return EXIT.done;
  },
};

/** For a model of the catalogue without weights; null for all others. */
async function findEntry(
  model: string,
  where: { readonly userDir: string; readonly dataDir: string; readonly databaseUrl: string | undefined },
): Promise<CatalogueEntry | null> {
  if (await isFolder(resolve(where.userDir, model))) return null;
  const row = await withExistingStore(where, (db) => findModel(db, { name: model }));
  return row === undefined || hasFolder(row) ? null : entryOf(row);
}

function entryJson(entry: CatalogueEntry): string {
  const plain = (_key: string, value: unknown) => typeof value === "bigint" ? Number(value) : value;
  return JSON.stringify({ ...entry, residency: "MISSING_WEIGHTS" }, plain);
}

function describeEntry(entry: CatalogueEntry): readonly string[] {
  const served = entry.servedContextLength === null ? "" : `, ${entry.servedContextLength} served`;
  return table([
    ["model", entry.name],
    ["weights", `not here: geodesic pull ${entry.name}`],
    ["architecture", entry.architecture],
    ["parameters", entry.parameterCount.toLocaleString("en-US")],
    ["context", `${entry.nativeContextLength}${served}`],
    ["license", entry.license ?? "unknown"],
    ["published", entry.publishedAt.slice(0, 10)],
    ...entry.parents.map(({ name, isBase }) => ["parent", `${name}${isBase ? " (base)" : ""}`] as const),
    ...(entry.description ?? "").split("\n").map((line) => ["", line] as const),
    ...(entry.recipe ?? "").trimEnd().split("\n").map((line, index) =>
      [index === 0 ? "recipe" : "", line] as const
    ),
  ]);
}

function table(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `${label.padEnd(width)}  ${printable(value)}`.trimEnd());
}

function describe(inspection: Inspection): readonly string[] {
  const { config, dtypes, files } = inspection;
  const rows: readonly (readonly [string, string])[] = [
    ["folder", inspection.dir],
    ...(config === null
      ? [["architecture", `${inspection.architecture}, not one that runs here`] as const]
      : configRows(config)),
    ["parameters", inspection.parameterCount.toLocaleString("en-US")],
    ["weights", `${formatBytes(inspection.weightBytes)} in ${inspection.tensorCount} tensors`],
    ...dtypes.map(({ dtype, tensors, bytes }) =>
      ["", `${dtype}: ${tensors} tensors, ${formatBytes(bytes)}`] as const
    ),
    ["manifest", inspection.manifestSha256],
    ...files.map(({ path, sizeBytes, sha256 }) =>
      ["", `${sha256}  ${path}, ${formatBytes(sizeBytes)}`] as const
    ),
    ...provenanceRows(inspection.provenance, inspection.matchesProvenance),
  ];
  return table(rows);
}

function configRows(config: ModelConfig): readonly (readonly [string, string])[] {
  return [
    ["architecture", `${config.architecture}, ${config.layers} layers`],
    ...whyNotRun(config).map((reason) => ["", reason] as const),
    ["hidden", `${config.hiddenSize}, MLP ${config.intermediateSize}`],
    ["heads", `${config.queryHeads} query, ${config.kvHeads} key/value, of ${config.headDim}`],
    ["positions", `${config.maxPositionEmbeddings}, ${windowOf(config)}, ${ropeOf(config)}`],
    ["vocabulary", `${config.vocabSize}${config.tieWordEmbeddings ? ", embedding tied to the output" : ""}`],
  ];
}

/** Nothing, where a load would not refuse it for its configuration. */
function whyNotRun(config: ModelConfig): readonly string[] {
  try {
    checkSupported(config);
    return [];
  } catch (error) {
    if (error instanceof FormatError) return [error.message];
    throw error;
  }
}

function windowOf({ slidingWindow }: ModelConfig): string {
  return slidingWindow === null ? "no sliding window" : `sliding window ${slidingWindow}`;
}

function ropeOf({ ropeTheta, ropeScaling }: ModelConfig): string {
  const base = `RoPE base ${ropeTheta}`;
  return ropeScaling === null ? base : `${base}, scaled by ${ropeScaling.type} × ${ropeScaling.factor}`;
}

function provenanceRows(
  record: MergeRecord | null,
  matches: boolean | null,
): readonly (readonly [string, string])[] {
  if (record === null) return [["provenance", "none: not merged by Geodesic"]];
  const modes = Map.groupBy(record.tensors, ({ mode }) => mode);
  return [
    ["provenance", `${record.method}, Geodesic ${record.toolVersion}, ${record.dtype}`],
    ...record.sources.map(({ name, isBase, manifestSha256 }) =>
      ["", `${name}${isBase ? " (base)" : ""}, manifest ${manifestSha256}`] as const
    ),
    ["", [...modes].map(([mode, tensors]) => `${tensors.length} ${mode}`).sort().join(", ")],
    ["", matches ? "the files are those that it describes" : "THE FILES ARE NOT THOSE THAT IT DESCRIBES"],
  ];
}
