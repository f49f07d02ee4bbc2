/**
 * What pulls that were cancelled, or have failed, have left in the library for the next ones to go on from (`.NAME.pull`
 * beside the model's place). It stays for a week, and all of it together within a bound, but for the latest, which may
 * be the one that matters. Nothing goes that any process is writing, that an unfinished job will take up, or that holds
 * the files of a registered model that a pull was to mend.
 */
import { dirname, join } from "node:path";
import { StagedFolder } from "../../formats/staged_folder.ts";
import { toWriteError } from "../../formats/write_error.ts";
import { STAGING } from "../../hub/pull.ts";
import type { Db } from "../../store/database.ts";
import { unfinishedPullOf } from "../../store/model_jobs.ts";
import { findModelAt } from "../../store/models.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../request.ts";
import { libraryOf, targetOf } from "./pull.ts";

export interface LeftoverOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly dataDir: string;
  readonly log: Log;
}

const KEEP_MS = 7 * 24 * 3600 * 1000;
const MAX_BYTES = 64e9;
const NAME = new RegExp(`^\\.(.+)\\.${STAGING}$`);
/** What is being removed, and where a process died meanwhile. */
const ASIDE = /^\.removed-/;

/** Removes what is too old, or too much. What cannot be removed holds up nothing else, and is thrown in the end. */
export async function tidyLeftovers(
  options: LeftoverOptions,
  { maxBytes = MAX_BYTES }: { readonly maxBytes?: number } = {},
): Promise<void> {
  const { clock, dataDir } = options;
  const library = libraryOf({ dataDir });
  for (const name of await foldersIn(library)) {
    if (ASIDE.test(name)) await Deno.remove(join(library, name), { recursive: true }).catch(() => {});
  }
  const oldestMs = clock.now().getTime() - KEEP_MS;
  const failures: unknown[] = [];
  let bytes = 0;
  for (const [index, one] of (await listLeftovers(dataDir)).entries()) {
    bytes += one.bytes;
    const reason = one.usedMs < oldestMs ? "old" : index > 0 && bytes > maxBytes ? "room" : null;
    if (reason === null) continue;
    try {
      if (await discardLeftover(options, one.name, { bytes: one.bytes, reason })) bytes -= one.bytes;
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/**
 * Removes what a pull of this name has left. False where there is nothing, where somebody is writing it or about to, and
 * where it is what there is of a registered model.
 */
export async function discardLeftover(
  { db, dataDir, log }: Pick<LeftoverOptions, "db" | "dataDir" | "log">,
  name: string,
  facts: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  const target = targetOf({ dataDir }, name);
  if (await findModelAt(db, target) !== undefined || await unfinishedPullOf(db, name) !== undefined) {
    return false;
  }
  const library = libraryOf({ dataDir });
  // Moved aside first: removing takes a while, in which nobody is to wait for its lock.
  const aside = join(library, `.removed-${crypto.randomUUID()}`);
  try {
    if (!await StagedFolder.moveAside(target, STAGING, aside)) return false;
    await Deno.remove(aside, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw toWriteError(error, target); // else somebody was as quick
  }
  if (dirname(target) !== library) await Deno.remove(dirname(target)).catch(() => {}); // only where it is empty
  log("info", "removed what an unfinished pull had left", { name, ...facts });
  return true;
}

interface Leftover {
  readonly name: string;
  readonly bytes: number;
  readonly usedMs: number;
}

/** The latest first. */
async function listLeftovers(dataDir: string): Promise<readonly Leftover[]> {
  const library = libraryOf({ dataDir });
  const owners = (await foldersIn(library)).filter((name) => !name.startsWith("."));
  const found: Leftover[] = [];
  for (const owner of ["", ...owners]) {
    for (const folder of await foldersIn(join(library, owner))) {
      const [, name] = NAME.exec(folder) ?? [];
      if (name === undefined) continue;
      found.push({ name: join(owner, name), ...await measure(join(library, owner, folder)) });
    }
  }
  return found.sort((a, b) => b.usedMs - a.usedMs);
}

async function measure(path: string): Promise<Pick<Leftover, "bytes" | "usedMs">> {
  const names = await Array.fromAsync(Deno.readDir(path), ({ name }) => name).catch(() => []);
  const infos = await Promise.all(
    [".", ...names].map((name) => Deno.lstat(join(path, name)).catch(() => null)),
  );
  return {
    bytes: infos.reduce((sum, info) => sum + (info?.isFile ? info.size : 0), 0),
    usedMs: Math.max(...infos.map((info) => info?.mtime?.getTime() ?? 0)),
  };
}

async function foldersIn(path: string): Promise<readonly string[]> {
  const entries = await Array.fromAsync(Deno.readDir(path)).catch(() => []);
  return entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
}
