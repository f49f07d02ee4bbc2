/**
 * Opens and reads files that the user names, with errors that say what they should have been. Whatever can be read from
 * one end to the other will do: a pipe (`<(…)`), a device.
 */
import { ConfigError, NotFoundError } from "../errors.ts";

/** Throws NotFoundError without such a file, ConfigError where it is a folder or not readable. */
export async function openForReading(path: string, what: string): Promise<ReadableStream<Uint8Array>> {
  return (await openFile(path, what)).readable;
}

/** The whole text. Throws like {@link openForReading}, and ConfigError where it is too large or no UTF-8. */
export async function readTextFile(
  path: string,
  { what, maxBytes }: { readonly what: string; readonly maxBytes: number },
): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let sizeBytes = 0;
  try {
    for await (const chunk of await openForReading(path, what)) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > maxBytes) {
        throw unreadable(path, what, `it has more than ${maxBytes} bytes`);
      }
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  } catch (error) {
    throw error instanceof TypeError ? unreadable(path, what, "it is not UTF-8 text", error) : error;
  }
}

async function openFile(path: string, what: string): Promise<Deno.FsFile> {
  try {
    const file = await Deno.open(path);
    const { isDirectory } = await file.stat();
    if (!isDirectory) return file;
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
