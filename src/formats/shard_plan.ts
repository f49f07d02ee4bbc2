/**
 * How tensors are laid out over safetensors files, before any is written: mergekit's rules. Tensors fill a shard in the
 * given order; one that would pass the byte limit begins the next (a single tensor may exceed it). One shard is called
 * `model.safetensors` and has no index; several are `model-0000i-of-0000n.safetensors`.
 */
import { ConfigError } from "../errors.ts";
import { tensorByteLength } from "../tensor/dtype.ts";
import { encodeHeader, type TensorSpec } from "./safetensors.ts";
import { MAX_SHARDS, SINGLE_FILE } from "./shard_index.ts";

/** mergekit's default, "5GB". */
export const DEFAULT_SHARD_BYTES = 5_000_000_000;

export interface ShardPlan {
  readonly file: string;
  readonly tensors: readonly TensorSpec[];
  /** Of the tensors, without the header. */
  readonly dataBytes: number;
}

/** Throws ConfigError where there would be more shards than are read again. */
export function planShards(tensors: readonly TensorSpec[], shardBytes: number): readonly ShardPlan[] {
  const shards: { tensors: TensorSpec[]; dataBytes: number }[] = [{ tensors: [], dataBytes: 0 }];
  for (const tensor of tensors) {
    const bytes = tensorByteLength(tensor.dtype, tensor.shape);
    if (bytes === undefined) {
      throw new Error(`Tensor "${tensor.name}" of shape [${tensor.shape}] has no size`);
    }
    let last = shards.at(-1)!;
    if (last.tensors.length > 0 && last.dataBytes + bytes > shardBytes) {
      last = { tensors: [], dataBytes: 0 };
      shards.push(last);
    }
    last.tensors.push(tensor);
    last.dataBytes += bytes;
  }
  if (shards.length > MAX_SHARDS) {
    throw new ConfigError(
      `Cannot write shards of ${shardBytes} bytes: they would be ${shards.length}, expected at most ${MAX_SHARDS}; ` +
        "take larger ones",
      { field: "shardBytes", found: shards.length, expected: MAX_SHARDS },
    );
  }
  const number = (n: number) => String(n).padStart(5, "0");
  return shards.map((shard, i) => ({
    ...shard,
    file: shards.length === 1
      ? SINGLE_FILE
      : `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`,
  }));
}

/** Where everything in a shard's file lies. */
export interface ShardLayout {
  /** The file's first bytes: length prefix and JSON. */
  readonly header: Uint8Array<ArrayBuffer>;
  /** Of each tensor's first byte in the file, in order. */
  readonly offsets: readonly number[];
  readonly sizeBytes: number;
}

export function layOutShard({ tensors, dataBytes }: ShardPlan): ShardLayout {
  const header = encodeHeader(tensors, SHARD_METADATA);
  const offsets: number[] = [];
  let offset = header.byteLength;
  for (const { dtype, shape } of tensors) {
    offsets.push(offset);
    offset += tensorByteLength(dtype, shape)!; // planShards() has refused those without a size
  }
  return { header, offsets, sizeBytes: header.byteLength + dataBytes };
}

/** What loaders look for to know that PyTorch may take the tensors as they are. */
export const SHARD_METADATA: Readonly<Record<string, string>> = { format: "pt" };

/** The text of model.safetensors.index.json. */
export function shardIndexJson(shards: readonly ShardPlan[]): string {
  const weightMap = shards.flatMap(({ file, tensors }) => tensors.map(({ name }) => [name, file]));
  const index = {
    metadata: { total_size: shards.reduce((sum, shard) => sum + shard.dataBytes, 0) },
    weight_map: Object.fromEntries(weightMap),
  };
  return JSON.stringify(index, null, 2) + "\n";
}
