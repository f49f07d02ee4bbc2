/**
 * A folder that appears whole or not at all: files go into a temporary folder beside the target, are flushed to disk,
 * and one rename makes them visible. Whoever leaves without commit(), by error or abort, leaves nothing behind. An
 * existing target that is not an empty folder is refused before anything is written.
 */
import { basename, dirname, join, resolve } from "node:path";
import { ConfigError } from "../errors.ts";
import { toWriteError } from "./write_error.ts";

export class StagedFolder implements AsyncDisposable {
  readonly target: string;
  readonly #temporary: string;
  /** The topmost folder that had to be made for the target's sake. */
  readonly #madeAbove: string | undefined;
  #state: "open" | "committed" | "removed" = "open";

  private constructor(target: string, temporary: string, madeAbove: string | undefined) {
    this.target = target;
    this.#temporary = temporary;
    this.#madeAbove = madeAbove;
  }

  static async create(target: string): Promise<StagedFolder> {
    const path = resolve(target);
    const parent = dirname(path);
    try {
      await requireFreeTarget(path);
      const madeAbove = await firstMissing(parent);
      await Deno.mkdir(parent, { recursive: true });
      const temporary = await Deno.makeTempDir({ dir: parent, prefix: `.${basename(path)}.partial-` });
      await Deno.chmod(temporary, 0o755).catch(() => {}); // makeTempDir keeps others out; not on every file system
      return new StagedFolder(path, temporary, madeAbove);
    } catch (error) {
      throw toWriteError(error, target);
    }
  }

  /** Creates a file; the caller writes, and closes it with {@link flushAndClose}. */
  async createFile(name: string): Promise<Deno.FsFile> {
    try {
      return await Deno.open(join(this.#temporary, name), { write: true, createNew: true });
    } catch (error) {
      throw toWriteError(error, join(this.target, name));
    }
  }

  /** Makes the folder visible under its real name. */
  async commit(): Promise<void> {
    try {
      await syncFolder(this.#temporary);
      await Deno.remove(this.target).catch(ignoreMissing); // an empty folder, or nothing
      await Deno.rename(this.#temporary, this.target);
      this.#state = "committed";
      await syncFolder(dirname(this.target));
    } catch (error) {
      throw toWriteError(error, this.target);
    }
  }

  /** Removes everything unless committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state !== "open") return;
    this.#state = "removed";
    await Deno.remove(this.#temporary, { recursive: true }).catch(ignoreMissing); // somebody may have tidied up
    if (this.#madeAbove === undefined) return;
    for (let dir = dirname(this.target);; dir = dirname(dir)) {
      const removed = await Deno.remove(dir).then(() => true, () => false); // somebody else may use it by now
      if (!removed || dir === this.#madeAbove) return;
    }
  }
}

/** Flushes a file to disk and closes it, also when flushing fails: that is when some systems find the disk full. */
export async function flushAndClose(file: Deno.FsFile, path: string): Promise<void> {
  try {
    await file.sync();
  } catch (error) {
    throw toWriteError(error, path);
  } finally {
    file.close();
  }
}

/** Throws ConfigError where there is something that a folder could not take the place of. */
export async function requireFreeTarget(path: string): Promise<void> {
  const info = await Deno.lstat(path).catch(ignoreMissing);
  if (info === undefined) return;
  if (!info.isDirectory) {
    throw new ConfigError(`Cannot write "${path}": it exists and is no folder`, { path });
  }
  for await (const entry of Deno.readDir(path)) {
    throw new ConfigError(`Cannot write "${path}": it exists and is not empty (it holds "${entry.name}")`, {
      path,
    });
  }
}

async function firstMissing(dir: string): Promise<string | undefined> {
  let missing: string | undefined;
  for (let at = dir;; at = dirname(at)) {
    if (await Deno.lstat(at).catch(ignoreMissing) !== undefined) return missing;
    missing = at;
  }
}

function ignoreMissing(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

/** Makes the names in a folder durable. Only POSIX systems can open a folder; elsewhere the rename must do. */
async function syncFolder(dir: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using handle = await Deno.open(dir, { read: true });
  await handle.sync();
}
