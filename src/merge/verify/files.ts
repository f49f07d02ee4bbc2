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
  const found = [...compareFiles(artifact.files, files)].map(({ path, expected, found }): Mismatch => ({
    kind: expected === null ? "FILE_EXTRA" : found === null ? "FILE_MISSING" : "FILE_HASH",
    ...{ subject: path, field: null, expected, found },
  }));
  const manifest = manifestSha256(artifact.files);
  if (manifest !== artifact.manifestSha256) {
    const [expected, claimed] = [manifest, artifact.manifestSha256];
    found.push({ kind: "MANIFEST_HASH", subject: "artifact", field: null, expected, found: claimed });
  }
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

/** What of a parent has changed since it was merged. Files of no account to a merge may have come and gone. */
export function verifySource(source: SourceRecord, files: readonly FileHash[]): readonly Mismatch[] {
  if (manifestSha256(files) === source.manifestSha256) return [];
  return [...compareFiles(source.files, files)].map(({ path, expected, found }) => ({
    ...{ kind: "SOURCE_HASH" as const, subject: source.name, field: path, expected, found },
  }));
}

function* compareFiles(
  recorded: readonly FileHash[],
  found: readonly FileHash[],
): Generator<{ readonly path: string; readonly expected: string | null; readonly found: string | null }> {
  const [before, after] = [recorded, found].map((files) =>
    new Map(files.map((file) => [file.path, file.sha256]))
  );
  for (const path of new Set([...before!.keys(), ...after!.keys()])) {
    const [expected, found] = [before!.get(path) ?? null, after!.get(path) ?? null];
    if (expected !== found) yield { path, expected, found };
  }
}
