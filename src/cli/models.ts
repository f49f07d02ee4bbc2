/** `geodesic models`: what is registered in a data folder, and whether its weights are there. */
import { findMissingWeights } from "../app/weights.ts";
import { toBigInt } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import { allModelsWithManifests, hasFolder } from "../store/models.ts";
import type { Command } from "./command.ts";
import { dataDirOption, openExistingStore } from "./data_dir.ts";
import { EXIT } from "./errors.ts";
import { printable } from "./printable.ts";
import { table } from "./table.ts";

export const modelsCommand: Command = {
  name: "models",
  summary: "List the registered models, and where their weights lie",
  positionals: [],
  options: {
    data: dataDirOption,
    json: { type: "boolean", description: "Print the result, and errors, as JSON" },
  },
  notes:
    "Weights count as there when every file of the folder has the size that was registered; generate and serve look at\n" +
    "the hashes, too. Which are on the device only the gateway knows.",
  async run(invocation) {
    const db = await openExistingStore(invocation);
    try {
      const models = await listModels(db);
      invocation.terminal.print(
        invocation.flag("json")
          ? JSON.stringify(models)
          : models.length === 0
          ? "There are no models"
          : tableOf(models),
      );
      return EXIT.done;
    } finally {
      await db.destroy();
    }
  },
};

/** The object that scripts rely on. */
interface ListedModel {
  readonly name: string;
  readonly architecture: string;
  readonly parameterCount: number | null;
  readonly nativeDtype: string;
  readonly nativeContextLength: number;
  readonly servedContextLength: number;
  /** How it is held where it is served: "none" or "fp8". */
  readonly servedQuantization: string;
  /** Null for a model that the catalogue knows and whose weights nobody has brought. */
  readonly path: string | null;
  /** Null without a folder. */
  readonly manifestSha256: string | null;
  /** Why its weights cannot be used; null where they can. */
  readonly missing: string | null;
  /** A known merge has made it. */
  readonly merged: boolean;
  readonly license: string | null;
  readonly createdAt: string;
}

/** By name. */
export async function listModels(db: Db): Promise<readonly ListedModel[]> {
  const models: ListedModel[] = [];
  for (const row of await allModelsWithManifests(db)) models.push(await toListed(row));
  return models;
}

type Row = Awaited<ReturnType<typeof allModelsWithManifests>>[number];

async function toListed(row: Row): Promise<ListedModel> {
  return {
    name: row.name,
    architecture: row.architecture,
    parameterCount: row.parameter_count === null ? null : Number(toBigInt(row.parameter_count)),
    nativeDtype: row.native_dtype,
    nativeContextLength: row.native_context_length,
    servedContextLength: row.served_context_length,
    servedQuantization: row.served_quantization,
    path: hasFolder(row) ? row.path : null,
    manifestSha256: hasFolder(row) ? row.manifest_sha256 : null,
    missing: (await findMissingWeights(row))?.message ?? null,
    merged: row.merge_id !== null,
    license: row.license,
    createdAt: row.created_at,
  };
}

function tableOf(models: readonly ListedModel[]): string {
  return table([
    ["NAME", "ARCHITECTURE", "PARAMETERS", "CONTEXT", "SERVED IN", "MERGED", "WEIGHTS"],
    ...models.map((model) => [
      printable(model.name),
      printable(model.architecture),
      model.parameterCount?.toLocaleString("en-US") ?? "-",
      String(model.servedContextLength),
      model.servedQuantization === "none" ? model.nativeDtype : model.servedQuantization.toUpperCase(),
      model.merged ? "yes" : "no",
      weightsOf(model),
    ]),
  ]);
}

function weightsOf({ path, missing }: ListedModel): string {
  if (path === null) return "missing";
  return missing === null ? printable(path) : `missing or changed: ${printable(path)}`;
}
