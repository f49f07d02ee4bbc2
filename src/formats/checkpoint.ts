/**
 * A model folder opened for reading: its configuration and where each tensor lies. Opening reads headers only; tensors
 * are read by range on demand. Single file and shards look alike. Everything that headers, index and configuration
 * claim about each other is checked before the first tensor is handed out; what a tensor is for is not its business.
 */
import { join } from "node:path";
import { FormatError } from "../errors.ts";
import type { Dtype } from "../tensor/dtype.ts";
import { isRunnable, type ModelConfig, parseModelConfig } from "./config.ts";
import { ModelFolder } from "./folder.ts";
import { type GenerationConfig, parseGenerationConfig } from "./generation_config.ts";
import { type JsonObject, parseJsonObject, quote } from "./json.ts";
import { isPickle } from "./pickle.ts";
import { RangedFile } from "./ranged_file.ts";
import { parseHeader, parseHeaderLength, type SafetensorsHeader } from "./safetensors.ts";
import { INDEX_FILE, parseShardIndex, type ShardIndex, SINGLE_FILE } from "./shard_index.ts";

export interface TensorInfo {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** Name of the file within the folder. */
  readonly file: string;
  /** Of the first byte, from the start of the file. */
  readonly offset: number;
}

export interface ReadOptions {
  readonly signal?: AbortSignal;
}

export interface OpenOptions extends ReadOptions {
  /** Also take architectures that only a merge can handle; their {@link Checkpoint.config} cannot be read. */
  readonly anyArchitecture?: boolean;
}

/** Opens a folder. Throws NotFoundError without one, FormatError where it is no sound checkpoint. */
export async function openCheckpoint(dir: string, options: OpenOptions = {}): Promise<Checkpoint> {
  const folder = await ModelFolder.open(dir);
  const configBytes = await folder.readSmall("config.json");
  if (configBytes === undefined) {
    throw new FormatError(`Cannot open model "${dir}": the folder has no config.json`, { dir });
  }
  const configJson = parseJsonObject(configBytes, join(dir, "config.json"));
  const configText = new TextDecoder().decode(configBytes);
  const config = options.anyArchitecture && !isRunnable(configJson)
    ? null
    : parseModelConfig(configJson, join(dir, "config.json"));
  const generationJson = await folder.readJson("generation_config.json");
  const generationConfig = generationJson === undefined
    ? null
    : parseGenerationConfig(generationJson, join(dir, "generation_config.json"));

  const indexJson = await folder.readJson(INDEX_FILE);
  const index = indexJson === undefined ? null : parseShardIndex(indexJson, join(dir, INDEX_FILE));
  const files = new Map<string, RangedFile>();
  try {
    const tensors = new Map<string, TensorInfo>();
    for (const name of index?.shards ?? [SINGLE_FILE]) {
      options.signal?.throwIfAborted();
      const found = await folder.find(name);
      if (found === undefined) throw await missingWeights(folder, name, index);
      const file = await RangedFile.open(found.path);
      files.set(name, file);
      collectTensors(await readHeader(file, join(dir, name), options), name, tensors, index, dir);
    }
    if (index !== null) checkNothingMissing(index, tensors, dir);
    return new Checkpoint({ dir, folder, config, configJson, configText, generationConfig, tensors, files });
  } catch (error) {
    for (const file of files.values()) file[Symbol.dispose]();
    throw error;
  }
}

/** Reads and parses the header of one safetensors file. */
export async function readHeader(
  file: RangedFile,
  name: string,
  options: ReadOptions = {},
): Promise<SafetensorsHeader> {
  const prefix = new Uint8Array(8);
  if (file.sizeBytes >= 8) await file.read(0, prefix, options);
  const header = new Uint8Array(parseHeaderLength(prefix, file.sizeBytes, name));
  await file.read(8, header, options);
  return parseHeader(header, file.sizeBytes, name);
}

interface CheckpointParts {
  readonly dir: string;
  readonly folder: ModelFolder;
  readonly config: ModelConfig | null;
  readonly configJson: JsonObject;
  readonly configText: string;
  readonly generationConfig: GenerationConfig | null;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly files: ReadonlyMap<string, RangedFile>;
}

/** Owns the open files: `using checkpoint = await openCheckpoint(dir)`. */
export class Checkpoint implements Disposable {
  readonly dir: string;
  readonly folder: ModelFolder;
  /** config.json as parsed. */
  readonly configJson: JsonObject;
  /** config.json as written, for writers that pass its other fields on. */
  readonly configText: string;
  readonly generationConfig: GenerationConfig | null;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly #config: ModelConfig | null;
  readonly #files: ReadonlyMap<string, RangedFile>;

  constructor(parts: CheckpointParts) {
    this.dir = parts.dir;
    this.folder = parts.folder;
    this.#config = parts.config;
    this.configJson = parts.configJson;
    this.configText = parts.configText;
    this.generationConfig = parts.generationConfig;
    this.tensors = parts.tensors;
    this.#files = parts.files;
  }

  /** Throws FormatError for an architecture that was let in by `anyArchitecture`. */
  get config(): ModelConfig {
    return this.#config ?? parseModelConfig(this.configJson, join(this.dir, "config.json"));
  }

  /** Names of the weight files: one, or the shards in order. */
  get weightFiles(): readonly string[] {
    return [...this.#files.keys()];
  }

  /** Where the weight files lie, by name. */
  get weightPaths(): ReadonlyMap<string, string> {
    return new Map([...this.#files].map(([name, { path }]) => [name, path]));
  }

  /** Throws FormatError where the checkpoint has no such tensor. */
  tensor(name: string): TensorInfo {
    const info = this.tensors.get(name);
    if (info !== undefined) return info;
    throw new FormatError(`Cannot read tensor ${quote(name)} of model "${this.dir}": there is none`, {
      dir: this.dir,
      tensor: name,
    });
  }

  /** All bytes of a tensor in a new buffer. For what may be large, prefer {@link readRange} into a buffer of yours. */
  async readTensor(name: string, options: ReadOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(this.tensor(name).byteLength);
    await this.readRange(name, 0, bytes, options);
    return bytes;
  }

  /** Fills `into` with the tensor's bytes from `byteOffset` on. */
  async readRange(
    name: string,
    byteOffset: number,
    into: Uint8Array,
    options: ReadOptions = {},
  ): Promise<void> {
    const info = this.tensor(name);
    if (byteOffset < 0 || byteOffset + into.byteLength > info.byteLength) {
      throw new RangeError(
        `Cannot read ${into.byteLength} bytes at ${byteOffset} of "${name}": it has ${info.byteLength}`,
      );
    }
    await this.#files.get(info.file)!.read(info.offset + byteOffset, into, options);
  }

  [Symbol.dispose](): void {
    for (const file of this.#files.values()) file[Symbol.dispose]();
  }
}

async function missingWeights(
  folder: ModelFolder,
  file: string,
  index: ShardIndex | null,
): Promise<FormatError> {
  const { dir } = folder;
  const fail = (message: string, details = {}) =>
    new FormatError(`Cannot open model "${dir}": ${message}`, { dir, file, ...details });
  if (index !== null) return fail(`${INDEX_FILE} names "${file}", but there is no such file`);
  const message = `the folder has neither ${SINGLE_FILE} nor ${INDEX_FILE}`;
  const pickle = (await folder.list()).find(isPickle);
  return pickle === undefined ? fail(message) : fail(
    `${message}, but "${pickle}", which is a pickle: it can run anything when it is read. Only safetensors are taken`,
    { found: pickle, expected: SINGLE_FILE },
  );
}

/** Adds a shard's tensors; each must be new and, with an index, listed in it for this very shard. */
function collectTensors(
  header: SafetensorsHeader,
  file: string,
  tensors: Map<string, TensorInfo>,
  index: ShardIndex | null,
  dir: string,
): void {
  for (const tensor of header.tensors) {
    const { name } = tensor;
    const earlier = tensors.get(name);
    if (earlier !== undefined) {
      throw new FormatError(
        `Cannot open model "${dir}": tensor ${quote(name)} is in both "${earlier.file}" and "${file}"`,
        { dir, tensor: name, files: [earlier.file, file] },
      );
    }
    const indexed = index?.shardOf.get(name);
    if (index !== null && indexed !== file) {
      const claim = indexed === undefined ? "does not list it" : `says "${indexed}"`;
      throw new FormatError(
        `Cannot open model "${dir}": tensor ${quote(name)} is in "${file}", but ${INDEX_FILE} ${claim}`,
        { dir, tensor: name, found: file, expected: indexed ?? null },
      );
    }
    tensors.set(name, { ...tensor, file });
  }
}

function checkNothingMissing(index: ShardIndex, tensors: ReadonlyMap<string, TensorInfo>, dir: string): void {
  for (const [name, file] of index.shardOf) {
    if (tensors.has(name)) continue;
    throw new FormatError(
      `Cannot open model "${dir}": ${INDEX_FILE} places tensor ${
        quote(name)
      } in "${file}", but it is not there`,
      { dir, tensor: name, file },
    );
  }
}
