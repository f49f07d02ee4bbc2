/**
 * Whether a registered model's files are still the ones that were hashed: every generation names the exact weights
 * behind it, so nothing else may be loaded under that name. Sizes and times are compared; a file that was merely
 * touched is hashed again.
 */
import { GeodesicError, NotFoundError } from "../errors.ts";
import { ModelFolder } from "../formats/folder.ts";
import { fromJson, toJson } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import { findArtifact, type ModelRow, updateModel } from "../store/models.ts";
import { type FileStamp, hashFile, sameStamp, stampFile } from "./manifest.ts";

/** Throws NotFoundError naming the first file that is gone or different. Notes new times of unchanged files. */
export async function checkWeights(db: Db, model: ModelRow, signal?: AbortSignal): Promise<void> {
  const stamps = fromJson<Record<string, FileStamp>>(model.file_stamps);
  const folder = await openFolder(model);
  const touched: Record<string, FileStamp> = {};
  for (const [name, known] of Object.entries(stamps)) {
    const now = await stampFile(folder, name);
    if (now === undefined) throw missing(model, name, "is gone");
    if (now.sizeBytes !== known.sizeBytes) throw missing(model, name, "has another size");
    if (!sameStamp(known, now)) touched[name] = now;
  }
  if (Object.keys(touched).length === 0) return;
  const artifact = await findArtifact(db, model.artifact_id);
  for (const name of Object.keys(touched)) {
    const expected = artifact?.files.find((file) => file.path === name)?.sha256;
    if (await hashFile(folder, name, { ...(signal && { signal }) }) !== expected) {
      throw missing(model, name, "has another content");
    }
  }
  await updateModel(db, model.id, { file_stamps: toJson({ ...stamps, ...touched }) });
}

/** A quick look without hashing: null when every file is there in its size, else what is wrong. */
export async function findMissingWeights(model: ModelRow): Promise<GeodesicError | null> {
  try {
    const folder = await openFolder(model);
    for (const [name, known] of Object.entries(fromJson<Record<string, FileStamp>>(model.file_stamps))) {
      const now = await stampFile(folder, name);
      if (now?.sizeBytes !== known.sizeBytes) {
        return missing(model, name, now === undefined ? "is gone" : "has another size");
      }
    }
    return null;
  } catch (error) {
    if (error instanceof GeodesicError) return error;
    throw error;
  }
}

async function openFolder(model: ModelRow): Promise<ModelFolder> {
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

function missing(model: ModelRow, file: string, what: string): NotFoundError {
  return new NotFoundError(
    `Weights of model "${model.name}" are missing: "${file}" in "${model.path}" ${what} since it was registered`,
    { model: model.name, path: model.path, file },
  );
}
