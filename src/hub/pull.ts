/**
 * A checkpoint from a model hub into a folder. Only what a checkpoint is made of is fetched: configuration, tokenizer,
 * card, and the safetensors files that its index names. The folder appears whole or not at all; what an interruption
 * leaves beside it (`.NAME.pull`) the next pull of the same target takes up. So it does with a folder that an earlier
 * pull has made: files that are what the hub lists stay, the others are fetched.
 */
import { join } from "node:path";
import { FormatError, GeodesicError } from "../errors.ts";
import { type FileHash, isArtifactFile } from "../formats/artifact.ts";
import { COMPANION_FILES } from "../formats/companions.ts";
import { type ModelConfig, parseModelConfig } from "../formats/config.ts";
import { requireFreeSpace } from "../formats/free_space.ts";
import { parseJsonObject } from "../formats/json.ts";
import { isPickle } from "../formats/pickle.ts";
import { INDEX_FILE, parseShardIndex, SINGLE_FILE } from "../formats/shard_index.ts";
import { writeStagedFile } from "../formats/staged_file.ts";
import { StagedFolder } from "../formats/staged_folder.ts";
import type { Hub } from "./hub.ts";
import { isPulled, type Origin, ORIGIN_FILE } from "./origin.ts";
import { describeRepository, type RemoteFile, type Repository } from "./repository.ts";
import { transferFile } from "./transfer.ts";

export interface PullOptions {
  readonly hub: Hub;
  /** `owner/name` on the hub. */
  readonly repository: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** The folder to be made. */
  readonly target: string;
  /** Called with the configuration before any weights are fetched; what it throws ends the pull. */
  readonly checkConfig?: (config: ModelConfig) => void;
  /** Called as soon as it is known which files there are, which takes the configuration and the index. */
  readonly onProgress?: (progress: PullProgress) => void;
  readonly signal: AbortSignal;
}

export interface PullProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Of the done ones, those that an earlier pull has left. */
  readonly resumedBytes: number;
  readonly doneFiles: number;
  readonly totalFiles: number;
}

export interface PulledModel {
  readonly commit: string;
  readonly publishedAt: Date | null;
  /** Those that count as the checkpoint, as hashArtifact() would hash them. */
  readonly files: readonly FileHash[];
}

/** The kind of folder that is kept beside the target until it is whole. */
export const STAGING = "pull";
/** Files fetched at once. */
const PARALLEL = 4;
/** Beside the weights; all are small. */
const MAX_SMALL_BYTES = 64 * 1024 * 1024;
const SMALL_FILES: readonly string[] = [
  "config.json",
  INDEX_FILE,
  "README.md",
  "LICENSE",
  "LICENSE.txt",
  "LICENSE.md",
  "mergekit_config.yml",
  "provenance.json",
  ...COMPANION_FILES,
];
/** What tells whether the others are wanted, and which. */
const FIRST_FILES: readonly string[] = ["config.json", INDEX_FILE];

/** Throws typed errors that say what to do; an abort rejects with the signal's reason. */
export async function pullModel(options: PullOptions): Promise<PulledModel> {
  const { hub, repository: name, revision, target, signal } = options;
  const repository = await describeRepository(hub, { name, revision, signal });
  const small = smallFiles(repository);
  await using folder = await StagedFolder.claim(target, STAGING, isPulled);
  folder.keep();
  const pull = new Pull(options, repository, folder);
  await pull.forgetOthers();
  const first = small.filter(({ path }) => FIRST_FILES.includes(path));
  await pull.fetchAll(first);
  const config = await parseConfig(folder, name);
  options.checkConfig?.(config);
  const others = small.filter((file) => !first.includes(file));
  const rest = [...others, ...await weightFiles(repository, folder, small)];
  pull.expect([...first, ...rest]);
  await pull.fetchAll(rest);
  await pull.removeStrays();
  const { commit, publishedAt } = repository;
  const origin: Origin = {
    ...{ endpoint: hub.endpoint, repository: name, revision: commit },
    publishedAt: publishedAt?.toISOString() ?? null,
  };
  await writeStagedFile(folder, ORIGIN_FILE, JSON.stringify(origin, null, 2) + "\n");
  await folder.commit();
  return { commit, publishedAt, files: pull.files.filter(({ path }) => isArtifactFile(path)) };
}

class Pull {
  readonly #options: PullOptions;
  readonly #repository: Repository;
  readonly #folder: StagedFolder;
  readonly #files: FileHash[] = [];
  /** All there will be; nothing is reported before that is known. */
  #wanted: readonly RemoteFile[] | undefined;
  #totalBytes = 0;
  #doneBytes = 0;
  #resumedBytes = 0;

  constructor(options: PullOptions, repository: Repository, folder: StagedFolder) {
    this.#options = options;
    this.#repository = repository;
    this.#folder = folder;
  }

  /** Sorted by path. */
  get files(): readonly FileHash[] {
    return this.#files.toSorted((a, b) => a.path < b.path ? -1 : 1);
  }

  /** What no file of this revision can have begun as. */
  async forgetOthers(): Promise<void> {
    for (const name of await this.#folder.list()) {
      if (!this.#repository.files.has(name)) await this.#folder.removeFile(name);
    }
  }

  /** Files of another revision, and those that it does not take. */
  async removeStrays(): Promise<void> {
    const kept = new Set(this.#files.map(({ path }) => path));
    for (const name of await this.#folder.list()) if (!kept.has(name)) await this.#folder.removeFile(name);
  }

  /** Says which files make it whole. */
  expect(files: readonly RemoteFile[]): void {
    this.#wanted = files;
    this.#totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    this.#report();
  }

  async fetchAll(files: readonly RemoteFile[]): Promise<void> {
    const { target, signal } = this.#options;
    await requireFreeSpace(join(this.#folder.pathOf("."), ".."), await this.#missingBytes(files), target);
    // One that fails ends the others: nobody waits for 5 GB to hear of a wrong hash.
    const failed = new AbortController();
    const all = AbortSignal.any([signal, failed.signal]);
    const queue = [...files];
    const work = async () => {
      for (let file = queue.shift(); file !== undefined; file = queue.shift()) await this.#fetch(file, all);
    };
    const workers = Array.from({ length: PARALLEL }, () =>
      work().catch((error) => {
        failed.abort(error);
        throw error;
      }));
    const results = await Promise.allSettled(workers);
    signal.throwIfAborted();
    if (results.some(({ status }) => status === "rejected")) throw failed.signal.reason;
  }

  async #missingBytes(files: readonly RemoteFile[]): Promise<number> {
    let bytes = 0;
    for (const { path, sizeBytes } of files) {
      const there = await Deno.stat(this.#folder.pathOf(path)).then(({ size }) => size, () => 0);
      bytes += Math.max(0, sizeBytes - there);
    }
    return bytes;
  }

  async #fetch(file: RemoteFile, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const path = this.#folder.pathOf(file.path);
    let left = await Deno.stat(path).then(({ size }) => size <= file.sizeBytes ? size : 0, () => 0);
    const sha256 = await transferFile(this.#options.hub, {
      repository: this.#repository.name,
      commit: this.#repository.commit,
      file,
      path,
      signal,
      onBytes: (bytes) => {
        const resumed = bytes > 0 ? Math.min(bytes, left) : 0;
        left -= resumed;
        this.#resumedBytes += resumed;
        this.#doneBytes += bytes;
        this.#report();
      },
    });
    this.#files.push({ path: file.path, sizeBytes: file.sizeBytes, sha256 });
    this.#report();
  }

  #report(): void {
    if (this.#wanted === undefined) return;
    // The last bytes are told of with the files that they complete.
    if (this.#doneBytes === this.#totalBytes && this.#files.length < this.#wanted.length) return;
    this.#options.onProgress?.({
      doneBytes: this.#doneBytes,
      totalBytes: this.#totalBytes,
      resumedBytes: this.#resumedBytes,
      doneFiles: this.#files.length,
      totalFiles: this.#wanted.length,
    });
  }
}

/** All but the weights. Throws FormatError where there can be no checkpoint. */
function smallFiles({ name, files }: Repository): readonly RemoteFile[] {
  const refuse = (reason: string, file?: string) =>
    new FormatError(`Cannot pull "${name}": ${reason}`, {
      repository: name,
      ...(file !== undefined && { file }),
    });
  if (!files.has("config.json")) {
    throw refuse("it has no config.json, so it is no checkpoint of a language model");
  }
  if (!files.has(SINGLE_FILE) && !files.has(INDEX_FILE)) {
    const pickle = [...files.keys()].find(isPickle);
    throw refuse(
      pickle === undefined
        ? `it has neither ${SINGLE_FILE} nor ${INDEX_FILE}`
        : `its weights are pickled ("${pickle}"), and a pickle can run anything when it is read. ` +
          "Only safetensors are taken",
      pickle,
    );
  }
  const found = [...new Set(SMALL_FILES)].flatMap((path) => files.get(path) ?? []);
  const large = found.find(({ sizeBytes }) => sizeBytes > MAX_SMALL_BYTES);
  if (large === undefined) return found;
  throw refuse(
    `"${large.path}" has ${large.sizeBytes} bytes, expected at most ${MAX_SMALL_BYTES}`,
    large.path,
  );
}

async function weightFiles(
  { name, files }: Repository,
  folder: StagedFolder,
  small: readonly RemoteFile[],
): Promise<readonly RemoteFile[]> {
  const hasIndex = small.some(({ path }) => path === INDEX_FILE);
  const shards = hasIndex
    ? parseShardIndex(await readJson(folder, INDEX_FILE, name), INDEX_FILE).shards
    : [SINGLE_FILE];
  return shards.map((path) => {
    const file = files.get(path);
    if (file !== undefined) return file;
    throw new FormatError(
      `Cannot pull "${name}": ${INDEX_FILE} names "${path}", but the hub has no such file`,
      {
        repository: name,
        file: path,
      },
    );
  });
}

async function parseConfig(folder: StagedFolder, name: string): Promise<ModelConfig> {
  const label = `config.json of "${name}"`;
  try {
    return parseModelConfig(await readJson(folder, "config.json", name), label);
  } catch (error) {
    if (error instanceof GeodesicError) throw error;
    throw new FormatError(`Cannot read ${label}`, { repository: name }, { cause: error });
  }
}

async function readJson(folder: StagedFolder, file: string, name: string) {
  return parseJsonObject(await Deno.readFile(folder.pathOf(file)), `${file} of "${name}"`);
}
