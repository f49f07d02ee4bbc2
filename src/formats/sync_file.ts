/**
 * Positioned reads and writes of one file that block the calling thread: for worker threads, whose whole business is
 * to move and change bytes, and whose buffers (WebAssembly memory) must not be touched behind their back.
 */
import { FormatError } from "../errors.ts";
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

  /** Opens an existing file, for reading or for writing. */
  static open(path: string, mode: "read" | "write"): SyncFile {
    return new SyncFile(path, Deno.openSync(path, { read: mode === "read", write: mode === "write" }));
  }

  /** Fills `into` with the bytes from `offset` on. Throws FormatError where the file ends before. */
  read(offset: number, into: Uint8Array): void {
    this.#seek(offset);
    for (let done = 0; done < into.byteLength;) {
      const count = this.#file.readSync(done === 0 ? into : into.subarray(done));
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

  #seek(offset: number): void {
    if (offset === this.#cursor) return;
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    this.#cursor = offset;
  }
}
