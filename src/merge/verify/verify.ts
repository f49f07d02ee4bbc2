/**
 * Verifies a merged model against its provenance: file hashes and manifest, the parameters that its configuration means,
 * every tensor's bytes and, with the parents at hand, the merge itself. It reads and reports; nothing is repaired, and
 * one mismatch does not hide the next.
 */
import { GeodesicError, NotFoundError } from "../../errors.ts";
import { hashArtifact, manifestSha256, PROVENANCE_FILE } from "../../formats/artifact.ts";
import { type Checkpoint, openCheckpoint } from "../../formats/checkpoint.ts";
import { ModelFolder } from "../../formats/folder.ts";
import type { ArchitectureDefinition } from "../architecture_definition.ts";
import { parseMergeConfig } from "../config.ts";
import { type MergePlan, planMerge } from "../plan.ts";
import type { MergeRecord, SourceRecord } from "../record.ts";
import { readRecord } from "../record_file.ts";
import { verifyFiles, verifySource } from "./files.ts";
import type { Mismatch } from "./mismatch.ts";
import { verifyParameters } from "./parameters.ts";
import { hashTensor, recomputeTensor, sampleTensors, verifyHeaders } from "./tensors.ts";

export interface VerifyOptions {
  /** The folder of the merged model. */
  readonly dir: string;
  /** Where a parent lies; null where nobody knows. */
  readonly findSource: (source: SourceRecord) => Promise<string | null>;
  /** How many tensors to look at; all where absent. Files are always hashed whole. */
  readonly sample?: number;
  /** Which ones: the same seed draws the same tensors. */
  readonly seed?: number;
  /** Descriptions of architectures that the merge was given, see architectures.ts. */
  readonly architectures?: readonly ArchitectureDefinition[];
  readonly onProgress?: (progress: VerifyProgress) => void;
  readonly signal?: AbortSignal;
}

export interface VerifyProgress {
  readonly stage: "hashing" | "parents" | "tensors";
  /** The file's folder, parent or tensor being looked at. */
  readonly item: string;
  /** Bytes of this stage. */
  readonly done: number;
  readonly total: number;
  /** Tensors looked at, in the last stage. */
  readonly tensors?: { readonly done: number; readonly total: number };
}

export interface VerifiedSource {
  readonly name: string;
  /** ABSENT: nobody knows where it lies, so nothing was recomputed from it. */
  readonly state: "MATCHES" | "DIFFERS" | "ABSENT";
  readonly path: string | null;
}

export interface Verification {
  readonly dir: string;
  readonly ok: boolean;
  readonly mismatches: readonly Mismatch[];
  /** Of the folder as it is. */
  readonly manifestSha256: string;
  readonly files: number;
  readonly sources: readonly VerifiedSource[];
  readonly tensors: {
    readonly total: number;
    /** Whose bytes were hashed. */
    readonly hashed: number;
    /** Merged again from the parents. */
    readonly recomputed: number;
  };
}

/** Throws NotFoundError for a model without a record, FormatError for a record that is none. */
export async function verifyModel(options: VerifyOptions): Promise<Verification> {
  const { dir, onProgress, signal } = options;
  const signalOption = signal === undefined ? {} : { signal };
  const folder = await ModelFolder.open(dir);
  const record = await readRecord(folder);
  if (record === null) {
    throw new NotFoundError(`Cannot verify model "${dir}": it has no ${PROVENANCE_FILE} of this version`, {
      ...{ dir, file: PROVENANCE_FILE },
    });
  }
  const files = await hashArtifact(folder, {
    ...signalOption,
    onBytes: countBytes(options, "hashing", dir, record.artifact.sizeBytes),
  });
  const configJson = await folder.readJson("config.json") ?? {};
  const architectures = options.architectures ?? [];
  const mismatches = [
    ...await verifyFiles(record, files, folder),
    ...verifyParameters(record, configJson, architectures),
  ];
  const { sources, paths } = await verifySources(record, options, mismatches);

  using checkpoint = await openOrReport(dir, signalOption, mismatches);
  if (checkpoint !== null) mismatches.push(...verifyHeaders(record, checkpoint));
  using plan = allAtHand(record, paths)
    ? await planAgain(record, { paths, architectures }, mismatches)
    : null;
  const sample = sampleTensors(record, options.sample, options.seed ?? 0);
  let [hashed, recomputed] = [0, 0];
  const bytesOf = ({ name }: { readonly name: string }) => checkpoint?.tensors.get(name)?.byteLength ?? 0;
  const total = sample.reduce((sum, tensor) => sum + bytesOf(tensor), 0);
  let done = 0;
  for (const [index, tensor] of sample.entries()) {
    const tensors = { done: index, total: sample.length };
    onProgress?.({ stage: "tensors", item: tensor.name, done, total, tensors });
    done += bytesOf(tensor);
    const found = checkpoint?.tensors.has(tensor.name)
      ? await hashTensor(checkpoint, tensor.name, signalOption)
      : null;
    if (found === null) continue; // its header's absence is reported already
    hashed++;
    if (found !== tensor.outputSha256) {
      const { name: subject, outputSha256: expected } = tensor;
      mismatches.push({ kind: "TENSOR_HASH", subject, field: null, expected, found });
    }
    if (plan === null) continue;
    recomputed++;
    mismatches.push(...await recomputeTensor(plan, tensor, { found, ...signalOption }));
  }
  return {
    dir,
    ok: mismatches.length === 0,
    mismatches,
    manifestSha256: manifestSha256(files),
    files: files.length,
    sources,
    tensors: { total: record.tensors.length, hashed, recomputed },
  };
}

async function verifySources(
  record: MergeRecord,
  options: VerifyOptions,
  mismatches: Mismatch[],
): Promise<{ readonly sources: readonly VerifiedSource[]; readonly paths: ReadonlyMap<string, string> }> {
  const sources: VerifiedSource[] = [];
  const paths = new Map<string, string>();
  for (const source of record.sources) {
    const { name } = source;
    const path = await options.findSource(source);
    if (path === null) {
      sources.push({ name, state: "ABSENT", path });
      continue;
    }
    const total = source.files.reduce((sum, file) => sum + file.sizeBytes, 0);
    const files = await hashArtifact(await ModelFolder.open(path), {
      ...(options.signal && { signal: options.signal }),
      onBytes: countBytes(options, "parents", name, total),
    });
    const found = verifySource(source, files);
    mismatches.push(...found);
    paths.set(name, path);
    sources.push({ name, state: found.length === 0 ? "MATCHES" : "DIFFERS", path });
  }
  return { sources, paths };
}

/** A checkpoint that no reader would take is a finding, not a failure to verify. */
async function openOrReport(
  dir: string,
  options: { readonly signal?: AbortSignal },
  mismatches: Mismatch[],
): Promise<Checkpoint | null> {
  try {
    return await openCheckpoint(dir, { ...options, anyArchitecture: true });
  } catch (error) {
    return report("the checkpoint", error, mismatches);
  }
}

/** Whether nothing that the merge read is missing: neither a parent nor a tokenizer that came from elsewhere. */
function allAtHand(record: MergeRecord, paths: ReadonlyMap<string, string>): boolean {
  return paths.size === record.sources.length &&
    (record.tokenizer === undefined || paths.has(record.tokenizer.model));
}

async function planAgain(
  record: MergeRecord,
  { paths, architectures }: {
    readonly paths: ReadonlyMap<string, string>;
    readonly architectures: readonly ArchitectureDefinition[];
  },
  mismatches: Mismatch[],
): Promise<MergePlan | null> {
  try {
    const config = parseMergeConfig(record.configuration.text, "recorded configuration");
    return await planMerge(config, (name) => {
      const path = paths.get(name);
      if (path !== undefined) return Promise.resolve(path);
      throw new NotFoundError(`The configuration names model "${name}", the record's sources do not`);
    }, { architectures });
  } catch (error) {
    return report("the merge of these parents", error, mismatches);
  }
}

function report(subject: string, error: unknown, mismatches: Mismatch[]): null {
  if (!(error instanceof GeodesicError)) throw error;
  mismatches.push({ kind: "UNREADABLE", subject, field: null, expected: null, found: error.message });
  return null;
}

function countBytes(
  { onProgress }: VerifyOptions,
  stage: VerifyProgress["stage"],
  item: string,
  total: number,
): (bytes: number) => void {
  let done = 0;
  return (bytes) => {
    done = Math.min(done + bytes, total); // files may have grown since
    onProgress?.({ stage, item, done, total });
  };
}
