/**
 * Bounds of integers, which the library gets wrong: of 0 to 150 it makes a grammar that lets 159 through. So a schema of
 * integers with bounds goes to it as a constant with a name, and in the grammar that comes back a rule of our own takes the
 * place of that name. All else of the schema stays as it is, to the character.
 */
import { DATA_INSIDE, NAMES_INSIDE } from "./schema_keywords.ts";

/** A string, a sign, or a number or word. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g;
const BOUNDS = ["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"] as const;
/** Beyond this a double is no whole number that anybody meant; what the library says of those is left to it. */
const MOST = 1e15;

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

/** `schema` is JSON that has been parsed and checked before. Null where it bounds no integers. */
export function takeIntegerRanges(schema: string): IntegerRanges | null {
  let prefix = "integer_range_";
  while (schema.includes(prefix)) prefix += "_";
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
    const range = rangeOf(new Map(given.map(({ name, member }) => [name, JSON.parse(scalar(member[1][0]))])));
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

/** So that no list or object is parsed in the place of a number. */
function scalar(token: string): string {
  return token === "{" || token === "[" ? "null" : token;
}

function replace({ 0: token, index }: RegExpExecArray, text: string): Edit {
  return { at: index, length: token.length, text };
}

/** The least and the greatest, null for none; null altogether where these are no bounds, or nothing lies between them. */
function rangeOf(bounds: ReadonlyMap<string, unknown>): readonly [bigint | null, bigint | null] | null {
  const values = [...bounds.values()];
  if (values.length === 0) return null;
  if (!values.every((value) => typeof value === "number" && Math.abs(value) <= MOST)) return null;
  const get = (name: (typeof BOUNDS)[number], whole: (value: number) => number) => {
    const value = bounds.get(name) as number | undefined;
    return value === undefined ? [] : [BigInt(whole(value))];
  };
  const least = [...get("minimum", Math.ceil), ...get("exclusiveMinimum", (value) => Math.floor(value) + 1)];
  const most = [...get("maximum", Math.floor), ...get("exclusiveMaximum", (value) => Math.ceil(value) - 1)];
  const low = least.length === 0 ? null : least.reduce((a, b) => a > b ? a : b);
  const high = most.length === 0 ? null : most.reduce((a, b) => a < b ? a : b);
  return low !== null && high !== null && low > high ? null : [low, high];
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
