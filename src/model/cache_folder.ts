/**
 * The folder that quantized weights are kept in (see weight_cache.ts): what lies there, how much that is, and what has to
 * go when it is too much. An entry is `<manifest hash>-fp8/`; its record's time of change is when it was last used. Who
 * uses an entry shares a lock on that record, who writes one has the folder's own lock, and no entry goes that somebody
 * has a lock on; the kernel drops locks with their process. Files with other names are nobody's business here.
 */
import { formatBytes, formatBytesApart } from "../byte_size.ts";
import { join } from "node:path";
import { CapacityError } from "../errors.ts";
import { freeBytes } from "../formats/free_space.ts";

/** Which artifact's weights, and where entries lie. */
export interface CacheKey {
  readonly dir: string;
  readonly manifestSha256: string;
}

/** What all entries together may take unless told otherwise: some eight models of 7 B parameters. */
export const DEFAULT_WEIGHT_CACHE_BYTES = 64e9;
/** Of the disk, for the database lies there as well. */
const LEFT_FREE_BYTES = 2e9;

export const RECORD_FILE = "geodesic-cache.json";
const LOCK_FILE = ".lock";
const ENTRY = /^([0-9a-f]{64})-fp8$/;
/** What a process left that died while it wrote (staged_folder.ts) or removed. */
const LEFTOVER = /^\.(.*\.partial-|removed-)/;

export function entryPath({ dir, manifestSha256 }: CacheKey): string {
  return join(dir, `${manifestSha256}-fp8`);
}

/**
 * Keeps an entry from being removed until disposed. Null while it is being removed. One without a record cannot be used,
 * and need not be kept.
 */
export async function holdEntry(path: string): Promise<Disposable | null> {
  const record = await openRecord(path);
  if (record === null) return { [Symbol.dispose]() {} };
  if (await lock(record, path, "shared")) return record;
  record.close();
  return null;
}

/** It was used just now. */
export async function noteUse(path: string): Promise<void> {
  const now = new Date();
  await Deno.utime(join(path, RECORD_FILE), now, now).catch(() => {}); // on a disk that is read only nothing goes
}

/** False where somebody uses or replaces it. An entry that is not there is removed. */
export async function removeEntry(path: string): Promise<boolean> {
  using record = await openRecord(path);
  if (record !== null && !await lock(record, path, "exclusive")) return false;
  // Moved aside first: what is half removed is no entry any more.
  const aside = join(path, "..", `.removed-${crypto.randomUUID()}`);
  try {
    await Deno.rename(path, aside);
    await Deno.remove(aside, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return true;
}

/** One process at a time writes to the folder. Removes what others left unfinished; CapacityError where one writes. */
export async function claimFolder(dir: string): Promise<Disposable> {
  await Deno.mkdir(dir, { recursive: true });
  const file = await Deno.open(join(dir, LOCK_FILE), { create: true, write: true });
  try {
    if (!await file.tryLock(true)) {
      throw new CapacityError(`Cannot write to "${dir}": another process is writing there`, { path: dir });
    }
    for (const name of await namesIn(dir)) {
      if (LEFTOVER.test(name)) await Deno.remove(join(dir, name), { recursive: true }).catch(() => {});
    }
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

export interface Room {
  /** What all entries together may take, in bytes. */
  readonly maxBytes: number;
  /** Of which so many must be free. */
  readonly incomingBytes: number;
}

/**
 * Removes entries, those that were used longest ago first, until there is room in the folder and on the disk. Throws
 * CapacityError, having removed nothing, where that cannot be enough, and where entries that are in use take the room.
 */
export async function makeRoom(dir: string, { maxBytes, incomingBytes }: Room): Promise<void> {
  const entries = (await listEntries(dir)).sort((a, b) => a.usedMs - b.usedMs);
  let taken = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  const onDisk = taken + (await freeBytes(dir) ?? Infinity) - LEFT_FREE_BYTES;
  const most = (incomingBytes === 0 ? maxBytes : Math.min(maxBytes, onDisk)) - incomingBytes;
  if (most < 0) {
    const expected = Math.max(0, Math.floor(Math.min(maxBytes, onDisk)));
    const [found, room] = formatBytesApart(incomingBytes, expected);
    throw new CapacityError(
      `Cannot keep ${found} in "${dir}": ` +
        (onDisk < maxBytes
          ? `the disk has room for ${room}, with ${formatBytes(LEFT_FREE_BYTES)} left free`
          : `it may hold ${room}`),
      { path: dir, found: incomingBytes, expected },
    );
  }
  for (const { path, bytes } of entries) {
    if (taken <= most) return;
    if (await removeEntry(path)) taken -= bytes;
  }
  if (taken <= most) return;
  const expected = Math.max(0, Math.floor(most + incomingBytes - taken));
  const [found, room] = formatBytesApart(incomingBytes, expected);
  throw new CapacityError(
    `Cannot keep ${found} in "${dir}": entries in use take ${formatBytes(taken)} and leave ${room}`,
    { path: dir, found: incomingBytes, expected },
  );
}

/**
 * For the start of whoever knows which artifacts there are: entries of others will be the first to go, and what is beyond
 * the bound goes now. Leaves the folder alone while another process writes to it.
 */
export async function tidyFolder(
  dir: string,
  { maxBytes, exists }: {
    readonly maxBytes: number;
    readonly exists: (manifestSha256: string) => Promise<boolean>;
  },
): Promise<void> {
  if (!await isThere(dir)) return;
  using _claim = await claimFolder(dir);
  for (const { path, manifestSha256 } of await listEntries(dir)) {
    if (!await exists(manifestSha256)) await demote(path);
  }
  await makeRoom(dir, { maxBytes, incomingBytes: 0 });
}

/** The artifact is gone: so is its entry, now, or as the first one when there has to be room if somebody uses it yet. */
export async function forgetEntry(key: CacheKey): Promise<void> {
  const path = entryPath(key);
  if (!await removeEntry(path)) await demote(path);
}

async function demote(path: string): Promise<void> {
  await Deno.utime(join(path, RECORD_FILE), 0, 0).catch(() => {});
}

interface Entry {
  readonly path: string;
  readonly manifestSha256: string;
  readonly bytes: number;
  /** 0: of an artifact that is gone; -1: of no use. */
  readonly usedMs: number;
}

async function listEntries(dir: string): Promise<Entry[]> {
  const entries = (await namesIn(dir)).map(async (name): Promise<Entry[]> => {
    const [, manifestSha256] = ENTRY.exec(name) ?? [];
    if (manifestSha256 === undefined) return [];
    const path = join(dir, name);
    const sizes = (await namesIn(path)).map(async (file) => (await stat(join(path, file)))?.size ?? 0);
    const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    const usedMs = (await stat(join(path, RECORD_FILE)))?.mtime?.getTime() ?? -1;
    return [{ path, manifestSha256, bytes, usedMs }];
  });
  return (await Promise.all(entries)).flat();
}

/** Null where there is none. */
async function openRecord(path: string): Promise<Deno.FsFile | null> {
  return await Deno.open(join(path, RECORD_FILE)).catch(() => null);
}

/** False where somebody has another lock, or what was opened is not the entry's record any more. */
async function lock(record: Deno.FsFile, path: string, kind: "shared" | "exclusive"): Promise<boolean> {
  if (!await record.tryLock(kind === "exclusive").catch(() => false)) return false;
  const [held, named] = [await record.stat(), await stat(join(path, RECORD_FILE))];
  return named !== null && held.ino === named.ino;
}

async function namesIn(dir: string): Promise<readonly string[]> {
  return await Array.fromAsync(Deno.readDir(dir), ({ name }) => name).catch(() => []);
}

async function stat(path: string): Promise<Deno.FileInfo | null> {
  return await Deno.lstat(path).catch(() => null);
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path) !== null;
}
