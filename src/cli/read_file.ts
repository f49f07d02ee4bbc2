/** Opens and reads files that the user names, with errors that say what they should have been. */
import { ConfigError, NotFoundError } from "../errors.ts";

/** Throws NotFoundError without such a file, ConfigError where it is no file or not readable. */
export async function openForReading(path: string, what: string): Promise<ReadableStream<Uint8Array>> {
  return (await openFile(path, what)).file.readable;
}

/** The whole text. Throws like {@link openForReading}, and ConfigError where it is too large or no UTF-8. */
export async function readTextFile(
  path: string,
  { what, maxBytes }: { readonly what: string; readonly maxBytes: number },
): Promise<string> {
  const { file, sizeBytes } = await openFile(path, what);
  file.close();
  if (sizeBytes > maxBytes) {
    throw unreadable(path, what, `it has ${sizeBytes} bytes, at most ${maxBytes} are read`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await Deno.readFile(path));
  } catch (error) {
    throw error instanceof TypeError ? unreadable(path, what, "it is not UTF-8 text", error) : error;
  }
}

async function openFile(
  path: string,
  what: string,
): Promise<{ readonly file: Deno.FsFile; readonly sizeBytes: number }> {
  try {
    const file = await Deno.open(path);
    const { isFile, size } = await file.stat();
    if (isFile) return { file, sizeBytes: size };
    file.close();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      throw new NotFoundError(`Cannot read ${what} "${path}": no such file`, { path }, { cause: error });
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw unreadable(path, what, "permission denied", error);
    }
    if (!(error instanceof Deno.errors.IsADirectory)) throw error;
  }
  throw unreadable(path, what, "it is not a file");
}

function unreadable(path: string, what: string, reason: string, cause?: unknown): ConfigError {
  return new ConfigError(`Cannot read ${what} "${path}": ${reason}`, { path, reason }, { cause });
}
