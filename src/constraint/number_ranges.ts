/**
 * Numbers between bounds, with fractions and without exponents, as regular expressions. The library's own let `01.5` through.
 *
 * Whoever reads a number rounds it to the nearest double, which never takes it past a bound that is one. So an exclusive
 * bound becomes the next double: otherwise 0.99999999999999999 would be read as the 1 that is excluded.
 */
import { MAX_DIGITS, wholesNextTo } from "./decimals.ts";

/** Digits of a bound behind its point, where more are rounded towards what is between the bounds. */
const PLACES = 40;
const LARGEST = 10n ** BigInt(MAX_DIGITS + PLACES) - 1n;
const FRACTION = "(?:\\.[0-9]+)?";
const ANY = `(?:0|[1-9][0-9]*)${FRACTION}`;
const SHORT = `-?(?:0|[1-9][0-9]{0,${MAX_DIGITS - 1}})${FRACTION}`;

/**
 * Expressions that all match, by the bounds' names as they are written in JSON. RangeError where there is nothing between
 * them.
 */
export function numbersBetween(bounds: ReadonlyMap<string, string>): readonly string[] {
  const values = (name: string, exclusive: string, step: bigint) => [
    ...bounds.has(name) ? [bounds.get(name)!] : [],
    ...bounds.has(exclusive) ? [neighbour(Number(bounds.get(exclusive)), step)] : [],
  ];
  // In units of the last place.
  const low = values("minimum", "exclusiveMinimum", 1n).map((text) => scaled(text, "ceil"));
  const high = values("maximum", "exclusiveMaximum", -1n).map((text) => scaled(text, "floor"));
  const least = low.reduce((a, b) => a > b ? a : b, -LARGEST);
  const most = high.reduce((a, b) => a < b ? a : b, LARGEST);
  if (least > most || least > LARGEST || most < -LARGEST) {
    const all = [...bounds].map((bound) => bound.join(" ")).join(" and ");
    throw new RangeError(`There is no number with ${all}, or none of at most ${MAX_DIGITS} digits`);
  }
  // A bound of so many digits holds for all numbers with fewer, but not for 400 of them, which are read as infinite.
  const isBeyond = [...low, ...high].some((value) => value < -LARGEST || value > LARGEST);
  return [
    ...least > -LARGEST ? [atLeast(least)] : [],
    ...most < LARGEST ? [atMost(most)] : [],
    ...isBeyond ? [SHORT] : [],
  ];
}

/** Of so many digits that {@link SHORT} stands for it. */
function scaled(text: string, side: "floor" | "ceil"): bigint {
  const beyond = LARGEST + 1n;
  return wholesNextTo(text, PLACES)?.[side] ?? (text.startsWith("-") ? -beyond : beyond);
}

/** The double one step up or down, as it is written. */
function neighbour(value: number, step: bigint): string {
  if (value === 0) return `${Number(step) * Number.MIN_VALUE}`;
  const bits = new BigInt64Array(1);
  const double = new Float64Array(bits.buffer);
  double[0] = value;
  if (Number.isFinite(value)) bits[0]! += value > 0 ? step : -step;
  return Number.isFinite(double[0]) ? `${double[0]}` : `${value > 0 ? "" : "-"}1e999`;
}

/** Its digits before the point, and those behind it without zeros at the end. */
type Digits = readonly [whole: string, fraction: string];

function digitsOf(magnitude: bigint): Digits {
  const digits = `${magnitude}`.padStart(PLACES + 1, "0");
  return [digits.slice(0, -PLACES), digits.slice(-PLACES).replace(/0+$/, "")];
}

function atMost(value: bigint): string {
  return value < 0n ? `-(?:${from(digitsOf(-value))})` : `-${ANY}|${upTo(digitsOf(value))}`;
}

function atLeast(value: bigint): string {
  return value > 0n ? from(digitsOf(value)) : `-(?:${upTo(digitsOf(-value))})|${ANY}`;
}

/** From 0 to a number. */
function upTo([whole, fraction]: Digits): string {
  const shorter = whole.length === 1 ? [] : [`(?:0|[1-9][0-9]{0,${whole.length - 2}})${FRACTION}`];
  const equal = fraction === "" ? "(?:\\.0+)?" : `(?:\\.${
    digitByDigit(fraction, {
      less: () => "[0-9]*",
      next: (rest) => `(?:${rest})?`,
      end: "0*",
    })
  })?`;
  const alike = digitByDigit(whole, {
    least: whole.length === 1 ? 0 : 1,
    less: (left) => `[0-9]{${left}}${FRACTION}`,
    end: equal,
  });
  return [...shorter, alike].join("|");
}

/** From a number on. */
function from([whole, fraction]: Digits): string {
  const equal = fraction === ""
    ? FRACTION
    : `\\.${digitByDigit(fraction, { greater: () => "[0-9]*", end: "[0-9]*" })}`;
  const alike = digitByDigit(whole, {
    greater: (left) => `[0-9]{${left}}${FRACTION}`,
    end: equal,
  });
  return `[1-9][0-9]{${whole.length},}${FRACTION}|${alike}`;
}

interface Ways {
  /** Smallest first digit; 0 unless given. */
  readonly least?: number;
  /** What may follow a digit that is less than that of the number, or greater, of which so many are left. */
  readonly less?: (left: number) => string;
  readonly greater?: (left: number) => string;
  /** Makes what follows a digit that is the same of what may; itself unless given. */
  readonly next?: (rest: string) => string;
  /** Behind all of the number's digits. */
  readonly end: string;
}

/** Digits beside those of a number, of which each is the same up to the first that is not. */
function digitByDigit(
  digits: string,
  { least = 0, less, greater, next = (rest) => rest, end }: Ways,
): string {
  return [...digits].reduceRight((rest, character, at) => {
    const digit = Number(character);
    const left = digits.length - at - 1;
    const low = at === 0 ? least : 0;
    const behind = left === 0 ? rest : next(rest);
    const ways = [`${digit}${behind}`];
    if (less !== undefined && digit > low) ways.push(`[${low}-${digit - 1}]${less(left)}`);
    if (greater !== undefined && digit < 9) ways.push(`[${digit + 1}-9]${greater(left)}`);
    return `(?:${ways.join("|")})`;
  }, end);
}
