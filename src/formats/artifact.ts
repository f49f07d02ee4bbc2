/**
 * The identity of a checkpoint folder: SHA-256 of each file that makes it up, and one manifest hash over them.
 *
 * What counts: every regular file directly in the folder, except hidden files and provenance.json, which itself records
 * the manifest. So `sha256sum` of those files, its lines sorted, hashed again, gives the manifest hash.
 */
import { createHash } from "node:crypto";
import type { ModelFolder } from "./folder.ts";
import { toReadError } from "./read_error.ts";

export const PROVENANCE_FILE = "provenance.json";

export interface FileHash {
  /** Relative to the folder. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Hexadecimal, lower case. */
  readonly sha256: string;
}

/** SHA-256 over the sorted lines `sha256␠␠path\n`. */
export function manifestSha256(files: readonly FileHash[]): string {
  const lines = files.map((file) => `${file.sha256}  ${file.path}\n`).sort();
  return sha256(lines.join(""));
}

export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** Whether a file of this name counts. */
export function isArtifactFile(name: string): boolean {
  return name !== PROVENANCE_FILE && !name.startsWith(".");
}

export interface HashOptions {
  readonly signal?: AbortSignal;
  /** Called with the bytes of each piece read. */
  readonly onBytes?: (bytes: number) => void;
}

/** Hashes all files of a folder that count, sorted by path. Reads each once, in pieces. */
export async function hashArtifact(
  folder: ModelFolder,
  options: HashOptions = {},
): Promise<readonly FileHash[]> {
  const files: FileHash[] = [];
  for (const name of (await folder.list()).filter(isArtifactFile)) {
    const found = await folder.find(name);
    if (found !== undefined) files.push({ path: name, ...await hashFile(found.path, options) });
  }
  return files;
}

/** Of one file. */
export async function hashFile(path: string, options: HashOptions = {}): Promise<Omit<FileHash, "path">> {
  using file = await Deno.open(path, { read: true }).catch((cause) => {
    throw toReadError(cause, path);
  });
  const hash = createHash("sha256");
  const buffer = new Uint8Array(4 * 1024 * 1024);
  let sizeBytes = 0;
  for (;;) {
    options.signal?.throwIfAborted();
    const count = await file.read(buffer);
    if (count === null) return { sizeBytes, sha256: hash.digest("hex") };
    hash.update(buffer.subarray(0, count));
    sizeBytes += count;
    options.onBytes?.(count);
  }
}
