/**
 * What a model folder consists of: every file with its size and SHA-256, and one hash over them all. Files are read in
 * pieces; a folder of any size takes a megabyte of memory.
 */
import { createHash } from "node:crypto";
import { FormatError } from "../errors.ts";
import { isArtifactFile } from "../formats/artifact.ts";
import type { ModelFolder } from "../formats/folder.ts";
import type { ArtifactFile } from "./types.ts";

/** How a file looked when it was hashed; while these hold, its content is taken to be the same. */
export interface FileStamp {
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}

/** A folder's files, in the order of their names. */
export interface Manifest {
  readonly manifestSha256: string;
  readonly sizeBytes: bigint;
  readonly files: readonly ArtifactFile[];
  /** By file name. */
  readonly stamps: Readonly<Record<string, FileStamp>>;
}

const CHUNK_BYTES = 1 << 20;

/** Hashes every file of the folder that counts (formats/artifact.ts). Throws FormatError when one changes meanwhile. */
export async function readManifest(
  folder: ModelFolder,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Manifest> {
  const files: ArtifactFile[] = [];
  const stamps: Record<string, FileStamp> = {};
  for (const name of (await folder.list()).filter(isArtifactFile)) {
    const before = await stampFile(folder, name);
    const sha256 = await hashFile(folder, name, options);
    const after = await stampFile(folder, name);
    if (before === undefined || sha256 === undefined || !sameStamp(before, after)) {
      throw new FormatError(`Cannot hash model "${folder.dir}": "${name}" changes while it is read`, {
        dir: folder.dir,
        file: name,
      });
    }
    files.push({ path: name, sizeBytes: BigInt(before.sizeBytes), sha256 });
    stamps[name] = before;
  }
  return {
    manifestSha256: manifestHash(files),
    sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0n),
    files,
    stamps,
  };
}

/** SHA-256 over the sorted lines `<sha256>  <path>\n`: what `sha256sum * | sort | sha256sum` prints. */
export function manifestHash(files: readonly Pick<ArtifactFile, "path" | "sha256">[]): string {
  const lines = files.map((file) => `${file.sha256}  ${file.path}\n`).sort();
  return createHash("sha256").update(lines.join("")).digest("hex");
}

/** Undefined where there is no such file. */
export async function hashFile(
  folder: ModelFolder,
  name: string,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<string | undefined> {
  const found = await folder.find(name);
  if (found === undefined) return undefined;
  using file = await Deno.open(found.path, { read: true });
  const hash = createHash("sha256");
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let count = await file.read(chunk); count !== null; count = await file.read(chunk)) {
    signal?.throwIfAborted();
    hash.update(chunk.subarray(0, count));
  }
  return hash.digest("hex");
}

/** Undefined where there is no such file. */
export async function stampFile(folder: ModelFolder, name: string): Promise<FileStamp | undefined> {
  const found = await folder.find(name);
  if (found === undefined) return undefined;
  const { size, mtime } = await Deno.stat(found.path);
  return { sizeBytes: size, mtimeMs: mtime?.getTime() ?? 0 };
}

/** Whether nothing speaks for a changed content. */
export function sameStamp(a: FileStamp, b: FileStamp | undefined): boolean {
  return b !== undefined && a.sizeBytes === b.sizeBytes && a.mtimeMs === b.mtimeMs;
}
