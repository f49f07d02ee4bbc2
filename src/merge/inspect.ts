/**
 * What a model folder is, for people and scripts: architecture, sizes, dtypes, hashes, and how it was merged. Whether
 * the files still are those that the provenance recorded is part of the answer.
 */
import { type FileHash, hashArtifact, type HashOptions, manifestSha256 } from "../formats/artifact.ts";
import { openCheckpoint } from "../formats/checkpoint.ts";
import { isRunnable, type ModelConfig } from "../formats/config.ts";
import { DTYPE_BITS } from "../tensor/dtype.ts";
import type { MergeRecord } from "./record.ts";
import { readRecord } from "./record_file.ts";

export interface DtypeShare {
  readonly dtype: string;
  readonly tensors: number;
  readonly bytes: number;
}

export interface Inspection {
  readonly dir: string;
  /** Value of `architectures` in config.json. */
  readonly architecture: string;
  /** null for an architecture that can be merged but not run. */
  readonly config: ModelConfig | null;
  readonly tensorCount: number;
  /** Elements of all tensors. */
  readonly parameterCount: number;
  /** Of the tensors, without headers. */
  readonly weightBytes: number;
  /** Largest share first. */
  readonly dtypes: readonly DtypeShare[];
  readonly files: readonly FileHash[];
  readonly manifestSha256: string;
  /** null for a model that Geodesic did not merge. */
  readonly provenance: MergeRecord | null;
  /** Whether the files are those of the provenance; null without one. */
  readonly matchesProvenance: boolean | null;
}

/** Opens, checks and hashes a folder. Errors as openCheckpoint(). */
export async function inspectCheckpoint(dir: string, options: HashOptions = {}): Promise<Inspection> {
  using checkpoint = await openCheckpoint(dir, { ...options, anyArchitecture: true });
  const shares = new Map<string, DtypeShare>();
  let [parameterCount, weightBytes] = [0, 0];
  for (const { dtype, byteLength } of checkpoint.tensors.values()) {
    const share = shares.get(dtype) ?? { dtype, tensors: 0, bytes: 0 };
    shares.set(dtype, { dtype, tensors: share.tensors + 1, bytes: share.bytes + byteLength });
    parameterCount += byteLength * 8 / DTYPE_BITS[dtype];
    weightBytes += byteLength;
  }
  const files = await hashArtifact(checkpoint.folder, options);
  const provenance = await readRecord(checkpoint.folder);
  const manifest = manifestSha256(files);
  return {
    dir,
    architecture: [checkpoint.configJson.architectures].flat().join(", "),
    config: isRunnable(checkpoint.configJson) ? checkpoint.config : null,
    tensorCount: checkpoint.tensors.size,
    parameterCount,
    weightBytes,
    dtypes: [...shares.values()].sort((a, b) => b.bytes - a.bytes),
    files,
    manifestSha256: manifest,
    provenance,
    matchesProvenance: provenance === null ? null : provenance.artifact.manifestSha256 === manifest,
  };
}
