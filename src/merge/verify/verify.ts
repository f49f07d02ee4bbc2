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
import { parentsOfRecord } from "../provenance.ts";
import type { MergeRecord, SourceRecord } from "../record.ts";
import { readRecord } from "../record_file.ts";
import { verifyFiles, verifySource } from "./files.ts";
import type { Mismatch } from "./mismatch.ts";
import { verifyArithmetic, verifyParameters } from "./parameters.ts";
import { Replay, type ReplayOptions, verifyStageRecords } from "./stages.ts";
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
  readonly stage: "hashing" | "parents" | "documents" | "tensors";
  /** The file's folder, parent, tensor of a document before the output, or tensor being looked at; in the end, the last. */
  readonly item: string;
  /** Bytes of this stage. */
  readonly done: number;
  readonly total: number;
  /** Tensors looked at, in the last two stages. */
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
    /** Of the documents before the output, merged again on the way. */
    readonly ofStages: number;
  };
}

/** Throws NotFoundError for a model without a record, FormatError for a record that is none. */
export async function verifyModel(options: VerifyOptions): Promise<Verification> {
  const { dir, onProgress, signal } = options;
  const signalOption = signal === undefined ? {} : { signal };
  const folder = await ModelFolder.open(dir);
  const record = await readRecord(folder);
  if (record === null) {
    const why = await folder.find(PROVENANCE_FILE) === undefined
      ? `it has no ${PROVENANCE_FILE}, so it is no merge of Geodesic's (geodesic inspect shows its hashes)`
      : `its ${PROVENANCE_FILE} is of another version than this program reads`;
    throw new NotFoundError(`Cannot verify model "${dir}": ${why}`, { dir, file: PROVENANCE_FILE });
  }
  const files = await hashArtifact(folder, {
    ...signalOption,
    onBytes: countBytes(options, "hashing", dir, record.artifact.sizeBytes),
  });
  const configJson = await folder.readJson("config.json") ?? {};
  const architectures = options.architectures ?? [];
  const mismatches = [
    ...await verifyFiles(record, files, folder),
    ...verifyStageRecords(record),
    ...verifyParameters(record, configJson, architectures),
  ];
  const { sources, paths } = await verifySources(record, options, mismatches);

  using checkpoint = await openOrReport(dir, signalOption, mismatches);
  if (checkpoint !== null) mismatches.push(...verifyHeaders(record, checkpoint));
  const atHand = allAtHand(record, paths);
  const unrepeatable = atHand ? [...verifyArithmetic(record)] : [];
  mismatches.push(...unrepeatable);
  await using replay = atHand && unrepeatable.length === 0
    ? await replayOrReport(record, { paths, architectures, dir, ...signalOption }, mismatches)
    : null;
  if (replay !== null) mismatches.push(...replay.verifyTokenizers(record));
  const sample = sampleTensors(record, options.sample, options.seed ?? 0);
  const names = sample === record.tensors ? null : new Set(sample.map(({ name }) => name));
  const ofStages = replay === null ? 0 : await remakeStages(replay, names, options, mismatches);
  let [hashed, recomputed] = [0, 0];
  const bytesOf = ({ name }: { readonly name: string }) => checkpoint?.tensors.get(name)?.byteLength ?? 0;
  const total = sample.reduce((sum, tensor) => sum + bytesOf(tensor), 0);
  let done = 0;
  const tell = (count: number, item: string) =>
    onProgress?.({ stage: "tensors", item, done, total, tensors: { done: count, total: sample.length } });
  for (const [index, tensor] of sample.entries()) {
    tell(index, tensor.name);
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
    if (replay === null) continue;
    recomputed++;
    mismatches.push(...await recomputeTensor(replay.plan, tensor, { found, ...signalOption }));
  }
  tell(sample.length, sample.at(-1)?.name ?? dir);
  return {
    dir,
    ok: mismatches.length === 0,
    mismatches,
    manifestSha256: manifestSha256(files),
    files: files.length,
    sources,
    tensors: { total: record.tensors.length, hashed, recomputed, ofStages },
  };
}

async function verifySources(
  record: MergeRecord,
  options: VerifyOptions,
  mismatches: Mismatch[],
): Promise<{ readonly sources: readonly VerifiedSource[]; readonly paths: ReadonlyMap<string, string> }> {
  const sources: VerifiedSource[] = [];
  const paths = new Map<string, string>();
  for (const source of parentsOf(record)) {
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

/** Those that a merge began with: not what a document makes, whether the record tells of it or not. */
function parentsOf(record: MergeRecord): readonly SourceRecord[] {
  return parentsOfRecord(record).filter(({ name }) => !stageNames(record.configuration.text).includes(name));
}

function stageNames(configuration: string): readonly (string | null)[] {
  try {
    return parseMergeConfig(configuration, "recorded configuration").before.map(({ name }) => name);
  } catch (error) {
    if (error instanceof GeodesicError) return []; // verifyParameters() says what is wrong with it
    throw error;
  }
}

/** Whether nothing that the merge read is missing: neither a parent nor a tokenizer that came from elsewhere. */
function allAtHand(record: MergeRecord, paths: ReadonlyMap<string, string>): boolean {
  const stages = record.stages ?? [];
  const made = new Set(stages.map(({ name }) => name));
  return parentsOf(record).every(({ name }) => paths.has(name)) &&
    [record, ...stages.map((stage) => stage.record)].every(({ tokenizer }) =>
      tokenizer === undefined || paths.has(tokenizer.model) || made.has(tokenizer.model)
    );
}

async function replayOrReport(
  record: MergeRecord,
  { paths, ...options }: Omit<ReplayOptions, "resolve"> & { readonly paths: ReadonlyMap<string, string> },
  mismatches: Mismatch[],
): Promise<Replay | null> {
  const resolve = (name: string) => {
    const path = paths.get(name);
    if (path !== undefined) return Promise.resolve(path);
    return Promise.reject(
      new NotFoundError(`The configuration names model "${name}", the record's sources do not`),
    );
  };
  try {
    return await Replay.open(record, { ...options, resolve });
  } catch (error) {
    return report("the merge of these parents", error, mismatches);
  }
}

/** How many tensors of stages were merged again: those that the output's tensors of these names come from. */
async function remakeStages(
  replay: Replay,
  names: ReadonlySet<string> | null,
  { onProgress, signal }: VerifyOptions,
  mismatches: Mismatch[],
): Promise<number> {
  const stageWork = replay.neededBy(names);
  const total = stageWork.work.reduce((sum, { steps }) => sum + steps.length, 0);
  let [count, done, item] = [0, 0, ""];
  const tell = () =>
    onProgress?.({ stage: "documents", item, done, total: stageWork.bytes, tensors: { done: count, total } });
  const onTensor = (stage: string, tensor: string, bytes: number) => {
    item = `${stage}: ${tensor}`;
    tell();
    count++;
    done += bytes;
  };
  const remade = replay.remake(stageWork, { onTensor, ...(signal && { signal }) });
  for await (const mismatch of remade) mismatches.push(mismatch);
  if (total > 0) tell();
  return total;
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
