/**
 * Methods of strings as chat templates call them: Python's, which know white space and characters in their own way and take
 * the characters to strip. Those that are not here are not known to templates.
 */
import {
  asItems,
  asNumber,
  asText,
  boolean,
  integer,
  isInCase,
  isNone,
  joined,
  list,
  represented,
  type Run,
  text,
  tuple,
  type Value,
  written,
} from "./template_values.ts";

/** Of a call. */
export interface Arguments {
  readonly positional: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}

type Method = (own: string, args: Arguments, run: Run) => Value;

/** What `str.isspace` is true of. */
const SPACE = String.raw`[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]`;
const ALL_SPACE = new RegExp(`^${SPACE}+$`);
const WORDS = new RegExp(`[^${SPACE.slice(1)}+`, "g");
const IS_SPACE = new RegExp(SPACE);
const LINE_ENDS = String.raw`\n\r\v\f\x1c-\x1e\x85\u2028\u2029`;
const LINES = new RegExp(`[^${LINE_ENDS}]*(?:\r\n|[${LINE_ENDS}]|$)`, "g");
const LINE_END = new RegExp(`(?:\r\n|[${LINE_ENDS}])$`);

interface Sides {
  readonly left: boolean;
  readonly right: boolean;
}

/** Without the characters of `from` at the sides named; without white space where that is not given. */
export function stripped(own: string, from: string | undefined, sides: Sides, run: Run): string {
  const plain = run.plain(own);
  const set = from === undefined ? null : new Set(run.plain(from));
  const isStripped = (character: string) => set === null ? IS_SPACE.test(character) : set.has(character);
  let [start, end] = [0, plain.length];
  while (sides.left && start < end) {
    const character = String.fromCodePoint(plain.codePointAt(start)!);
    if (!isStripped(character)) break;
    start += character.length;
  }
  while (sides.right && end > start) {
    const pair = plain.slice(Math.max(start, end - 2), end);
    const character = pair.length === 2 && pair.codePointAt(0)! > 0xffff ? pair : plain[end - 1]!;
    if (!isStripped(character)) break;
    end -= character.length;
  }
  return own.slice(start, end);
}

/** Between the places where a part stands. */
function partsOf(own: string, part: string, { plain }: Run): readonly string[] {
  const [read, wanted] = [plain(own), plain(part)];
  const parts: string[] = [];
  let start = 0;
  for (let at = read.indexOf(wanted); at >= 0; at = read.indexOf(wanted, start)) {
    parts.push(own.slice(start, at));
    start = at + wanted.length;
  }
  return [...parts, own.slice(start)];
}

/** The first character in upper case, the others in lower. */
export function capitalized(own: string): string {
  const [first = "", ...others] = own;
  const upper = first.toUpperCase();
  const [start = "", ...tail] = upper;
  return start + tail.join("").toLowerCase() + others.join("").toLowerCase();
}

export function replaced(own: string, from: string, to: string, most: number, run: Run): string {
  const parts = from === "" ? null : partsOf(own, from, run);
  const places = parts === null ? Array.from(own).length + 1 : parts.length - 1;
  const count = most < 0 ? places : Math.min(most, places);
  run.spend(count * to.length);
  if (parts === null) {
    return ["", ...own].map((character, index) => character + (index < count ? to : "")).join("");
  }
  let text = parts[0]!;
  let end = text.length;
  for (const [index, part] of parts.slice(1).entries()) {
    text += (index < count ? to : own.slice(end, end + from.length)) + part;
    end += from.length + part.length;
  }
  return text;
}

const strip = (left: boolean, right: boolean): Method => (own, args, run) =>
  text(stripped(own, textArgument(args, 0, "chars"), { left, right }, run));

const isAll = (pattern: RegExp): Method => (own, _, { plain }) => boolean(pattern.test(plain(own)));

const startsOrEnds = (has: (own: string, part: string) => boolean): Method => (own, args, run) => {
  const [given] = args.positional;
  const parts = asItems(given) ?? (given === undefined ? [] : [given]);
  if (parts.length === 0 && given === undefined) throw new Error("startswith() and endswith() take a text");
  const read = run.plain(own);
  return boolean(parts.some((part) => {
    const wanted = requireText(part);
    run.spend(wanted.length);
    return has(read, run.plain(wanted));
  }));
};

export const METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["upper", (own) => text(own.toUpperCase())],
  ["lower", (own) => text(own.toLowerCase())],
  ["casefold", (own) => text(own.toLowerCase())],
  ["strip", strip(true, true)],
  ["lstrip", strip(true, false)],
  ["rstrip", strip(false, true)],
  ["title", (own) => text(own.replace(/[\p{L}\p{Nl}]+/gu, capitalized))],
  ["capitalize", (own) => text(capitalized(own))],
  ["split", (own, args, run) => list(splitAt(own, args, run).map(text))],
  ["rsplit", (own, args, run) => list(splitFromEnd(own, args, run).map(text))],
  ["splitlines", (own) => list(linesOf(own).map(text))],
  ["replace", (own, args, run) => {
    const [from, to] = [requireText(args.positional[0]), requireText(args.positional[1])];
    return text(replaced(own, from, to, numberArgument(args, 2, "count") ?? -1, run));
  }],
  ["startswith", startsOrEnds((own, part) => own.startsWith(part))],
  ["endswith", startsOrEnds((own, part) => own.endsWith(part))],
  ["find", (own, args, run) => integer(placeOf(own, args, run))],
  ["rfind", (own, { positional: [part] }, { plain }) => {
    const read = plain(own);
    return integer(place(read, read.lastIndexOf(plain(requireText(part)))));
  }],
  ["index", (own, args, run) => {
    const index = placeOf(own, args, run);
    if (index < 0) throw new Error("index(): the text is not there");
    return integer(index);
  }],
  ["count", (own, { positional }, run) => {
    const part = requireText(positional[0]);
    return integer(part === "" ? Array.from(own).length + 1 : partsOf(own, part, run).length - 1);
  }],
  ["join", (own, { positional }, run) => {
    const parts = asItems(positional[0])?.map(requireText) ?? Array.from(requireText(positional[0]));
    return text(joined(parts, own, run));
  }],
  ["removeprefix", (own, { positional }, { plain }) => {
    const part = requireText(positional[0]);
    return text(plain(own).startsWith(plain(part)) ? own.slice(part.length) : own);
  }],
  ["removesuffix", (own, { positional }, { plain }) => {
    const part = requireText(positional[0]);
    return text(part !== "" && plain(own).endsWith(plain(part)) ? own.slice(0, -part.length) : own);
  }],
  ["partition", (own, { positional }, { plain }) => {
    const part = requireText(positional[0]);
    const index = plain(own).indexOf(plain(part));
    const behind = index + part.length;
    const parts = index < 0
      ? [own, "", ""]
      : [own.slice(0, index), own.slice(index, behind), own.slice(behind)];
    return tuple(parts.map(text));
  }],
  ["isdigit", isAll(/^\p{Nd}+$/u)],
  ["isalpha", isAll(/^\p{L}+$/u)],
  ["isalnum", isAll(/^[\p{L}\p{N}]+$/u)],
  ["isspace", isAll(ALL_SPACE)],
  ["isupper", (own) => boolean(isInCase(own, "upper"))],
  ["islower", (own) => boolean(isInCase(own, "lower"))],
]);

/** `%` with a text on the left: `%s`, `%d`, `%r` and `%%`. */
export function formatted(own: string, given: Value, run: Run): string {
  const values = given.type === "TupleValue" ? [...asItems(given)!] : [given];
  const result = own.replace(/%(.?)/gsu, (_, kind: string) => {
    if (kind === "%") return "%";
    const value = values.shift();
    if (value === undefined || !["s", "r", "d"].includes(kind)) throw new Error(`it formats by %${kind}`);
    if (kind !== "d") return kind === "s" ? written(value, run) : represented(value, run);
    const number = asNumber(value);
    if (number === undefined) throw new Error(`it formats ${value.type} as a number`);
    return String(Math.trunc(number));
  });
  if (
    values.length > 0 &&
    !(values.length === 1 && given.type !== "TupleValue" && values[0]!.value instanceof Map)
  ) {
    throw new Error("it formats more values than there are places");
  }
  run.spend(result.length);
  return result;
}

export function requireText(value: Value | undefined): string {
  const own = asText(value);
  if (own === undefined) throw new Error(`it gives ${value?.type ?? "nothing"} where a text is needed`);
  return own;
}

export function textArgument(
  { positional, named }: Arguments,
  index: number,
  name: string,
): string | undefined {
  const value = positional[index] ?? named.get(name);
  return value === undefined || isNone(value) ? undefined : requireText(value);
}

export function numberArgument(
  { positional, named }: Arguments,
  index: number,
  name: string,
): number | undefined {
  const value = positional[index] ?? named.get(name);
  if (value === undefined || isNone(value)) return undefined;
  const number = asNumber(value);
  if (number === undefined) throw new Error(`it gives ${value.type} where a number is needed`);
  return number;
}

function splitAt(own: string, args: Arguments, run: Run): readonly string[] {
  const separator = textArgument(args, 0, "sep");
  const most = numberArgument(args, 1, "maxsplit") ?? -1;
  if (separator === "") throw new Error("split() at an empty text");
  if (separator !== undefined) {
    const parts = partsOf(own, separator, run);
    return most < 0 || parts.length <= most + 1
      ? parts
      : [...parts.slice(0, most), parts.slice(most).join(separator)];
  }
  if (most < 0) return own.match(WORDS) ?? [];
  const words: string[] = [];
  for (const word of own.matchAll(WORDS)) {
    if (words.length === most) return [...words, own.slice(word.index)];
    words.push(word[0]);
  }
  return words;
}

function splitFromEnd(own: string, args: Arguments, run: Run): readonly string[] {
  const separator = textArgument(args, 0, "sep");
  const most = numberArgument(args, 1, "maxsplit") ?? -1;
  if (separator === undefined || separator === "") throw new Error("rsplit() without a text to split at");
  const parts = partsOf(own, separator, run);
  if (most < 0 || parts.length <= most + 1) return parts;
  return [parts.slice(0, parts.length - most).join(separator), ...parts.slice(parts.length - most)];
}

function linesOf(own: string): readonly string[] {
  const lines = own.match(LINES) ?? [];
  return lines.filter((line, index) => index < lines.length - 1 || line !== "").map((line) =>
    line.replace(LINE_END, "")
  );
}

function placeOf(own: string, { positional }: Arguments, { plain }: Run): number {
  const read = plain(own);
  return place(read, read.indexOf(plain(requireText(positional[0]))));
}

/** A position in UTF-16 units as one in characters. */
function place(own: string, index: number): number {
  return index <= 0 ? index : Array.from(own.slice(0, index)).length;
}
