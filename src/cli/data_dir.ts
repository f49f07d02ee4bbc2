/** The data folder option, the same for all commands that know registered models. */
import { resolve } from "node:path";
import type { Db } from "../store/database.ts";
import { openStore, type OpenStoreOptions } from "../store/open.ts";
import type { Invocation, OptionSpec } from "./command.ts";

export const dataDirOption: OptionSpec = {
  type: "string",
  value: "DIR",
  description: "Data folder (default: GEODESIC_HOME, or .geodesic)",
};

/** The database that commands work on; the caller ends it. */
export function openInvocationStore(invocation: Invocation, options: OpenStoreOptions = {}): Promise<Db> {
  const { databaseUrl } = invocation.terminal;
  return openStore(dataDirOf(invocation), { ...options, databaseUrl });
}

/** Absolute path of the data folder that `--data`, the environment or the default names. */
export function dataDirOf(invocation: Invocation): string {
  const { userDir, defaultDataDir } = invocation.terminal;
  const given = invocation.text("data");
  return given === undefined ? defaultDataDir : resolve(userDir, given);
}
