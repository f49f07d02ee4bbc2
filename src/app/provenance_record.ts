/** The record in a model folder, as far as it speaks for the weights that the folder holds now. */
import type { ModelFolder } from "../formats/folder.ts";
import type { MergeRecord } from "../merge/record.ts";
import { readRecord } from "../merge/record_file.ts";
import type { Manifest } from "./manifest.ts";

/** Null where there is no record that this version reads, or one of other weights. Throws like readRecord(). */
export async function readProvenance(folder: ModelFolder, manifest: Manifest): Promise<MergeRecord | null> {
  const record = await readRecord(folder);
  return record !== null && describesWeights(record, manifest) ? record : null;
}

/** A card may be edited; weights that differ are another model. */
function describesWeights(record: MergeRecord, manifest: Manifest): boolean {
  const weights = (files: readonly { readonly path: string; readonly sha256: string }[]) =>
    files.filter(({ path }) => path.endsWith(".safetensors")).map(({ path, sha256 }) => `${sha256} ${path}`)
      .sort();
  const [recorded, found] = [weights(record.artifact.files), weights(manifest.files)];
  return recorded.length === found.length && recorded.every((line, index) => line === found[index]);
}
