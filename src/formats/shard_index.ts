/**
 * `model.safetensors.index.json`: which tensor lies in which shard. Validates the JSON itself; whether the shards agree
 * with it is checked where they are opened.
 */
import { FormatError } from "../errors.ts";
import { isArtifactFile } from "./artifact.ts";
import { isPlainFileName } from "./folder.ts";
import { isJsonObject, type JsonObject, jsonType, quote } from "./json.ts";

export const INDEX_FILE = "model.safetensors.index.json";
export const SINGLE_FILE = "model.safetensors";

/** Every shard is an open file while a checkpoint is; real models have at most a few dozen. */
export const MAX_SHARDS = 256;

/** Tensor name → shard file name, and the shards in order. */
export interface ShardIndex {
  readonly shards: readonly string[];
  readonly shardOf: ReadonlyMap<string, string>;
}

export function parseShardIndex(json: JsonObject, file: string): ShardIndex {
  const weightMap = json.weight_map;
  if (!isJsonObject(weightMap)) {
    throw new FormatError(`Cannot read "${file}": weight_map is ${jsonType(weightMap)}, expected an object`, {
      file,
    });
  }
  const shardOf = new Map<string, string>();
  for (const [tensor, shard] of Object.entries(weightMap)) {
    // A hidden file is no part of the artifact: weights in it would have no hash.
    const isShard = typeof shard === "string" && isPlainFileName(shard) && shard.endsWith(".safetensors") &&
      isArtifactFile(shard);
    if (!isShard) {
      throw new FormatError(
        `Cannot read "${file}": tensor ${quote(tensor)} is mapped to ${quote(shard)}, ` +
          `expected the name of a .safetensors file in the same folder, not a hidden one`,
        { file, tensor, found: quote(shard) },
      );
    }
    shardOf.set(tensor, shard);
  }
  const shards = [...new Set(shardOf.values())].sort();
  if (shards.length === 0 || shards.length > MAX_SHARDS) {
    throw new FormatError(
      `Cannot read "${file}": it names ${shards.length} shards, expected 1 to ${MAX_SHARDS}`,
      {
        file,
        found: shards.length,
      },
    );
  }
  return { shards, shardOf };
}
