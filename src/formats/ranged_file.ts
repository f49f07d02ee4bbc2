/**
 * Positioned reads of one file. A file handle has a single cursor, so reads queue up behind each other; each is done
 * in pieces, between which an abort signal is honoured. Reading past the end is a FormatError, never a short result.
 */
import { FormatError } from "../errors.ts";
import { toReadError } from "./read_error.ts";

/** Bytes asked of the system at a time: large enough to be quick, small enough to abort soon. */
const PIECE_BYTES = 16 * 1024 * 1024;

export class RangedFile implements Disposable {
  readonly path: string;
  readonly sizeBytes: number;
  readonly #file: Deno.FsFile;
  #queue: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor(path: string, sizeBytes: number, file: Deno.FsFile) {
    this.path = path;
    this.sizeBytes = sizeBytes;
    this.#file = file;
  }

  static async open(path: string): Promise<RangedFile> {
    const file = await Deno.open(path, { read: true }).catch((cause) => {
      throw toReadError(cause, path);
    });
    try {
      return new RangedFile(path, (await file.stat()).size, file);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Fills `into` with the bytes from `offset` on. */
  read(offset: number, into: Uint8Array, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const result = this.#queue.then(() => this.#read(offset, into, options.signal));
    this.#queue = result.catch(() => {});
    return result;
  }

  async #read(offset: number, into: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    if (this.#closed) throw new Error(`Cannot read "${this.path}": it is closed`);
    signal?.throwIfAborted();
    await this.#file.seek(offset, Deno.SeekMode.Start);
    for (let done = 0; done < into.byteLength;) {
      signal?.throwIfAborted();
      const count = await this.#file.read(into.subarray(done, done + PIECE_BYTES));
      if (count === null) {
        throw new FormatError(
          `Cannot read "${this.path}": it ends at byte ${offset + done}, expected ${
            offset + into.byteLength
          }`,
          { file: this.path, found: offset + done, expected: offset + into.byteLength },
        );
      }
      done += count;
    }
  }

  /** Closes the file once; a read under way fails. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file.close();
  }
}
