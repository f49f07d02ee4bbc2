/**
 * Positioned reads and writes of one file that block the calling thread: for worker threads, whose whole business is
 * to move and change bytes, and whose buffers (WebAssembly memory) must not be touched behind their back.
 */
import { FormatError } from "../errors.ts";
import { toReadError } from "./read_error.ts";
import { toWriteError } from "./write_error.ts";

export class SyncFile implements Disposable {
  readonly path: string;
  readonly #file: Deno.FsFile;
  /** Where the handle's cursor is, so that reading on costs no seek. */
  #cursor = 0;

  private constructor(path: string, file: Deno.FsFile) {
    this.path = path;
    this.#file = file;
  }

  /**
   * Opens an existing file, for reading or for writing. Throws FormatError where the one to read is gone, and what
   * toReadError() and toWriteError() make of other failures.
   */
  static open(path: string, mode: "read" | "write"): SyncFile {
    try {
      return new SyncFile(path, Deno.openSync(path, { read: mode === "read", write: mode === "write" }));
    } catch (error) {
      if (mode === "write") throw toWriteError(error, path);
      if (!(error instanceof Deno.errors.NotFound)) throw toReadError(error, path);
      throw new FormatError(`Cannot read "${path}": it is gone`, { file: path }, { cause: error });
    }
  }

  /** Fills `into` with the bytes from `offset` on. Throws FormatError where the file ends before or the disk fails. */
  read(offset: number, into: Uint8Array): void {
    this.#seek(offset);
    for (let done = 0; done < into.byteLength;) {
      const count = this.#readSome(done === 0 ? into : into.subarray(done));
      if (count === null) {
        const [found, expected] = [offset + done, offset + into.byteLength];
        throw new FormatError(`Cannot read "${this.path}": it ends at byte ${found}, expected ${expected}`, {
          file: this.path,
          found,
          expected,
        });
      }
      done += count;
      this.#cursor += count;
    }
  }

  /** Writes all of `bytes` at `offset`. Throws what {@link toWriteError} makes of a failure. */
  write(offset: number, bytes: Uint8Array): void {
    try {
      this.#seek(offset);
      for (let done = 0; done < bytes.byteLength;) {
        const count = this.#file.writeSync(done === 0 ? bytes : bytes.subarray(done));
        done += count;
        this.#cursor += count;
      }
    } catch (error) {
      throw toWriteError(error, this.path);
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  #readSome(into: Uint8Array): number | null {
    try {
      return this.#file.readSync(into);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new FormatError(`Cannot read "${this.path}" at byte ${this.#cursor}: ${reason}`, {
        file: this.path,
        offset: this.#cursor,
      }, { cause });
    }
  }

  #seek(offset: number): void {
    if (offset === this.#cursor) return;
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    this.#cursor = offset;
  }
}
