/** The data folder option, the same for all commands that know registered models. */
import { join, resolve } from "node:path";
import { NotFoundError } from "../errors.ts";
import type { Db } from "../store/database.ts";
import { DATABASE_FILE, openStore, type OpenStoreOptions } from "../store/open.ts";
import type { Invocation, OptionSpec } from "./command.ts";
import { unlessAborted } from "./unless_aborted.ts";

export const dataDirOption: OptionSpec = {
  type: "string",
  value: "DIR",
  description: "Data folder (default: GEODESIC_HOME, or .geodesic beside deno.json)",
};

/** The database that commands work on; the caller ends it. Rejects with the signal's reason when that is aborted. */
export async function openInvocationStore(
  invocation: Invocation,
  options: OpenStoreOptions = {},
): Promise<Db> {
  const { terminal: { databaseUrl }, signal } = invocation;
  // Another gateway's migrations are waited for, however long they take.
  const opening = openStore(dataDirOf(invocation), { ...options, databaseUrl });
  return await unlessAborted(opening, signal, (db) => db.destroy());
}

/** The same of a folder that has one, for commands that have nothing to say of a new one. Throws NotFoundError. */
export async function openExistingStore(invocation: Invocation): Promise<Db> {
  const dataDir = dataDirOf(invocation);
  const path = join(dataDir, DATABASE_FILE);
  if (invocation.terminal.databaseUrl === undefined && isAbsent(path)) {
    throw new NotFoundError(
      `There is no database in "${dataDir}": say with --data DIR where it lies; "geodesic start" makes one`,
      { path },
    );
  }
  return await openInvocationStore(invocation);
}

/** Not where nobody may look: opening it says so. */
export function isAbsent(path: string): boolean {
  try {
    Deno.statSync(path);
    return false;
  } catch (error) {
    return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
  }
}

/** Absolute path of the data folder that `--data`, the environment or the default names. */
export function dataDirOf(invocation: Invocation): string {
  const { userDir, defaultDataDir } = invocation.terminal;
  const given = invocation.text("data");
  return given === undefined ? defaultDataDir : resolve(userDir, given);
}
