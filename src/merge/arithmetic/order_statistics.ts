/**
 * Elements by rank of their magnitude, exactly and without sorting: positive floats order like their bit patterns, so
 * a histogram of the upper 16 bits and one of the lower 15 within a bucket find any rank in two passes and 384 KiB.
 * NaN ranks above infinity, as in torch's sort.
 */
import { forEachBlock } from "../operand.ts";
import { Mask } from "./mask.ts";
import { blockOf, type Vector } from "./vector.ts";

const MAGNITUDE = 0x7fff_ffff;
const LOW_BITS = 15;
const LOW_MASK = (1 << LOW_BITS) - 1;

/** The magnitude at a rank. */
export interface OrderStatistic {
  /** Its float32 bits; see {@link magnitudeOf}. */
  readonly bits: number;
  /** Elements of smaller magnitude. */
  readonly below: number;
  /** Elements of this magnitude. */
  readonly equal: number;
}

/** For each rank 0 … elements − 1, ascending, the magnitude found there. */
export function orderStatistics(vector: Vector, ranks: readonly number[]): readonly OrderStatistic[] {
  const high = new Uint32Array(1 << 16);
  forEachMagnitude(vector, (bits, count) => {
    for (let i = 0; i < count; i++) {
      const bucket = (bits[i]! & MAGNITUDE) >>> LOW_BITS;
      high[bucket] = high[bucket]! + 1;
    }
  });
  const buckets = ranks.map((rank) => locate(high, rank));
  const low = new Map(buckets.map(({ at }) => [at, new Uint32Array(1 << LOW_BITS)]));
  forEachMagnitude(vector, (bits, count) => {
    for (const [bucket, histogram] of low) countWithin(bits, count, bucket, histogram);
  });
  return buckets.map(({ at, below }, i) => {
    const histogram = low.get(at)!;
    const found = locate(histogram, ranks[i]! - below);
    return { bits: (at << LOW_BITS) | found.at, below: below + found.below, equal: histogram[found.at]! };
  });
}

export function magnitudeOf({ bits }: OrderStatistic): number {
  return new Float32Array(Uint32Array.of(bits).buffer)[0]!;
}

/** For each rank 0 … elements − 1 of the values with their signs, ascending and NaN last, the value found there. */
export function valuesAtRanks(vector: Vector, ranks: readonly number[]): readonly number[] {
  const below = countNegative(vector);
  const [low, high] = [ranks.filter((rank) => rank < below), ranks.filter((rank) => rank >= below)];
  const magnitudes = (isOf: (value: number) => boolean, at: readonly number[]) =>
    at.length === 0 ? [] : orderStatistics(restrictedTo(vector, isOf), at).map(magnitudeOf);
  const negative = magnitudes((value) => value < 0, low.map((rank) => below - 1 - rank));
  const others = magnitudes((value) => !(value < 0), high.map((rank) => rank - below));
  return ranks.map((rank) => rank < below ? -negative[low.indexOf(rank)]! : others[high.indexOf(rank)]!);
}

/** NaN in place of the other values, which so rank last. */
function restrictedTo(vector: Vector, isOf: (value: number) => boolean): Vector {
  return {
    elements: vector.elements,
    read(start, into) {
      vector.read(start, into);
      for (let i = 0; i < into.length; i++) if (!isOf(into[i]!)) into[i] = NaN;
    },
  };
}

function countNegative(vector: Vector): number {
  const block = blockOf(vector);
  let negative = 0;
  forEachBlock(vector.elements, (start, count) => {
    vector.read(start, block.subarray(0, count));
    for (let i = 0; i < count; i++) if (block[i]! < 0) negative++;
  });
  return negative;
}

/**
 * Keeps the elements whose rank lies in `[from, to)`. Of equal magnitudes the earlier element ranks lower, or higher
 * where `earlierIsLarger`: a stable ascending or descending sort.
 */
export function keepRanks(
  vector: Vector,
  [from, to]: readonly [number, number],
  { earlierIsLarger }: { readonly earlierIsLarger: boolean },
): Mask {
  const mask = new Mask(vector.elements);
  if (from >= to) return mask;
  const [first, last] = orderStatistics(vector, [from, to - 1]) as [OrderStatistic, OrderStatistic];
  const seen = new Map([[first.bits, 0], [last.bits, 0]]);
  const tieIsKept = (tie: OrderStatistic) => {
    const before = seen.get(tie.bits)!;
    seen.set(tie.bits, before + 1);
    const rank = tie.below + (earlierIsLarger ? tie.equal - 1 - before : before);
    return rank >= from && rank < to;
  };
  forEachMagnitude(vector, (block, count, start) => {
    for (let i = 0; i < count; i++) {
      const bits = block[i]! & MAGNITUDE;
      if (bits < first.bits || bits > last.bits) continue;
      const kept = bits === first.bits ? tieIsKept(first) : bits === last.bits ? tieIsKept(last) : true;
      if (kept) mask.keep(start + i);
    }
  });
  return mask;
}

/** The bucket that holds a rank, and how many elements lie in the buckets before it. */
function locate(histogram: Uint32Array, rank: number): { at: number; below: number } {
  let [at, below] = [0, 0];
  while (below + histogram[at]! <= rank) below += histogram[at++]!;
  return { at, below };
}

function countWithin(bits: Uint32Array, count: number, bucket: number, histogram: Uint32Array): void {
  for (let i = 0; i < count; i++) {
    const magnitude = bits[i]! & MAGNITUDE;
    if (magnitude >>> LOW_BITS !== bucket) continue;
    const at = magnitude & LOW_MASK;
    histogram[at] = histogram[at]! + 1;
  }
}

/** Visits the float32 bits of each block; the sign bit is still there. */
function forEachMagnitude(
  vector: Vector,
  visit: (bits: Uint32Array, count: number, start: number) => void,
): void {
  const block = blockOf(vector);
  const bits = new Uint32Array(block.buffer);
  forEachBlock(vector.elements, (start, count) => {
    vector.read(start, block.subarray(0, count));
    visit(bits, count, start);
  });
}
