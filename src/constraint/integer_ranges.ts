/**
 * Integers between bounds, which the library gets wrong: of 0 to 150 it makes a grammar that lets 159 through.
 */
import { isNumber, MAX_DIGITS, type Whole, wholesNextTo } from "./decimals.ts";

/** Keywords. */
export const BOUNDS = ["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"] as const;

/**
 * An expression of the grammar for the integers between bounds, given by their names as they are written in JSON. Null where
 * these are no bounds. RangeError where there are no integers between them, or they are too far apart for a grammar.
 */
export function integersBetween(bounds: ReadonlyMap<string, string>): string | null {
  const range = rangeOf(bounds);
  return range === null ? null : `(${alternativesOf(...range).map((each) => `(${each})`).join(" | ")})`;
}

/** The least and the greatest, null for none; null altogether where these are no bounds. */
function rangeOf(bounds: ReadonlyMap<string, string>): readonly [bigint | null, bigint | null] | null {
  if (bounds.size === 0 || ![...bounds.values()].every(isNumber)) return null;
  const get = (name: (typeof BOUNDS)[number], whole: (value: Whole) => bigint) => {
    const text = bounds.get(name);
    return text === undefined ? [] : [whole(readBound(text))];
  };
  const least = [
    ...get("minimum", ({ ceil }) => ceil),
    ...get("exclusiveMinimum", ({ floor }) => floor + 1n),
  ];
  const most = [...get("maximum", ({ floor }) => floor), ...get("exclusiveMaximum", ({ ceil }) => ceil - 1n)];
  const low = least.length === 0 ? null : least.reduce((a, b) => a > b ? a : b);
  const high = most.length === 0 ? null : most.reduce((a, b) => a < b ? a : b);
  if (low !== null && high !== null && low > high) {
    throw new RangeError(`There is no integer from ${low} to ${high}`);
  }
  return [low, high];
}

function readBound(text: string): Whole {
  const wholes = wholesNextTo(text);
  if (wholes === null) throw new RangeError(`A bound of integers has more than ${MAX_DIGITS} digits`);
  return wholes;
}

/** As sequences of the grammar. */
function alternativesOf(low: bigint | null, high: bigint | null): string[] {
  const negative = low === null || low < 0n
    ? upFrom(high !== null && high < 0n ? -high : 1n, low === null ? null : -low).map((each) => `"-" ${each}`)
    : [];
  const positive = high === null || high >= 0n ? upFrom(low !== null && low > 0n ? low : 0n, high) : [];
  return [...negative, ...positive];
}

/** From a number that is not negative, without a sign: blocks of numbers that share all digits but one and what follows it. */
function upFrom(low: bigint, high: bigint | null): string[] {
  const blocks: string[] = [];
  const last = high ?? 10n ** BigInt(`${low}`.length) - 1n;
  for (let from = low; from <= last;) {
    const digits = `${from}`;
    let free = 0;
    let size = 1n;
    while (free + 1 < digits.length && from % (size * 10n) === 0n && from + size * 10n - 1n <= last) {
      free++;
      size *= 10n;
    }
    const fixed = digits.slice(0, digits.length - free - 1);
    const digit = Number(digits[digits.length - free - 1]);
    let to = digit;
    while (to < 9 && from + size * BigInt(to - digit + 2) - 1n <= last) to++;
    blocks.push([
      ...fixed === "" ? [] : [`"${fixed}"`],
      `[${digit}-${to}]`,
      ...Array.from({ length: free }, () => "[0-9]"),
    ].join(" "));
    from += size * BigInt(to - digit + 1);
  }
  if (high === null) blocks.push(`[1-9] ${"[0-9] ".repeat(`${low}`.length)}[0-9]*`);
  return blocks;
}
