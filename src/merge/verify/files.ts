/** The files of a merged model held against its record, and a parent's against what was merged. */
import { type FileHash, manifestSha256, sha256 } from "../../formats/artifact.ts";
import type { ModelFolder } from "../../formats/folder.ts";
import type { MergeRecord, SourceRecord } from "../record.ts";
import { CONFIG_FILE } from "../run.ts";
import type { Mismatch } from "./mismatch.ts";

/** Missing, extra and changed files, and a record that contradicts itself. */
export async function verifyFiles(
  record: MergeRecord,
  files: readonly FileHash[],
  folder: ModelFolder,
): Promise<readonly Mismatch[]> {
  const { artifact, configuration } = record;
  const found = [...compareFiles(artifact.files, files)].map(({ path, ...difference }): Mismatch => ({
    kind: difference.expected === null
      ? "FILE_EXTRA"
      : difference.found === null
      ? "FILE_MISSING"
      : "FILE_HASH",
    ...{ subject: path, ...difference },
  }));
  found.push(...contradictions("artifact", artifact));
  for (const source of record.sources) found.push(...contradictions(`model "${source.name}"`, source));
  const text = sha256(configuration.text);
  if (text !== configuration.sha256) {
    const subject = "the record's configuration text";
    found.push({ kind: "CONFIGURATION", subject, field: null, expected: configuration.sha256, found: text });
  }
  const beside = await folder.readSmall(CONFIG_FILE);
  if (beside !== undefined && sha256(beside) !== configuration.sha256) {
    found.push({
      ...{ kind: "CONFIGURATION", subject: CONFIG_FILE, field: null },
      ...{ expected: configuration.sha256, found: sha256(beside) },
    });
  }
  return found;
}

/** A manifest hash, or a size in all, that is not that of the files beside it. */
export function* contradictions(
  subject: string,
  { files, manifestSha256: found, sizeBytes }: Pick<SourceRecord, "files" | "manifestSha256"> & {
    readonly sizeBytes?: number;
  },
): Generator<Mismatch> {
  const kind = "MANIFEST_HASH";
  const expected = manifestSha256(files);
  if (found !== expected) yield { kind, subject, field: null, expected, found };
  const size = sizeOf(files);
  if (sizeBytes === undefined || sizeBytes === size) return;
  yield { kind, subject, field: "sizeBytes", expected: String(size), found: String(sizeBytes) };
}

export function sizeOf(files: readonly FileHash[]): number {
  return files.reduce((sum, file) => sum + file.sizeBytes, 0);
}

/** What of a parent has changed since it was merged. */
export function verifySource(source: SourceRecord, files: readonly FileHash[]): readonly Mismatch[] {
  return [...compareFiles(source.files, files)].map(({ path, expected, found }) => ({
    ...{ kind: "SOURCE_HASH" as const, subject: source.name, field: path, expected, found },
  }));
}

interface Difference {
  readonly path: string;
  readonly field: "sizeBytes" | null;
  readonly expected: string | null;
  readonly found: string | null;
}

function* compareFiles(recorded: readonly FileHash[], found: readonly FileHash[]): Generator<Difference> {
  const [before, after] = [recorded, found].map((files) => new Map(files.map((file) => [file.path, file])));
  for (const path of new Set([...before!.keys(), ...after!.keys()])) {
    const [expected, found] = [before!.get(path), after!.get(path)];
    if (expected?.sha256 !== found?.sha256) {
      yield { path, field: null, expected: expected?.sha256 ?? null, found: found?.sha256 ?? null };
    } else if (expected!.sizeBytes !== found!.sizeBytes) { // a record that contradicts its own hash
      const [before, after] = [`${expected!.sizeBytes} bytes`, `${found!.sizeBytes} bytes`];
      yield { path, field: "sizeBytes", expected: before, found: after };
    }
  }
}
