/**
 * Sets of characters as the grammar writes them, with rules where the library's own classes are no help, and in a JSON
 * string with what must be escaped there, in the one way of `JSON.stringify`.
 */
import {
  byteSequences,
  type CodePoints,
  codePoints,
  complement,
  intersection,
  type Range,
} from "./code_points.ts";
import { literal, written } from "./grammar_characters.ts";

export interface WriterOptions {
  /** Of the names of rules. */
  readonly prefix: string;
  readonly inString: boolean;
}

const ASCII: CodePoints = [[0, 0x7f]];
const BEYOND_ASCII = complement(ASCII);
/** What stands in a JSON string as it is, and what has an escape of two characters. */
const ESCAPED = codePoints([[0, 0x1f], [0x22, 0x22], [0x5c, 0x5c]]);
const PLAIN = complement(ESCAPED);
const SHORT_ESCAPES: ReadonlyMap<number, string> = new Map(
  [...'"\\\b\f\n\r\t'].map((character) => [character.codePointAt(0)!, JSON.stringify(character)[2]!]),
);
const CARET = 0x5e;
/** Different classes of characters beyond ASCII, each of which has rules of its own. */
const MAX_CLASSES = 500;

export class ClassWriter {
  readonly #options: WriterOptions;
  /** What the classes that were written refer to. */
  readonly rules: string[] = [];
  /** Names by ranges. */
  readonly #classes = new Map<string, string>();
  /** By the ranges that are escaped. */
  readonly #escapes = new Map<string, string>();

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** A character of this set, which is not empty. */
  write(set: CodePoints): string {
    if (!this.#options.inString) return this.#plain(set);
    const plain = intersection(set, PLAIN);
    const escaped = intersection(set, ESCAPED);
    const key = escaped.join();
    const escapes = this.#escapes.get(key) ?? escapesOf(escaped);
    this.#escapes.set(key, escapes);
    if (escapes === "") return this.#plain(plain);
    return plain.length === 0 ? escapes : `(${this.#plain(plain)} | ${escapes})`;
  }

  /** Characters as they are. */
  #plain(set: CodePoints): string {
    const [[low, high]] = set as [Range];
    if (set.length === 1 && low === high) return characterText(String.fromCodePoint(low));
    if (high <= 0x7f && set.at(-1)![1] <= 0x7f) return classOf(set);
    const [ascii, beyond] = [ASCII, BEYOND_ASCII].map((part) => intersection(set, part)) as [
      CodePoints,
      CodePoints,
    ];
    // One class that the library gets right, wherever it stands.
    const others = intersection(complement(ascii), ASCII);
    if (others.length > 0 && beyond.join() === BEYOND_ASCII.join()) {
      return `[^${others.map(writtenRange).join("")}]`;
    }
    const key = set.join();
    const known = this.#classes.get(key);
    if (known !== undefined) return known;
    const name = `${this.#options.prefix}class_${this.#classes.size}`;
    this.#classes.set(key, name);
    if (this.#classes.size > MAX_CLASSES) {
      throw new RangeError(`More than ${MAX_CLASSES} different classes of characters beyond ASCII`);
    }
    // Behind two references nothing is copied into a rule in which classes are those of code points.
    this.rules.push(`${name} ::= ((${name}_in))`, `${name}_in ::= (${ofBytes(byteSequences(set))})`);
    return name;
  }
}

/** As alternatives, what they begin with written once. */
function ofBytes(sequences: readonly (readonly Range[])[]): string {
  const byFirst = Map.groupBy(sequences, ([first]) => first!.join());
  const byRest = new Map<string, Range[]>();
  for (const group of byFirst.values()) {
    const rests = group.map(([, ...rest]) => rest).filter(({ length }) => length > 0);
    const rest = rests.length === 0 ? "" : ` (${ofBytes(rests)})`;
    byRest.set(rest, [...byRest.get(rest) ?? [], group[0]![0]!]);
  }
  return [...byRest].map(([rest, firsts]) => `${classOf(firsts)}${rest}`).join(" | ");
}

/**
 * Of bytes, or of ASCII. A byte alone stands twice: as one character it would be taken for the text of it. The library
 * writes a caret without an escape, so it does not come first.
 */
function classOf(ranges: readonly Range[]): string {
  const [[low, high], ...rest] = ranges as [Range, ...Range[]];
  const isAlone = low === high && rest.length === 0;
  if (low !== CARET) return `[${[...ranges, ...isAlone ? ranges : []].map(writtenRange).join("")}]`;
  if (isAlone) return literal("^");
  const others: Range[] = [...low < high ? [[low + 1, high] as const] : [], ...rest];
  return `[${[...others, [CARET, CARET] as const].map(writtenRange).join("")}]`;
}

/** NUL would end the text for the library. */
export function characterText(text: string): string {
  return text === "\0" ? `[${written(0)}${written(0)}]` : literal(text);
}

function writtenRange([low, high]: Range): string {
  return low === high ? written(low) : `${written(low)}-${written(high)}`;
}

/** Of those characters in JSON; empty where none needs one. */
function escapesOf(set: CodePoints): string {
  const codes = [...SHORT_ESCAPES.keys(), ...Array.from({ length: 0x20 }, (_, code) => code)];
  const inSet = [...new Set(codes)].filter((code) => set.some(([low, high]) => low <= code && code <= high));
  if (inSet.length === 0) return "";
  const short = inSet.flatMap((code) => SHORT_ESCAPES.get(code) ?? []).map((letter) =>
    letter.codePointAt(0)!
  );
  const long = Map.groupBy(inSet.filter((code) => !SHORT_ESCAPES.has(code)), (code) => code >> 4);
  const digit = (value: number) => value.toString(16).codePointAt(0)!;
  const oneOf = (each: readonly number[]) => classOf(codePoints(each.map((code) => [code, code])));
  const tens = [...long].map(([ten, each]) => `"${ten}" ${oneOf(each.map((code) => digit(code & 15)))}`);
  const parts = [
    ...short.length === 0 ? [] : [oneOf(short)],
    ...tens.length === 0 ? [] : [`"u00" (${tens.join(" | ")})`],
  ];
  return `"\\u005c" (${parts.join(" | ")})`;
}
