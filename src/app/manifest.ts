/**
 * The files of a registered model: their hashes (src/formats/artifact.ts says what counts) and how each looked when it
 * was hashed, so that a later look can tell in microseconds that nothing has changed.
 */
import { FormatError } from "../errors.ts";
import { type FileHash, hashArtifact, isArtifactFile, manifestSha256 } from "../formats/artifact.ts";
import type { ModelFolder } from "../formats/folder.ts";
import { toReadError } from "../formats/read_error.ts";

/** While these hold, a file's content is taken to be what was hashed. */
export interface FileStamp {
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}
/** By file name. */
export type FileStamps = Readonly<Record<string, FileStamp>>;

export interface Manifest {
  readonly manifestSha256: string;
  readonly sizeBytes: bigint;
  /** Sorted by path. */
  readonly files: readonly FileHash[];
  readonly stamps: FileStamps;
}

/**
 * Hashes the whole folder, unless the caller has just done that (`hashes`). Throws FormatError when it changes
 * meanwhile.
 */
export async function readManifest(
  folder: ModelFolder,
  options: { readonly signal?: AbortSignal; readonly hashes?: readonly FileHash[] } = {},
): Promise<Manifest> {
  const stamps = await stampFolder(folder);
  const files = options.hashes ?? await hashArtifact(folder, options);
  const changed = changedFile(stamps, await stampFolder(folder));
  if (changed !== null) {
    throw new FormatError(`Cannot hash model "${folder.dir}": "${changed}" changes while it is read`, {
      dir: folder.dir,
      file: changed,
    });
  }
  return {
    manifestSha256: manifestSha256(files),
    sizeBytes: files.reduce((sum, file) => sum + BigInt(file.sizeBytes), 0n),
    files,
    stamps,
  };
}

/** Sizes and times of the files that count. */
export async function stampFolder(folder: ModelFolder): Promise<FileStamps> {
  const stamps: Record<string, FileStamp> = {};
  for (const name of (await folder.list()).filter(isArtifactFile)) {
    const found = await folder.find(name);
    if (found === undefined) continue;
    const info = await Deno.stat(found.path).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw toReadError(error, found.path);
    });
    if (info === undefined) continue; // it has gone this very moment
    stamps[name] = { sizeBytes: info.size, mtimeMs: info.mtime?.getTime() ?? 0 };
  }
  return stamps;
}

/** The first file that is not in both, or differs; null when they agree. */
export function changedFile(before: FileStamps, after: FileStamps): string | null {
  return changedFiles(before, after)[0] ?? null;
}

/** The files that are not in both, or differ. */
export function changedFiles(before: FileStamps, after: FileStamps): readonly string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => {
    const [a, b] = [before[name], after[name]];
    return a?.sizeBytes !== b?.sizeBytes || a?.mtimeMs !== b?.mtimeMs;
  });
}
