/**
 * Reads a merge's record out of a model folder as what it is: a stranger's file. Its shape is checked field by field,
 * so that whoever shows or stores it may rely on its type. Whether it speaks of the folder's files is not decided here.
 */
import { z } from "zod";
import { FormatError } from "../errors.ts";
import { PROVENANCE_FILE } from "../formats/artifact.ts";
import { MAX_RANK } from "../formats/safetensors.ts";
import type { ModelFolder } from "../formats/folder.ts";
import { parseConfigDtype } from "../tensor/dtype.ts";
import { type MergeRecord, RECORD_LIMITS, RECORD_VERSION } from "./record.ts";

const MAX_TENSORS = 100_000;
const text = z.string().max(RECORD_LIMITS.text);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** No model has more; what shows a record may hold it in 32 bits. */
const layer = z.int().min(0).max(10_000);
const layerRange = z.tuple([layer, layer]);
const file = z.object({ path: text, sizeBytes: z.int().min(0), sha256 });

/** The parts of a record that anything here reads; others pass through as they are. */
const DOCUMENT = z.looseObject({
  version: z.literal(RECORD_VERSION),
  toolVersion: text,
  method: text,
  arithmetic: z.int().min(1).optional(),
  baseModel: text.nullable(),
  dtype: text.refine((name) => parseConfigDtype(name) !== undefined, "no dtype of a configuration"),
  configuration: z.looseObject({
    text: z.string().max(1024 * 1024),
    sha256,
    resolved: z.looseObject({
      slices: z.array(z.object({
        baseModel: text.nullable(),
        sources: z.array(z.object({ model: text, layerRange })).max(RECORD_LIMITS.sources + 1),
      })).max(10_000),
    }),
  }),
  parameters: z.array(z.looseObject({
    name: text,
    filter: text.nullable(),
    value: z.number().nullable(),
    gradient: z.array(z.number()).max(RECORD_LIMITS.gradient).nullable(),
  })).max(RECORD_LIMITS.parameters),
  curves: z.array(z.looseObject({
    filter: text.nullable(),
    t: z.array(z.number().nullable()).max(10_000),
  })).max(10_000),
  sources: z.array(z.looseObject({
    name: text,
    isBase: z.boolean(),
    layerRanges: z.array(layerRange).max(10_000),
    manifestSha256: sha256,
    files: z.array(file).max(MAX_TENSORS),
  })).max(RECORD_LIMITS.models),
  tensors: z.array(z.looseObject({
    name: text,
    layer: layer.nullable(),
    filter: text.nullable(),
    dtype: text,
    shape: z.array(z.int().min(0)).max(MAX_RANK),
    t: z.number().nullable(),
    mode: z.enum(["SLERP", "LERP", "MIX", "COPY"]),
    cosine: z.number().nullable(),
    seed: z.int().min(0).optional(),
    inputs: z.array(z.object({ model: text, tensor: text })).max(RECORD_LIMITS.sources + 1),
    outputSha256: sha256,
  })).max(MAX_TENSORS),
  layers: z.int().min(1),
  tokenizer: z.looseObject({ model: text }).optional(),
  artifact: z.looseObject({
    manifestSha256: sha256,
    files: z.array(file).max(MAX_TENSORS),
    sizeBytes: z.int().min(0),
  }),
});

const RECORD = DOCUMENT.extend({
  stages: z.array(z.looseObject({ name: text, record: DOCUMENT })).max(100).optional(),
});

/**
 * The record in a model folder; null where there is none, or none of a version that this program reads. Throws
 * FormatError for a record that is not what its version promises.
 */
export async function readRecord(folder: ModelFolder): Promise<MergeRecord | null> {
  const json = await folder.readJson(PROVENANCE_FILE);
  if (json?.version !== RECORD_VERSION) return null;
  const { error } = RECORD.safeParse(json);
  if (error === undefined) return json as unknown as MergeRecord;
  const [issue] = error.issues;
  const field = issue?.path.join(".") ?? "";
  throw new FormatError(
    `Cannot read "${PROVENANCE_FILE}" of model "${folder.dir}": ${field}: ${issue?.message}`,
    { dir: folder.dir, file: PROVENANCE_FILE, field },
  );
}
