/**
 * Whether a registered model's files are still the ones that were hashed: every generation names the exact weights
 * behind it, so nothing else may be loaded under that name. Sizes and times are compared first; only where they differ
 * is the folder hashed again.
 */
import { GeodesicError, NotFoundError } from "../errors.ts";
import { hashFile } from "../formats/artifact.ts";
import { ModelFolder } from "../formats/folder.ts";
import { fromJson, toJson } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import { findArtifact, findManifest, hasFolder, type ModelRow, updateModel } from "../store/models.ts";
import { changedFile, changedFiles, type FileStamps, readManifest, stampFolder } from "./manifest.ts";

/** Throws NotFoundError when the folder is gone or holds something else. Notes the new times of unchanged files. */
export async function checkWeights(db: Db, model: ModelRow, signal: AbortSignal): Promise<void> {
  const folder = await openFolder(model);
  const known = fromJson<FileStamps>(model.file_stamps);
  const changed = changedFile(known, await stampFolder(folder));
  if (changed === null) return;
  const manifest = await readManifest(folder, { signal });
  if (manifest.manifestSha256 !== await findManifest(db, model.artifact_id)) throw missing(model, changed);
  await updateModel(db, model.id, { file_stamps: toJson(manifest.stamps) });
}

/**
 * What `read` reads of a model's folder besides its weights, which are checked when they are loaded: tokenizer, template,
 * configuration. Throws NotFoundError when that is not what was registered, also where it is read while the weights are
 * on the device or long before they are loaded.
 */
export async function readTexts<T>(db: Db, model: ModelRow, read: () => Promise<T>): Promise<T> {
  const folder = await openFolder(model);
  const stamps = withoutTensors(await stampFolder(folder));
  const known = withoutTensors(fromJson<FileStamps>(model.file_stamps));
  const changed = changedFiles(known, stamps);
  if (changed.length > 0) {
    const files = (await findArtifact(db, model.artifact_id))?.files ?? [];
    for (const name of changed) {
      const registered = files.find(({ path }) => path === name);
      const found = await folder.find(name);
      if (found === undefined || (await hashFile(found.path)).sha256 !== registered?.sha256) {
        throw missing(model, name);
      }
    }
  }
  const value = await read();
  const [meanwhile] = changedFiles(stamps, withoutTensors(await stampFolder(folder)));
  if (meanwhile !== undefined) throw missing(model, meanwhile);
  return value;
}

function withoutTensors(stamps: FileStamps): FileStamps {
  return Object.fromEntries(Object.entries(stamps).filter(([name]) => !name.endsWith(".safetensors")));
}

/** A quick look without hashing: null when every file is there in its size, else what is wrong. */
export async function findMissingWeights(model: ModelRow): Promise<GeodesicError | null> {
  try {
    const now = await stampFolder(await openFolder(model));
    const known = Object.entries(fromJson<FileStamps>(model.file_stamps));
    const [name] = known.find(([name, { sizeBytes }]) => now[name]?.sizeBytes !== sizeBytes) ?? [];
    return name === undefined ? null : missing(model, name);
  } catch (error) {
    if (error instanceof GeodesicError) return error;
    throw error;
  }
}

/** What to do about a model that the catalogue knows and whose weights are not here. */
export function withoutWeights({ name, recipe }: Pick<ModelRow, "name" | "recipe">): NotFoundError {
  const [or, merge] = recipe === null ? ["or ", ""] : ["", ", or merge it by its recipe (startMerge)"];
  return new NotFoundError(
    `The weights of model "${name}" are not on this machine: fetch them ("geodesic pull ${name}", or pullModel), ` +
      `${or}register a folder that holds them (registerModel)${merge}`,
    { model: name, reason: "MISSING_WEIGHTS" },
  );
}

async function openFolder(model: ModelRow): Promise<ModelFolder> {
  if (!hasFolder(model)) throw withoutWeights(model);
  try {
    return await ModelFolder.open(model.path);
  } catch (error) {
    if (!(error instanceof GeodesicError)) throw error;
    const details = { model: model.name, path: model.path };
    throw new NotFoundError(`Weights of model "${model.name}" are missing: ${error.message}`, details, {
      cause: error,
    });
  }
}

function missing(model: ModelRow, file: string): NotFoundError {
  return new NotFoundError(
    `The files of model "${model.name}" have changed: "${file}" in "${model.path}" is not what was registered; ` +
      "bring it back, or register the folder anew",
    { model: model.name, path: model.path, file },
  );
}
