/** Some acts are generations by another name, and their callers know fields by other names than generations do. */
import { ConfigError } from "../../errors.ts";

/** What `start` refuses, in the names of its caller; `names` are those by the generation's. */
export async function inOwnNames<T>(
  names: Readonly<Record<string, string>>,
  start: () => Promise<T>,
): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { field } = error.details;
    const own = typeof field === "string" && Object.hasOwn(names, field) ? names[field]! : undefined;
    if (own === undefined) throw error;
    const said = `Invalid ${String(field).replace(/^prompt\./, "prompt: ")}:`;
    const message = error.message.replace(said, () => `Invalid ${own}:`);
    throw new ConfigError(message, { ...error.details, field: own }, { cause: error });
  }
}
