/**
 * The work of a verification: every file against the hashes that were registered and, for a merged model, the whole of
 * what src/merge/verify/ finds against its record and its parents.
 */
import { hashArtifact, manifestSha256 } from "../../formats/artifact.ts";
import { NotFoundError } from "../../errors.ts";
import { ModelFolder } from "../../formats/folder.ts";
import { readRecord } from "../../merge/record_file.ts";
import type { Mismatch } from "../../merge/verify/mismatch.ts";
import { type Verification, verifyModel } from "../../merge/verify/verify.ts";
import { toBigInt } from "../../store/codec.ts";
import { findArtifact, findModelByManifest, hasFolder, type ModelRow } from "../../store/models.ts";
import type { ModelVerification } from "../job_types.ts";
import { type ParentOptions, parentResolver } from "../merge/parents.ts";
import { withoutWeights } from "../weights.ts";
import type { WorkContext, WorkResult } from "./job.ts";

/** What one answer can show; how many there are is counted. */
const MAX_MISMATCHES = 500;

/** Throws NotFoundError for a model without a folder. */
export async function verifyWork(
  options: ParentOptions,
  model: ModelRow,
  context: WorkContext,
): Promise<WorkResult> {
  if (!hasFolder(model)) throw withoutWeights(model);
  const folder = await ModelFolder.open(model.path);
  const merge = await readRecord(folder) === null ? null : await verifyMerge(options, model, context);
  const files = await verifyFiles(options, model, { folder, context });
  const mismatches = [...files.mismatches, ...merge?.mismatches ?? []];
  const result: ModelVerification = {
    ok: mismatches.length === 0,
    mismatches: mismatches.slice(0, MAX_MISMATCHES),
    mismatchCount: mismatches.length,
    manifestSha256: files.manifestSha256,
    files: files.count,
    sources: merge?.sources.map(({ name, state }) => ({ name, state })) ?? [],
    hashedTensors: merge?.tensors.hashed ?? 0,
    recomputedTensors: merge?.tensors.recomputed ?? 0,
    totalTensors: merge?.tensors.total ?? 0,
  };
  return { result };
}

async function verifyMerge(
  options: ParentOptions,
  model: ModelRow,
  { signal, report }: WorkContext,
): Promise<Verification> {
  const resolve = parentResolver(options);
  return await verifyModel({
    dir: model.path,
    signal,
    findSource: async ({ name, manifestSha256 }) => {
      const known = await findModelByManifest(options.db, manifestSha256);
      if (known !== undefined && await isFolder(known.path)) return known.path;
      return await resolve(name).catch((error) => {
        if (error instanceof NotFoundError) return null;
        throw error;
      });
    },
    onProgress: ({ stage, done, total, tensors }) =>
      report({
        stage,
        doneBytes: done,
        totalBytes: total,
        doneItems: tensors?.done ?? 0,
        totalItems: tensors?.total ?? 0,
      }),
  });
}

/** Against what was registered: this is what every generation names as its weights. */
async function verifyFiles(
  { db }: ParentOptions,
  model: ModelRow,
  { folder, context: { signal, report } }: {
    readonly folder: ModelFolder;
    readonly context: WorkContext;
  },
): Promise<
  { readonly mismatches: readonly Mismatch[]; readonly manifestSha256: string; readonly count: number }
> {
  const registered = await findArtifact(db, model.artifact_id);
  const totalBytes = Number(toBigInt(registered?.artifact.size_bytes ?? 0));
  let doneBytes = 0;
  const found = await hashArtifact(folder, {
    signal,
    onBytes: (bytes) => {
      doneBytes += bytes;
      report({
        stage: "registered",
        doneBytes,
        totalBytes,
        doneItems: 0,
        totalItems: registered?.files.length ?? 0,
      });
    },
  });
  const expected = new Map(registered?.files.map(({ path, sha256 }) => [path, sha256]));
  const mismatches = found.flatMap(({ path, sha256 }): readonly Mismatch[] => {
    const wanted = expected.get(path) ?? null;
    expected.delete(path);
    if (wanted === sha256) return [];
    const kind = wanted === null ? "FILE_EXTRA" : "FILE_HASH";
    return [{ kind, subject: path, field: "registered", expected: wanted, found: sha256 }];
  });
  const missing = [...expected].map(([path, sha256]): Mismatch => ({
    ...{ kind: "FILE_MISSING", subject: path, field: "registered", expected: sha256, found: null },
  }));
  return {
    mismatches: [...mismatches, ...missing],
    manifestSha256: manifestSha256(found),
    count: found.length,
  };
}

function isFolder(path: string): Promise<boolean> {
  return Deno.stat(path).then((info) => info.isDirectory, () => false);
}
