/**
 * Reads a merge's record out of a model folder as what it is: a stranger's file. Its shape is checked field by field
 * before any of it becomes a row, and it speaks only for a folder that still holds the weights it describes.
 */
import { z } from "zod";
import { FormatError } from "../errors.ts";
import { PROVENANCE_FILE } from "../formats/artifact.ts";
import type { ModelFolder } from "../formats/folder.ts";
import { readRecord } from "../merge/provenance.ts";
import type { MergeRecord } from "../merge/record.ts";
import { parseConfigDtype } from "../tensor/dtype.ts";
import type { Manifest } from "./manifest.ts";

const MAX_TENSORS = 100_000;
const text = z.string().max(1000);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const layerRange = z.tuple([z.int().min(0), z.int().min(0)]);
const file = z.object({ path: text, sizeBytes: z.int().min(0), sha256 });

/** The parts of a record that rows are made of; others pass through unread. */
const RECORD = z.looseObject({
  toolVersion: text,
  method: text,
  baseModel: text.nullable(),
  dtype: text.refine((name) => parseConfigDtype(name) !== undefined, "no dtype of a configuration"),
  configuration: z.looseObject({
    text: z.string().max(1024 * 1024),
    sha256,
    resolved: z.looseObject({
      slices: z.array(z.object({
        baseModel: text.nullable(),
        sources: z.array(z.object({ model: text, layerRange })).max(100),
      })).max(10_000),
    }),
  }),
  parameters: z.array(z.looseObject({
    name: text,
    filter: text.nullable(),
    value: z.number().nullable(),
    gradient: z.array(z.number()).max(10_000).nullable(),
  })).max(10_000),
  curves: z.array(z.looseObject({
    filter: text.nullable(),
    t: z.array(z.number().nullable()).max(10_000),
  })).max(10_000),
  sources: z.array(z.looseObject({ name: text, manifestSha256: sha256 })).max(1000),
  tensors: z.array(z.looseObject({
    name: text,
    layer: z.int().min(0).nullable(),
    filter: text.nullable(),
    t: z.number().nullable(),
    mode: z.enum(["SLERP", "LERP", "COPY"]),
    cosine: z.number().nullable(),
    outputSha256: sha256,
  })).max(MAX_TENSORS),
  artifact: z.looseObject({ manifestSha256: sha256, files: z.array(file).max(MAX_TENSORS) }),
});

/**
 * Null where there is no record, none that this version can read, or one of other weights than the folder's. Throws
 * FormatError for a record that is not what its version promises.
 */
export async function readProvenance(folder: ModelFolder, manifest: Manifest): Promise<MergeRecord | null> {
  const record = await readRecord(folder);
  if (record === null) return null;
  const { error } = RECORD.safeParse(record);
  if (error !== undefined) {
    const issue = error.issues[0];
    const field = issue?.path.join(".") ?? "";
    throw new FormatError(
      `Cannot read "${PROVENANCE_FILE}" of model "${folder.dir}": ${field}: ${issue?.message}`,
      {
        dir: folder.dir,
        file: PROVENANCE_FILE,
        field,
      },
    );
  }
  return describesWeights(record, manifest) ? record : null;
}

/** A card may be edited; weights that differ are another model. */
function describesWeights(record: MergeRecord, manifest: Manifest): boolean {
  const weights = (files: readonly { readonly path: string; readonly sha256: string }[]) =>
    files.filter(({ path }) => path.endsWith(".safetensors")).map(({ path, sha256 }) => `${sha256} ${path}`)
      .sort();
  const [recorded, found] = [weights(record.artifact.files), weights(manifest.files)];
  return recorded.length === found.length && recorded.every((line, index) => line === found[index]);
}
