/** The folder of everything that a gateway keeps. */
import { ConfigError } from "../errors.ts";
import { whyNotWritten } from "../formats/write_error.ts";

/** Makes the folder (readable by its owner only: it holds conversations) or says why it cannot. */
export async function makeDataDir(dataDir: string): Promise<void> {
  try {
    await Deno.mkdir(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    const reason = error instanceof Deno.errors.AlreadyExists
      ? "a file has that name"
      : whyNotWritten(error) ?? (error instanceof Error ? error.message : String(error));
    throw new ConfigError(`Cannot make the data folder "${dataDir}": ${reason}`, { path: dataDir, reason }, {
      cause: error,
    });
  }
}
