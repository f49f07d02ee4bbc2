/**
 * The ways to thin out a delta before deltas are added: by magnitude, without outliers, at random, or at random by
 * magnitude. Each yields a mask; density 1 keeps everything and draws nothing.
 */
import { forEachBlock } from "../operand.ts";
import { Mask } from "./mask.ts";
import { keepRanks } from "./order_statistics.ts";
import type { RandomWords } from "./random.ts";
import { RowRanker } from "./ranks.ts";
import type { Vector } from "./vector.ts";

const WORDS = 2 ** 32;
const WORDS_AT_ONCE = 4096;

/** How many elements density leaves. */
export function keptCount(density: number, elements: number): number {
  return Math.floor(density * elements);
}

/** The floor(density · n) largest magnitudes. */
export function keepLargest(vector: Vector, density: number): Mask {
  const n = vector.elements;
  return keepRanks(vector, [n - keptCount(density, n), n], { earlierIsLarger: true });
}

/**
 * Without the floor(gamma · n) largest magnitudes and, below them, all but the floor(density · n) largest; where that
 * many are not left, fewer of the largest go. As in mergekit, nothing is kept where no element counts as outlier.
 */
export function keepWithoutOutliers(vector: Vector, density: number, gamma: number): Mask {
  const n = vector.elements;
  const bottom = n - keptCount(density, n) - Math.floor(gamma * n);
  const top = Math.floor(gamma * n) + Math.min(bottom, 0);
  if (top === 0) return new Mask(n);
  return keepRanks(vector, [Math.max(bottom, 0), n - top], { earlierIsLarger: false });
}

/** Each element with probability `density`. */
export function keepAtRandom({ elements }: Vector, density: number, random: RandomWords): Mask {
  const mask = new Mask(elements);
  const words = new Uint32Array(WORDS_AT_ONCE);
  for (let start = 0; start < elements; start += words.length) {
    random.fill(start, words);
    const count = Math.min(words.length, elements - start);
    for (let i = 0; i < count; i++) if (words[i]! < density * WORDS) mask.keep(start + i);
  }
  return mask;
}

/**
 * Each element with a probability that rises linearly with the rank of its magnitude in its row, from density −
 * epsilon to density + epsilon (MagPrune). A row of one element has the middle of that.
 */
export function keepByRank(
  vector: Vector,
  { density, epsilon, rowLength }: {
    readonly density: number;
    readonly epsilon: number;
    readonly rowLength: number;
  },
  random: RandomWords,
): Mask {
  const mask = new Mask(vector.elements);
  if (density <= 0) return mask;
  const row = new Float32Array(rowLength);
  const words = new Uint32Array(rowLength);
  const ranker = new RowRanker(rowLength);
  for (let start = 0; start < vector.elements; start += rowLength) {
    forEachBlock(rowLength, (from, count) => vector.read(start + from, row.subarray(from, from + count)));
    const ranks = ranker.rank(row);
    random.fill(start, words);
    for (let i = 0; i < rowLength; i++) {
      const height = rowLength > 1 ? ranks[i]! / (rowLength - 1) : 0.5;
      if (words[i]! < (density - epsilon + 2 * epsilon * height) * WORDS) mask.keep(start + i);
    }
  }
  return mask;
}
