/**
 * Access to the files of one model folder by plain name. A name out of an untrusted file (an index) can name nothing
 * outside: no separators, no `..`, and symbolic links are followed only to where the folder itself lies, or, in a
 * Hugging Face cache (`…/snapshots/<revision>/x` → `…/blobs/<hash>`), to that cache's blobs.
 */
import { basename, dirname, join, sep } from "node:path";
import { FormatError, NotFoundError } from "../errors.ts";
import { type JsonObject, MAX_METADATA_BYTES, parseJsonObject, quote } from "./json.ts";
import { toReadError } from "./read_error.ts";

/** One plain path component that can be created on every platform. */
export function isPlainFileName(name: string): boolean {
  // deno-lint-ignore no-control-regex -- control characters are what is refused
  return name.length > 0 && name.length <= 255 && !/[/\\:\x00-\x1f]/.test(name) && name !== "." &&
    name !== "..";
}

export class ModelFolder {
  /** As given by the caller; messages use it. */
  readonly dir: string;
  readonly #roots: readonly string[];

  private constructor(dir: string, roots: readonly string[]) {
    this.dir = dir;
    this.#roots = roots;
  }

  static async open(dir: string): Promise<ModelFolder> {
    let real: string;
    try {
      real = await Deno.realPath(dir);
    } catch (cause) {
      if (!isMissing(cause)) throw toReadError(cause, dir);
      throw new NotFoundError(`Cannot open model "${dir}": no such folder`, { dir }, { cause });
    }
    if (!(await Deno.stat(real)).isDirectory) {
      throw new FormatError(`Cannot open model "${dir}": it is a file, expected a folder`, { dir });
    }
    const roots = [real];
    if (basename(dirname(real)) === "snapshots") roots.push(join(dirname(dirname(real)), "blobs"));
    return new ModelFolder(dir, roots);
  }

  /** The path of a regular file in this folder, `undefined` where there is none; refuses names that lead outside. */
  async find(name: string): Promise<{ readonly path: string; readonly sizeBytes: number } | undefined> {
    if (!isPlainFileName(name)) throw this.#outside(name);
    let real: string;
    try {
      real = await Deno.realPath(join(this.#roots[0]!, name));
    } catch (cause) {
      if (isMissing(cause)) return undefined;
      throw toReadError(cause, join(this.dir, name));
    }
    if (!this.#roots.some((root) => dirname(real) === root || real.startsWith(root + sep))) {
      throw this.#outside(name);
    }
    const info = await Deno.stat(real).catch((cause) => { // it may go at any moment
      if (isMissing(cause)) return undefined;
      throw toReadError(cause, join(this.dir, name));
    });
    if (info === undefined) return undefined;
    return info.isFile ? { path: real, sizeBytes: info.size } : undefined;
  }

  /** The whole of a small file; `undefined` where there is none. */
  async readSmall(name: string, maxBytes = MAX_METADATA_BYTES): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const found = await this.find(name);
    if (found === undefined) return undefined;
    if (found.sizeBytes > maxBytes) {
      throw new FormatError(
        `Cannot read "${name}" of model "${this.dir}": it has ${found.sizeBytes} bytes, at most ${maxBytes} are read`,
        { dir: this.dir, file: name, sizeBytes: found.sizeBytes, maxBytes },
      );
    }
    try {
      return await Deno.readFile(found.path);
    } catch (cause) {
      throw toReadError(cause, join(this.dir, name));
    }
  }

  /** A small JSON object; `undefined` where there is no such file. */
  async readJson(name: string): Promise<JsonObject | undefined> {
    const bytes = await this.readSmall(name);
    return bytes === undefined ? undefined : parseJsonObject(bytes, join(this.dir, name));
  }

  /** Names of the regular files directly in the folder, sorted. Links that lead outside are left out. */
  async list(): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const entry of Deno.readDir(this.#roots[0]!)) {
      if (entry.isDirectory || !isPlainFileName(entry.name)) continue;
      const found = await this.find(entry.name).catch((error) => {
        if (error instanceof FormatError) return undefined;
        throw error;
      });
      if (found !== undefined) names.push(entry.name);
    }
    return names.sort();
  }

  #outside(name: string): FormatError {
    return new FormatError(
      `Cannot read ${quote(name)} of model "${this.dir}": expected a file name that stays inside the folder`,
      { dir: this.dir, file: name },
    );
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory ||
    error instanceof Deno.errors.FilesystemLoop;
}
