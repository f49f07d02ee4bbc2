/**
 * What a merge has finished so far, as JSON lines in its temporary folder, so that a merge that died can go on. The
 * first line says which merge it is: configuration, program, arithmetic, layout, and the identity of every source file.
 * A journal of another merge, or one that does not read, is worth nothing, and everything beside it is removed.
 */
import { sha256 } from "../formats/artifact.ts";
import { writeAll } from "../formats/staged_file.ts";
import type { StagedFolder } from "../formats/staged_folder.ts";
import { isJsonObject } from "../formats/json.ts";
import { toWriteError } from "../formats/write_error.ts";
import { VERSION } from "../version.ts";
import type { Mixed } from "./work/protocol.ts";
import type { MergePlan } from "./plan.ts";
import type { ShardPlan } from "../formats/shard_plan.ts";
import { RECORD_VERSION } from "./record.ts";
import type { SourceFileInfo } from "./sources.ts";

const JOURNAL_FILE = ".journal.jsonl";
/** The next one, until it has everything that is worth keeping of the last. */
const NEW_JOURNAL_FILE = ".journal.new";

/** What the record needs to know of a tensor that is written. */
export type TensorOutcome = Omit<Mixed, "type">;

/** A shard that is complete and on disk. */
export interface FinishedShard {
  readonly kind: "shard";
  readonly file: string;
  readonly sha256: string;
  /** One for each tensor of the shard, in order. */
  readonly tensors: readonly TensorOutcome[];
}
/** A source file whose hash is known. */
export interface HashedSource {
  readonly kind: "source";
  readonly key: string;
  readonly sha256: string;
}

/** One line that stands for all that decides what a merge writes. */
export function mergeFingerprint(
  plan: MergePlan,
  shards: readonly ShardPlan[],
  sources: readonly SourceFileInfo[],
): string {
  return sha256(JSON.stringify([
    [VERSION, RECORD_VERSION, plan.method.arithmetic, plan.config.text],
    shards.map(({ file, tensors }) => [file, tensors.map(({ name }) => name)]),
    plan.steps,
    sources.map(({ key, identity }) => [key, identity]),
  ]));
}

export class Journal implements Disposable {
  /** Finished by the merge that died; by file name. Whoever relies on one checks the file's hash first. */
  readonly shards: ReadonlyMap<string, FinishedShard>;
  /** Hashes of sources as the merge that died found them; by key. */
  readonly sources: ReadonlyMap<string, string>;
  readonly #folder: StagedFolder;
  readonly #file: Deno.FsFile;
  #queue: Promise<void> = Promise.resolve();

  private constructor(
    folder: StagedFolder,
    file: Deno.FsFile,
    found: readonly (FinishedShard | HashedSource)[],
  ) {
    this.#folder = folder;
    this.#file = file;
    this.shards = new Map(
      found.filter((entry) => entry.kind === "shard").map((entry) => [entry.file, entry]),
    );
    this.sources = new Map(
      found.filter((entry) => entry.kind === "source").map((entry) => [entry.key, entry.sha256]),
    );
  }

  /** Reads what a dead merge of this fingerprint left in the folder, and removes all else from it. */
  static async open(folder: StagedFolder, fingerprint: string): Promise<Journal> {
    const head = JSON.stringify({ kind: "merge", fingerprint });
    const names = await folder.list();
    const text = names.includes(JOURNAL_FILE) ? await Deno.readTextFile(folder.pathOf(JOURNAL_FILE)) : "";
    const lines = text.split("\n").slice(0, -1); // what follows the last line end was cut off in writing
    const entries = lines[0] === head ? parseEntries(lines.slice(1)) : [];
    const kept = new Set(entries.flatMap((entry) => entry.kind === "shard" ? [entry.file] : []));
    kept.add(JOURNAL_FILE); // at no moment are there shards without one: it may be killed again
    for (const name of names) if (!kept.has(name)) await folder.removeFile(name);

    const file = await folder.createFile(NEW_JOURNAL_FILE);
    const journal = new Journal(folder, file, entries);
    try {
      await journal.#append([head, ...entries.map((entry) => JSON.stringify(entry))]);
      await Deno.rename(folder.pathOf(NEW_JOURNAL_FILE), folder.pathOf(JOURNAL_FILE));
    } catch (error) {
      file.close();
      throw error;
    }
    return journal;
  }

  /** Resolves once the entry is on disk. */
  add(entry: FinishedShard | HashedSource): Promise<void> {
    const added = this.#queue.then(() => this.#append([JSON.stringify(entry)]));
    this.#queue = added.catch(() => {});
    return added;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  async #append(lines: readonly string[]): Promise<void> {
    try {
      await writeAll(this.#file, new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
      await this.#file.syncData();
    } catch (error) {
      throw toWriteError(error, this.#folder.target);
    }
  }
}

/** For a folder that is complete and in its place. Should it stay there, it is a hidden file that nobody counts. */
export async function removeJournal(folder: StagedFolder): Promise<void> {
  await folder.removeFile(JOURNAL_FILE).catch(() => {});
}

/** Entries up to the first line that is none. */
function parseEntries(lines: readonly string[]): (FinishedShard | HashedSource)[] {
  const entries: (FinishedShard | HashedSource)[] = [];
  for (const line of lines) {
    let entry: unknown;
    try {
      entry = JSON.parse(line);
    } catch {
      break;
    }
    if (!isEntry(entry)) break;
    entries.push(entry);
  }
  return entries;
}

function isEntry(value: unknown): value is FinishedShard | HashedSource {
  if (!isJsonObject(value) || typeof value.sha256 !== "string") return false;
  if (value.kind === "source") return typeof value.key === "string";
  return value.kind === "shard" && typeof value.file === "string" && Array.isArray(value.tensors) &&
    value.tensors.every(isOutcome);
}

function isOutcome(value: unknown): value is TensorOutcome {
  return isJsonObject(value) && typeof value.mode === "string" && typeof value.sha256 === "string" &&
    [value.t, value.cosine].every((each) => each === null || typeof each === "number") &&
    (value.seed === undefined || typeof value.seed === "number");
}
