/**
 * Writes a checkpoint folder: tensors in one announced order, streamed block by block into shards, then any number of
 * small files. Hashes everything on the way, so that nothing is read back. Holds no tensor. The folder appears on
 * commit() and not before (see staged_folder.ts).
 */
import { createHash, type Hash } from "node:crypto";
import { tensorByteLength } from "../tensor/dtype.ts";
import type { FileHash } from "./artifact.ts";
import { encodeHeader, type TensorSpec } from "./safetensors.ts";
import { INDEX_FILE } from "./shard_index.ts";
import {
  DEFAULT_SHARD_BYTES,
  planShards,
  SHARD_METADATA,
  shardIndexJson,
  type ShardPlan,
} from "./shard_plan.ts";
import { writeAll, writeStagedFile } from "./staged_file.ts";
import { flushAndClose, StagedFolder } from "./staged_folder.ts";
import { toWriteError } from "./write_error.ts";

export interface CheckpointWriterOptions {
  /** Limit of tensor bytes in a shard. */
  readonly shardBytes?: number;
}

/** Bytes of a tensor in order; a block may be reused once the next one is asked for. */
export type TensorBlocks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

export class CheckpointWriter implements AsyncDisposable {
  /** What has been written, in order; weights appear once their shard is complete. */
  readonly files: FileHash[] = [];
  readonly #folder: StagedFolder;
  readonly #shards: readonly ShardPlan[];
  #shard: OpenShard | undefined;
  #nextShard = 0;

  private constructor(folder: StagedFolder, shards: readonly ShardPlan[]) {
    this.#folder = folder;
    this.#shards = shards;
  }

  /** Prepares to write `tensors`, in this order, to the folder `target`, which must not exist or be empty. */
  static async create(
    target: string,
    tensors: readonly TensorSpec[],
    options: CheckpointWriterOptions = {},
  ): Promise<CheckpointWriter> {
    const shards = planShards(tensors, options.shardBytes ?? DEFAULT_SHARD_BYTES);
    return new CheckpointWriter(await StagedFolder.create(target), shards);
  }

  /** Appends the next tensor and returns the SHA-256 of its bytes. Honours the signal between blocks. */
  async writeTensor(
    name: string,
    blocks: TensorBlocks,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<string> {
    const shard = this.#shard ?? await this.#openShard();
    const expected = shard.plan.tensors[shard.written];
    if (expected?.name !== name) {
      throw new Error(`Tensor "${name}" is out of turn, expected "${expected?.name}"`);
    }
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const block of blocks) {
      options.signal?.throwIfAborted();
      hash.update(block);
      await this.#append(shard, block);
      bytes += block.byteLength;
    }
    if (bytes !== tensorByteLength(expected.dtype, expected.shape)) {
      throw new Error(
        `Tensor "${name}" came as ${bytes} bytes, announced as ${expected.dtype} [${expected.shape}]`,
      );
    }
    shard.written++;
    if (shard.written === shard.plan.tensors.length) await this.#closeShard(shard);
    return hash.digest("hex");
  }

  /** Adds a small file. */
  async writeFile(name: string, content: string | Uint8Array): Promise<void> {
    this.files.push(await writeStagedFile(this.#folder, name, content));
  }

  /** Writes the index, if there are several shards. All tensors must have been written. */
  async finishTensors(): Promise<void> {
    if (this.#nextShard !== this.#shards.length || this.#shard !== undefined) {
      throw new Error("Cannot finish a checkpoint before all of its tensors are written");
    }
    if (this.#shards.length === 1) return;
    await this.writeFile(INDEX_FILE, shardIndexJson(this.#shards));
  }

  /** Makes the folder visible. */
  async commit(): Promise<void> {
    if (this.#shard !== undefined) throw new Error("Cannot commit a checkpoint with an unfinished shard");
    await this.#folder.commit();
  }

  /** Removes everything unless committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#shard?.file.close();
    this.#shard = undefined;
    await this.#folder[Symbol.asyncDispose]();
  }

  async #openShard(): Promise<OpenShard> {
    const plan = this.#shards[this.#nextShard];
    if (plan === undefined) throw new Error("All announced tensors are written");
    const file = await this.#folder.createFile(plan.file);
    this.#nextShard++;
    this.#shard = { plan, file, hash: createHash("sha256"), sizeBytes: 0, written: 0 };
    await this.#append(this.#shard, encodeHeader(plan.tensors, SHARD_METADATA));
    return this.#shard;
  }

  async #append(shard: OpenShard, bytes: Uint8Array): Promise<void> {
    try {
      await writeAll(shard.file, bytes);
    } catch (error) {
      throw toWriteError(error, this.#folder.target);
    }
    shard.hash.update(bytes);
    shard.sizeBytes += bytes.byteLength;
  }

  async #closeShard(shard: OpenShard): Promise<void> {
    this.#shard = undefined;
    await flushAndClose(shard.file, this.#folder.target);
    this.files.push({ path: shard.plan.file, sizeBytes: shard.sizeBytes, sha256: shard.hash.digest("hex") });
  }
}

interface OpenShard {
  readonly plan: ShardPlan;
  readonly file: Deno.FsFile;
  readonly hash: Hash;
  sizeBytes: number;
  written: number;
}
