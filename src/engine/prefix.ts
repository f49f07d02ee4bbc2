/**
 * Names for what a KV block holds: the tokens of a full block of a prompt and, through a chain of hashes, all tokens
 * before it. Two prompts that begin with the same blocks give the same names for them, whatever follows.
 */
import { createHash } from "node:crypto";
import type { BlockId } from "../model/runner.ts";

/** A SHA-256 in base64. */
export type PrefixKey = string & { readonly __brand: "PrefixKey" };

/** Blocks of a prompt's beginning that the pool has already. */
export interface CachedPrefix {
  readonly blocks: readonly BlockId[];
  /** How many of them nobody refers to, so that sharing them takes them from what is available. */
  readonly idle: number;
}

/**
 * One key per full block. SHA-256, because a prompt must not be answered from another one's blocks, not even if its
 * author looked for a collision. Keys under different salts have nothing in common, so that nobody learns from
 * what is cached, or from how fast it comes, what others have asked.
 */
export function prefixKeys(tokenIds: Uint32Array, blockSize: number, salt = ""): PrefixKey[] {
  const keys: PrefixKey[] = [];
  const start = createHash("sha256").update(salt).digest("base64");
  for (let end = blockSize; end <= tokenIds.length; end += blockSize) {
    const hash = createHash("sha256").update(keys.at(-1) ?? start, "base64");
    const key = hash.update(tokenIds.subarray(end - blockSize, end)).digest("base64") as string;
    keys.push(key as PrefixKey);
  }
  return keys;
}
