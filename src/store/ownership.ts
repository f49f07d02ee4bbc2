/**
 * One gateway to a data folder. The engine, the live watchers and the recovery of interrupted work all assume that no
 * other process runs generations on the same database, so `serve` holds an exclusive lock on a file beside it. The
 * kernel drops the lock with the process, however it ends, so a killed gateway leaves nothing to clean up.
 */
import { join } from "node:path";
import { ConfigError } from "../errors.ts";
import { whyNotWritten } from "../formats/write_error.ts";
import { makeDataDir } from "./make_data_dir.ts";

const LOCK_FILE = "gateway.lock";

/** Held until disposed. */
export type DataDirLock = Disposable;

/** Throws ConfigError when another process holds the folder, naming it and its process id. */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  await makeDataDir(dataDir);
  const path = join(dataDir, LOCK_FILE);
  const file = await openLockFile(path);
  try {
    if (!await file.tryLock(true)) {
      const holder = (await Deno.readTextFile(path)).trim() || "unknown";
      throw new ConfigError(
        `Data folder "${dataDir}" is in use by another gateway (process ${holder}). Stop it, or choose another folder with --data DIR`,
        { path: dataDir, process: holder },
      );
    }
    await file.truncate();
    await file.write(new TextEncoder().encode(`${Deno.pid}\n`));
  } catch (error) {
    file.close();
    throw error;
  }
  return { [Symbol.dispose]: () => file.close() };
}

async function openLockFile(path: string): Promise<Deno.FsFile> {
  try {
    // Without truncation: the present holder's process id must stay readable.
    return await Deno.open(path, { create: true, read: true, write: true });
  } catch (error) {
    const reason = whyNotWritten(error) ?? (error instanceof Error ? error.message : String(error));
    throw new ConfigError(`Cannot write to "${path}": ${reason}`, { path, reason }, { cause: error });
  }
}
