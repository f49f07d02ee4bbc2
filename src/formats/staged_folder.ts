/**
 * A folder that appears whole or not at all: files go into a temporary folder beside the target, are flushed to disk,
 * and one rename makes them visible. Whoever leaves without commit(), by error or abort, leaves nothing behind. An
 * existing target that is not an empty folder is refused before anything is written. The temporary folder of a claimed
 * target has a fixed name, so that whoever claims the target after a crash finds what was written until then.
 */
import { basename, dirname, join, resolve } from "node:path";
import { ConfigError } from "../errors.ts";
import { toWriteError } from "./write_error.ts";

interface StagedParts {
  readonly target: string;
  readonly temporary: string;
  /** The topmost folder that had to be made for the target's sake. */
  readonly madeAbove: string | undefined;
  readonly lock: TargetLock | undefined;
}

export class StagedFolder implements AsyncDisposable {
  readonly target: string;
  readonly #parts: StagedParts;
  #state: "open" | "committed" | "kept" | "removed" = "open";

  private constructor(parts: StagedParts) {
    this.target = parts.target;
    this.#parts = parts;
  }

  /** With a new temporary folder of its own. */
  static create(target: string): Promise<StagedFolder> {
    return StagedFolder.#prepare(target, async (path, madeAbove) => {
      await requireFreeTarget(path);
      const temporary = await Deno.makeTempDir({
        dir: dirname(path),
        prefix: `.${basename(path)}.partial-`,
      });
      await Deno.chmod(temporary, 0o755).catch(() => {}); // makeTempDir keeps others out; not on every file system
      return new StagedFolder({ target: path, temporary, madeAbove, lock: undefined });
    });
  }

  /**
   * With the temporary folder that a process left which claimed this target and died, if there is one (see
   * {@link list}). Throws ConfigError while another process holds the target. `kind` tells apart what else is kept
   * beside a target while it is made; each has a folder and a lock of its own. A target that `mayReopen` allows becomes
   * that temporary folder once more, where there is none.
   */
  static claim(
    target: string,
    kind = "partial",
    mayReopen: (target: string) => Promise<boolean> = () => Promise.resolve(false),
  ): Promise<StagedFolder> {
    return StagedFolder.#prepare(target, async (path, madeAbove) => {
      const temporary = temporaryOf(path, kind);
      const lock = await TargetLock.take(`${temporary}.lock`, path);
      try {
        if (await mayReopen(path)) await reopen(path, temporary);
        await requireFreeTarget(path);
        await Deno.mkdir(temporary).catch(async (error) => {
          if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
          if (!(await Deno.lstat(temporary)).isDirectory) throw error;
        });
        const now = new Date();
        await Deno.utime(temporary, now, now).catch(() => {}); // for whoever asks how long it has lain there
        return new StagedFolder({ target: path, temporary, madeAbove, lock });
      } catch (error) {
        await lock.release();
        throw error;
      }
    });
  }

  /**
   * Moves what claims of this kind have left beside a target to `aside`, on the same disk. False where there is nothing,
   * or while a process holds the target.
   */
  static async moveAside(target: string, kind: string, aside: string): Promise<boolean> {
    const path = resolve(target);
    const temporary = temporaryOf(path, kind);
    if (await Deno.lstat(temporary).catch(ignoreMissing) === undefined) return false;
    const lock = await TargetLock.take(`${temporary}.lock`, path).catch((error) => {
      if (!(error instanceof ConfigError)) throw error;
    });
    if (lock === undefined) return false;
    try {
      await Deno.rename(temporary, aside);
      return true;
    } catch (error) {
      ignoreMissing(error);
      return false;
    } finally {
      await lock.release();
    }
  }

  static async #prepare(
    target: string,
    make: (path: string, madeAbove: string | undefined) => Promise<StagedFolder>,
  ): Promise<StagedFolder> {
    const path = resolve(target);
    try {
      const madeAbove = await firstMissing(dirname(path));
      await Deno.mkdir(dirname(path), { recursive: true });
      return await make(path, madeAbove);
    } catch (error) {
      throw toWriteError(error, target);
    }
  }

  /** Names of what lies in the folder already. */
  async list(): Promise<readonly string[]> {
    return await Array.fromAsync(Deno.readDir(this.#parts.temporary), ({ name }) => name);
  }

  /** Where a file of this name lies: commit() moves it. */
  pathOf(name: string): string {
    return join(this.#state === "committed" ? this.target : this.#parts.temporary, name);
  }

  /** Creates a file; the caller writes, and closes it with {@link flushAndClose}. */
  async createFile(name: string): Promise<Deno.FsFile> {
    try {
      return await Deno.open(this.pathOf(name), { write: true, createNew: true });
    } catch (error) {
      throw toWriteError(error, join(this.target, name));
    }
  }

  async removeFile(name: string): Promise<void> {
    await Deno.remove(this.pathOf(name), { recursive: true });
  }

  /** Removes all that lies in the folder. */
  async clear(): Promise<void> {
    for (const name of await this.list()) await this.removeFile(name);
  }

  /** Makes the folder visible under its real name. */
  async commit(): Promise<void> {
    try {
      await syncFolder(this.#parts.temporary);
      await Deno.remove(this.target).catch(ignoreMissing); // an empty folder, or nothing
      await Deno.rename(this.#parts.temporary, this.target);
      this.#state = "committed";
      await syncFolder(dirname(this.target));
    } catch (error) {
      throw toWriteError(error, this.target);
    }
  }

  /** From now on, what was written outlives a failure: the next {@link claim} of this kind finds it. */
  keep(): void {
    if (this.#state === "open") this.#state = "kept";
  }

  /**
   * Removes everything unless committed or kept. Never rejects: what could not be written can often not be removed either
   * (a disk that has become read-only), and why it was not written is what the caller is to hear.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const { temporary, madeAbove, lock } = this.#parts;
    if (this.#state === "open") {
      this.#state = "removed";
      await Deno.remove(temporary, { recursive: true }).catch(() => {});
    }
    await lock?.release();
    if (this.#state !== "removed" || madeAbove === undefined) return;
    for (let dir = dirname(this.target);; dir = dirname(dir)) {
      const removed = await Deno.remove(dir).then(() => true, () => false); // somebody else may use it by now
      if (!removed || dir === madeAbove) return;
    }
  }
}

function temporaryOf(path: string, kind: string): string {
  return join(dirname(path), `.${basename(path)}.${kind}`);
}

/** One process at a time writes to a target. The kernel drops the lock with the process, however it ends. */
class TargetLock {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #isHeld = true;

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  static async take(path: string, target: string): Promise<TargetLock> {
    for (;;) {
      const file = await Deno.open(path, { create: true, write: true });
      try {
        if (!await file.tryLock(true)) {
          throw new ConfigError(`Cannot write "${target}": another process is writing it`, { path: target });
        }
        // Whoever held it before has removed the file: a lock on a file without a name keeps nobody out.
        const [held, named] = [await file.stat(), await Deno.stat(path).catch(ignoreMissing)];
        if (named !== undefined && held.ino === named.ino) return new TargetLock(path, file);
      } catch (error) {
        file.close();
        throw error;
      }
      file.close();
    }
  }

  async release(): Promise<void> {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    await Deno.remove(this.#path).catch(() => {}); // while held, so that nobody can have taken this very file
    this.#file.close();
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
  // A rename cannot take its place; better said now than after hours of work.
  if (info.dev !== (await Deno.stat(dirname(path))).dev) {
    throw new ConfigError(`Cannot write "${path}": it is a mount point, expected a folder within it`, {
      path,
    });
  }
  for await (const entry of Deno.readDir(path)) {
    throw new ConfigError(
      `Cannot write "${path}": it exists and is not empty (it holds "${entry.name}"); ` +
        "name another folder, or delete this one",
      { path },
    );
  }
}

/** A temporary folder that holds something is kept, and the target with it. */
async function reopen(target: string, temporary: string): Promise<void> {
  const isFree = await Deno.remove(temporary).then(
    () => true,
    (error) => error instanceof Deno.errors.NotFound,
  );
  if (isFree) await Deno.rename(target, temporary);
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
export async function syncFolder(dir: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using handle = await Deno.open(dir, { read: true });
  await handle.sync();
}
