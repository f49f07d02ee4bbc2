/**
 * A regular expression as rules of a grammar. The expression is one of ECMAScript with the flag u, and stands for texts of
 * which it matches all; what no grammar can do (looking around, repeating what a group has matched) is refused. The library
 * has a reader of its own, which takes `\Z` for a Z and a caret anywhere for nothing.
 *
 * In a JSON string what must be escaped there is, in the one way of `JSON.stringify`.
 */
import { type AST, RegExpParser } from "@eslint-community/regexpp";
import {
  byteSequences,
  type CodePoints,
  codePoints,
  complement,
  intersection,
  type Range,
} from "./code_points.ts";
import { literal, written } from "./grammar_characters.ts";

export interface RegexGrammar {
  /** In the language of grammars. */
  readonly expression: string;
  /** What the expression refers to, whose names begin with the prefix. */
  readonly rules: readonly string[];
}

export interface RegexOptions {
  readonly prefix: string;
  readonly inString: boolean;
}

const parser = new RegExpParser({ ecmaVersion: 2024 });
const ASCII: CodePoints = [[0, 0x7f]];
const BEYOND_ASCII = complement(ASCII);
const DIGITS: CodePoints = [[0x30, 0x39]];
const WORD = codePoints([...DIGITS, [0x41, 0x5a], [0x61, 0x7a], [0x5f, 0x5f]]);
const SPACE = ofPattern(/\s/u, 0xffff);
const LINE_ENDS = codePoints([[0x0a, 0x0a], [0x0d, 0x0d], [0x2028, 0x2029]]);
/** What stands in a JSON string as it is, and what has an escape of two characters. */
const ESCAPED = codePoints([[0, 0x1f], [0x22, 0x22], [0x5c, 0x5c]]);
const PLAIN = complement(ESCAPED);
const SHORT_ESCAPES: ReadonlyMap<number, string> = new Map(
  [...'"\\\b\f\n\r\t'].map((character) => [character.codePointAt(0)!, JSON.stringify(character)[2]!]),
);
/** Repeats of repeats: a grammar would have so many elements. */
const MAX_ELEMENTS = 100_000;
/** Turns of a counted repeat beyond which the library counts them, and writes no more of them out. */
const WRITTEN_TURNS = 256;
const CARET = 0x5e;
/** The library's counts have 32 bits. */
const MAX_COUNT = 2 ** 31 - 1;
/** Different classes of characters beyond ASCII, each of which has rules of its own. */
const MAX_CLASSES = 500;
/** Groups in groups; their reader goes as deep. */
const MAX_DEPTH = 200;
const BEYOND = "beyond what a grammar can do, such as looking around or referring back";
const NEVER = "what no character can be";

/** RangeError, which says what and where, for what is none or cannot be one of a grammar. */
export function regexGrammar(regex: string, options: RegexOptions): RegexGrammar {
  checkDepth(regex);
  const text = withoutNeedlessEscapes(regex);
  let pattern: AST.Pattern;
  try {
    pattern = parser.parsePattern(text, 0, text.length, { unicode: true });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const reason = error.message.replace(/^.*\/u: /s, "");
    throw new RangeError(`${reason} at character ${(error as SyntaxError & { index: number }).index + 1}`);
  }
  return new Writer(options).write(pattern);
}

function checkDepth(regex: string): void {
  let depth = 0;
  let inClass = false;
  for (const { 0: part, index } of regex.matchAll(/\\.|[[\]()]/gsu)) {
    if (part === "[" || part === "]") inClass = part === "[";
    if (inClass) continue;
    if (part === ")") depth--;
    if (part === "(" && ++depth > MAX_DEPTH) {
      throw new RangeError(`Groups more than ${MAX_DEPTH} deep at character ${index + 1}`);
    }
  }
}

/**
 * `\"` and `\-` stand for the character alone everywhere but under the flag u, as does a hyphen after a class in a class:
 * `[\w-.]`.
 */
function withoutNeedlessEscapes(regex: string): string {
  let inClass = false;
  const parts = /\\([dswDSW])-(?=[^\]])|\\(.)|[[\]]/gsu;
  return regex.replace(parts, (part: string, set: string | undefined, escaped: string | undefined) => {
    if (set !== undefined) return inClass ? `\\${set}\\-` : part;
    if (escaped === undefined) {
      inClass = part === "[";
      return part;
    }
    const isNeedless = /[!"#%&',:;<=>@_`~ ]/.test(escaped) || (escaped === "-" && !inClass);
    return isNeedless ? escaped : part;
  });
}

class Writer {
  readonly #options: RegexOptions;
  readonly #rules: string[] = [];
  /** Names by ranges. */
  readonly #classes = new Map<string, string>();
  /** By the ranges that are escaped. */
  readonly #escapes = new Map<string, string>();

  constructor(options: RegexOptions) {
    this.#options = options;
  }

  write({ alternatives }: AST.Pattern): RegexGrammar {
    if (sizeOf(alternatives) > MAX_ELEMENTS) {
      throw new RangeError(`Repeats that come to more than ${MAX_ELEMENTS} elements`);
    }
    return { expression: this.#alternatives(alternatives, { first: true, last: true }), rules: this.#rules };
  }

  /** `ends`: whether the text begins, or ends, with what they match. */
  #alternatives(alternatives: readonly AST.Alternative[], ends: Ends): string {
    return `(${alternatives.map((each) => this.#sequence(each.elements, ends)).join(" | ")})`;
  }

  #sequence(elements: readonly AST.Element[], { first, last }: Ends): string {
    const isAnchor = ({ type }: AST.Element) => type === "Assertion";
    const begin = elements.findIndex((element) => !isAnchor(element));
    const end = elements.findLastIndex((element) => !isAnchor(element));
    const parts: string[] = [];
    for (const [at, element] of elements.entries()) {
      if (element.type === "Assertion") {
        const isNothing = element.kind === "start" ? first && (at < begin || begin < 0) : last && at > end;
        if ((element.kind === "start" || element.kind === "end") && isNothing) continue;
        throw cannot(element, BEYOND);
      }
      const text = this.#element(element, { first: first && at === begin, last: last && at === end });
      const isText = text.startsWith('"') && element.type === "Character" &&
        elements[at - 1]?.type === "Character" &&
        parts.at(-1)!.endsWith('"');
      if (isText) parts.push(`${parts.pop()!.slice(0, -1)}${text.slice(1)}`);
      else parts.push(text);
    }
    return parts.length === 0 ? '""' : parts.join(" ");
  }

  #element(element: Exclude<AST.Element, AST.Assertion>, ends: Ends): string {
    switch (element.type) {
      case "Group":
      case "CapturingGroup":
        return this.#alternatives(element.alternatives, ends);
      case "Quantifier":
        return this.#repeated(element, ends);
      case "Character":
        return this.#character(element);
      case "CharacterSet":
      case "CharacterClass":
        return this.#class(codePointsOf(element), element);
      default:
        throw cannot(element, BEYOND);
    }
  }

  #character(character: AST.Character): string {
    const text = String.fromCodePoint(character.value);
    if (!text.isWellFormed()) throw cannot(character, NEVER);
    const inPlace = this.#options.inString ? JSON.stringify(text).slice(1, -1) : text;
    return characterText(inPlace);
  }

  #repeated(quantifier: AST.Quantifier, ends: Ends): string {
    const { element, min, max } = quantifier;
    if (max === 0) return '""';
    if (min > MAX_COUNT || (max > MAX_COUNT && max !== Infinity)) {
      throw cannot(quantifier, `more than ${MAX_COUNT} times`);
    }
    const isOnce = max === 1;
    if (element.type === "Assertion") return this.#sequence([element], isOnce ? ends : NO_ENDS);
    if (max === Infinity && (min === 0 || mayBeEmpty(element))) return this.#loop(this.#turns(element));
    if (isLoop(element)) return this.#element(element, NO_ENDS);
    const body = this.#element(element, isOnce ? ends : NO_ENDS);
    if (min === 1 && max === Infinity) return `(${body})+`;
    if (isOnce) return min === 0 ? `(${body})?` : body;
    return `(${body}){${min}${max === min ? "" : `,${max === Infinity ? "" : max}`}}`;
  }

  #loop(turns: readonly string[]): string {
    const [first = '""'] = turns;
    if (turns.length === 0) return first;
    return turns.length === 1 && /^\[[^[\]]*\]$/.test(first) ? `${first}*` : `(${turns.join(" | ")})*`;
  }

  /**
   * What one turn of a loop over `element` may be, none of it empty: where it may, as in `(a*b?)*`, a text has as many
   * readings as there are ways to cut it, all of which a matcher would keep.
   */
  #turns(element: AST.Element): string[] {
    if (element.type === "Assertion") throw cannot(element, BEYOND);
    if (!mayBeEmpty(element)) return [this.#element(element, NO_ENDS)];
    if (element.type === "Quantifier") return element.max === 0 ? [] : this.#turns(element.element);
    const alternatives = "alternatives" in element ? element.alternatives as AST.Alternative[] : [];
    return alternatives.flatMap(({ elements }) =>
      elements.every(mayBeEmpty)
        ? elements.flatMap((each) => this.#turns(each))
        : [this.#sequence(elements, NO_ENDS)]
    );
  }

  #class(set: CodePoints, at: AST.Node): string {
    if (set.length === 0) throw cannot(at, NEVER);
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
    this.#rules.push(`${name} ::= ((${name}_in))`, `${name}_in ::= (${ofBytes(byteSequences(set))})`);
    return name;
  }
}

interface Ends {
  readonly first: boolean;
  readonly last: boolean;
}

const NO_ENDS: Ends = { first: false, last: false };

function mayBeEmpty(element: AST.Element): boolean {
  if (element.type === "Assertion") return true;
  if (element.type === "Quantifier") return element.min === 0 || mayBeEmpty(element.element);
  return "alternatives" in element &&
    (element.alternatives as AST.Alternative[]).some(({ elements }) => elements.every(mayBeEmpty));
}

/** Of any number of turns, so that repeating it adds nothing. */
function isLoop(element: AST.Element): boolean {
  if (element.type === "Quantifier") return element.max === Infinity && mayBeEmpty(element);
  if (!("alternatives" in element) || element.alternatives.length !== 1) return false;
  const { elements: [only, ...others] } = element.alternatives[0] as AST.Alternative;
  return only !== undefined && others.length === 0 && isLoop(only);
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
function characterText(text: string): string {
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

function codePointsOf(
  set: AST.CharacterSet | AST.CharacterClass | AST.ClassRangesCharacterClassElement,
): CodePoints {
  switch (set.type) {
    case "Character":
      return codePoints([[set.value, set.value]]);
    case "CharacterClassRange":
      return codePoints([[set.min.value, set.max.value]]);
    case "CharacterClass": {
      const parts = (set.elements as AST.ClassRangesCharacterClassElement[]).flatMap(codePointsOf);
      return set.negate ? complement(codePoints(parts)) : codePoints(parts);
    }
    case "CharacterSet": {
      if (set.kind === "any") return complement(LINE_ENDS);
      if (set.kind === "property") throw cannot(set, "of Unicode's properties; name the characters");
      const some = { digit: DIGITS, space: SPACE, word: WORD }[set.kind];
      return set.negate ? complement(some) : some;
    }
    default:
      throw cannot(set, "beyond what a grammar can do");
  }
}

/** Characters that an expression of one character matches, up to a last one. */
function ofPattern(pattern: RegExp, last: number): CodePoints {
  const codes = Array.from({ length: last + 1 }, (_, code) => code);
  return codePoints(
    codes.filter((code) => pattern.test(String.fromCodePoint(code))).map((code) => [code, code]),
  );
}

/** Elements of the grammar, roughly. */
function sizeOf(alternatives: readonly AST.Alternative[]): number {
  const ofElement = (element: AST.Element): number => {
    if (element.type === "Quantifier") {
      const { min, max } = element;
      const turns = Math.min(max === Infinity ? min + 1 : max, WRITTEN_TURNS);
      return turns * Math.max(1, ofElement(element.element));
    }
    return "alternatives" in element ? 1 + sizeOf(element.alternatives) : 1;
  };
  return alternatives.reduce(
    (sum, { elements }) => elements.reduce((all, each) => all + ofElement(each), sum),
    1,
  );
}

function cannot(node: AST.Node, why: string): RangeError {
  const raw = node.raw.length > 40 ? `${node.raw.slice(0, 40)}…` : node.raw;
  return new RangeError(`${raw} at character ${node.start + 1} is ${why}`);
}
