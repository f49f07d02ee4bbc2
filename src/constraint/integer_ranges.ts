/**
 * Bounds of integers, which the library gets wrong: of 0 to 150 it makes a grammar that lets 159 through. So a schema of
 * integers with bounds goes to it as a constant with a name, and in the grammar that comes back a rule of our own takes the
 * place of that name. All else of the schema stays as it is, to the character.
 */
import { DATA_INSIDE, NAMES_INSIDE } from "./schema_keywords.ts";

/** A string, a sign, or a number or word. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g;
const BOUNDS = ["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"] as const;
/** A number of JSON: the bounds of 64 bits are no doubles, so it is read by its digits. */
const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
/** Digits of a bound; those of 128 bits have 39. */
const MAX_DIGITS = 40;

type Tokens = Iterator<RegExpExecArray, undefined>;
interface Edit {
  readonly at: number;
  readonly length: number;
  readonly text: string;
}

export interface IntegerRanges {
  /** With constants in place of bounded integers. */
  readonly schema: string;
  /** The grammar of `schema` with rules in place of those constants. */
  readonly restore: (grammar: string) => string;
}

/**
 * `schema` is JSON that has been parsed and checked before. Null where it bounds no integers. Throws RangeError where
 * there are none within the bounds, or those are too far apart for a grammar.
 */
export function takeIntegerRanges(schema: string): IntegerRanges | null {
  let prefix = "integer_range_";
  const withoutEscapes = JSON.stringify(JSON.parse(schema));
  while (withoutEscapes.includes(prefix)) prefix += "_";
  const edits: Edit[] = [];
  const rules: string[] = [];
  const tokens: Tokens = schema.matchAll(TOKEN);
  const next = () => tokens.next().value!;
  /** Reads the value that begins with this token. */
  const value = (first: RegExpExecArray, isData: boolean, areNames: boolean): void => {
    if (first[0] === "[") {
      for (let token = next(); token[0] !== "]"; token = next()) {
        if (token[0] !== ",") value(token, isData, false);
      }
    }
    if (first[0] !== "{") return;
    const members = new Map<string, readonly [key: RegExpExecArray, value: RegExpExecArray]>();
    for (let token = next(); token[0] !== "}"; token = next()) {
      if (token[0] === ",") continue;
      const key: string = JSON.parse(token[0]);
      next(); // the colon
      const inner = next();
      members.set(key, [token, inner]);
      const isKeyword = !isData && !areNames;
      value(inner, isData || (isKeyword && DATA_INSIDE.has(key)), isKeyword && NAMES_INSIDE.has(key));
    }
    const type = members.get("type");
    if (isData || areNames || type?.[1][0] !== '"integer"') return;
    const given = BOUNDS.flatMap((name) => {
      const member = members.get(name);
      return member === undefined ? [] : [{ name, member }];
    });
    const range = rangeOf(new Map(given.map(({ name, member }) => [name, member[1][0]])));
    if (range === null) return;
    const name = `${prefix}${rules.length}`;
    rules.push(`${name} ::= (${alternativesOf(...range).map((each) => `(${each})`).join(" | ")})`);
    edits.push(replace(type[0], '"const"'), replace(type[1], JSON.stringify(name)));
    for (const { member: [key] } of given) edits.push(replace(key, '"$comment"'));
  };
  value(next(), false, false);
  if (rules.length === 0) return null;
  edits.sort((a, b) => b.at - a.at);
  const edited = edits.reduce(
    (text, { at, length, text: by }) => text.slice(0, at) + by + text.slice(at + length),
    schema,
  );
  const names = new RegExp(`\\\\"(${prefix}\\d+)\\\\"`, "g");
  const restore = (grammar: string) =>
    `${grammar.trimEnd().replace(names, '" $1 "').replace(/(?<=[( ])"" (?=\w)|(?<=\w) ""(?=[) ])/g, "")}\n${
      rules.join("\n")
    }\n`;
  return { schema: edited, restore };
}

function replace({ 0: token, index }: RegExpExecArray, text: string): Edit {
  return { at: index, length: token.length, text };
}

/** The least and the greatest, null for none; null altogether where these are no bounds. */
function rangeOf(bounds: ReadonlyMap<string, string>): readonly [bigint | null, bigint | null] | null {
  if (bounds.size === 0 || ![...bounds.values()].every((text) => NUMBER.test(text))) return null;
  const get = (name: (typeof BOUNDS)[number], whole: (value: Whole) => bigint) => {
    const text = bounds.get(name);
    return text === undefined ? [] : [whole(readNumber(text))];
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

/** The whole numbers next to a number, which is both where it is whole. */
interface Whole {
  readonly floor: bigint;
  readonly ceil: bigint;
}

function readNumber(text: string): Whole {
  const [, sign, whole = "", fraction = "", exponent = "0"] = NUMBER.exec(text)!;
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  // Of the point, from the first of those digits.
  const at = digits.length - fraction.length + Number(exponent);
  if (digits === "") return { floor: 0n, ceil: 0n };
  if (at > MAX_DIGITS) throw new RangeError(`A bound of integers has ${at} digits, more than ${MAX_DIGITS}`);
  const near = BigInt(digits.slice(0, Math.max(0, at)).padEnd(at, "0") || "0");
  const isWhole = /^0*$/.test(digits.slice(Math.max(0, at)));
  const far = isWhole ? near : near + 1n;
  return sign === "-" ? { floor: -far, ceil: -near } : { floor: near, ceil: far };
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
