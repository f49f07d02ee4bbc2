/**
 * Sets of Unicode characters, and the same as sequences of bytes. The library's own classes are no help beyond ASCII: in most
 * rules it cuts the code points of a class to eight bits, so that `[é-ü]` lets the bytes E9 to FC through, which are no
 * UTF-8. But a class is then just one of bytes, and from those every character can be put together.
 */

/** First and last code point, or byte. */
export type Range = readonly [low: number, high: number];
/** In order, without overlaps, without halves of surrogate pairs. */
export type CodePoints = readonly Range[];

export const MAX_CODE_POINT = 0x10ffff;
const SURROGATES: Range = [0xd800, 0xdfff];
/** Most code points that take one, two, three and four bytes. */
const LAST_OF_LENGTH = [0x7f, 0x7ff, 0xffff, MAX_CODE_POINT];

export function codePoints(ranges: readonly Range[]): CodePoints {
  const merged: [number, number][] = [];
  for (const [low, high] of ranges.flatMap(withoutSurrogates).toSorted(([a], [b]) => a - b)) {
    const last = merged.at(-1);
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else merged.push([low, high]);
  }
  return merged;
}

export function complement(ranges: CodePoints): CodePoints {
  let from = 0;
  const others: Range[] = [];
  for (const [low, high] of ranges) {
    if (low > from) others.push([from, low - 1]);
    from = high + 1;
  }
  if (from <= MAX_CODE_POINT) others.push([from, MAX_CODE_POINT]);
  return others.flatMap(withoutSurrogates);
}

export function intersection(some: CodePoints, others: CodePoints): CodePoints {
  const shared: Range[] = [];
  for (let [at, other] = [0, 0]; at < some.length && other < others.length;) {
    const [[low, high], [from, to]] = [some[at]!, others[other]!];
    if (Math.max(low, from) <= Math.min(high, to)) shared.push([Math.max(low, from), Math.min(high, to)]);
    if (high < to) at++;
    else other++;
  }
  return shared;
}

export function holds(set: CodePoints, character: number): boolean {
  return set.some(([low, high]) => low <= character && character <= high);
}

function withoutSurrogates([low, high]: Range): Range[] {
  const [from, to] = SURROGATES;
  return [[low, Math.min(high, from - 1)] as const, [Math.max(low, to + 1), high] as const]
    .filter(([a, b]) => a <= b);
}

/** UTF-8 of these characters: each a sequence of ranges of bytes. Their first ranges are alike or apart. */
export function byteSequences(ranges: CodePoints): readonly (readonly Range[])[] {
  return ranges.flatMap(([low, high]) => split(low, high));
}

function split(low: number, high: number): readonly (readonly Range[])[] {
  const end = LAST_OF_LENGTH.find((last) => low <= last)!;
  if (high > end) return [...split(low, end), ...split(end + 1, high)];
  // Until all bytes but the first that differs may be anything.
  for (let bits = 6; bits <= 18 && end > 0x7f; bits += 6) {
    const mask = (1 << bits) - 1;
    if ((low & ~mask) === (high & ~mask)) break;
    if ((low & mask) !== 0) return [...split(low, low | mask), ...split((low | mask) + 1, high)];
    if ((high & mask) !== mask) return [...split(low, (high & ~mask) - 1), ...split(high & ~mask, high)];
  }
  const [first, last] = [utf8(low), utf8(high)];
  return [first.map((byte, at) => [byte, last[at]!] as const)];
}

function utf8(code: number): number[] {
  return [...new TextEncoder().encode(String.fromCodePoint(code))];
}
