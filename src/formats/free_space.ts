/** Whether the disk has room for what is about to be written. */
import { formatBytesApart } from "../byte_size.ts";
import { statfs } from "node:fs/promises";
import { CapacityError } from "../errors.ts";

/**
 * Throws CapacityError where the file system of the folder `dir` has less than `bytes` for us. Where it cannot be asked
 * (no permission, no such call), it is left to the first write that fails.
 */
export async function requireFreeSpace(dir: string, bytes: number, target: string): Promise<void> {
  const free = await freeBytes(dir);
  if (free === undefined || free >= bytes) return;
  const [takes, left] = formatBytesApart(bytes, free);
  throw new CapacityError(
    `Cannot write "${target}": it takes ${takes}, the disk has ${left} left`,
    { path: target, found: free, expected: bytes },
  );
}

/** What the file system of the folder has for us; undefined where it cannot be asked. */
export async function freeBytes(dir: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(dir);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
