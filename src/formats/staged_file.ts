/** A small file of a staged folder, written as a whole, flushed, and hashed. */
import { type FileHash, sha256 } from "./artifact.ts";
import { flushAndClose, type StagedFolder } from "./staged_folder.ts";
import { toWriteError } from "./write_error.ts";

/** Throws what toWriteError() makes of a failure. */
export async function writeStagedFile(
  folder: StagedFolder,
  name: string,
  content: string | Uint8Array,
): Promise<FileHash> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const file = await folder.createFile(name);
  try {
    await writeAll(file, bytes);
  } catch (error) {
    file.close();
    throw toWriteError(error, folder.target);
  }
  await flushAndClose(file, folder.target);
  return { path: name, sizeBytes: bytes.byteLength, sha256: sha256(bytes) };
}

export async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) done += await file.write(bytes.subarray(done));
}
