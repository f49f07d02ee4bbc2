/**
 * Regular expressions of ECMAScript with the flag u, as they are read from strangers: what is none, or has parts that no
 * grammar can be made of, is refused with a RangeError that says what and where.
 */
import { type AST, RegExpParser } from "@eslint-community/regexpp";
import { type CodePoints, codePoints, complement } from "./code_points.ts";

const parser = new RegExpParser({ ecmaVersion: 2024 });
const DIGITS: CodePoints = [[0x30, 0x39]];
const WORD = codePoints([...DIGITS, [0x41, 0x5a], [0x61, 0x7a], [0x5f, 0x5f]]);
const SPACE = ofPattern(/\s/u, 0xffff);
const LINE_ENDS = codePoints([[0x0a, 0x0a], [0x0d, 0x0d], [0x2028, 0x2029]]);
/** Groups in groups; their reader goes as deep. */
const MAX_DEPTH = 200;
export const BEYOND =
  "beyond what a grammar can do, such as looking behind, edges of words, or referring back";
export const NEVER = "what no character can be";

export function parseRegex(regex: string): AST.Pattern {
  checkDepth(regex);
  const text = withoutNeedlessEscapes(regex);
  try {
    return parser.parsePattern(text, 0, text.length, { unicode: true });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const reason = error.message.replace(/^.*\/u: /s, "");
    throw new RangeError(`${reason} at character ${(error as SyntaxError & { index: number }).index + 1}`);
  }
}

/**
 * Whether a `pattern` that nothing else stands beside is meant for the whole string. It may match anywhere (JSON Schema,
 * validation, section 6.3.3), and whoever writes an anchor knows; of one without most people mean the whole.
 */
export function isWithoutAnchors(pattern: AST.Pattern): boolean {
  return !holdsAssertion(pattern, "start") && !holdsAssertion(pattern, "end");
}

/** Whether it says itself that it matches the whole. */
export function isAnchored({ alternatives }: AST.Pattern): boolean {
  const isEdge = (element: AST.Element | undefined, kind: AST.EdgeAssertion["kind"]) =>
    element?.type === "Assertion" && element.kind === kind;
  return alternatives.every(({ elements }) => isEdge(elements[0], "start") && isEdge(elements.at(-1), "end"));
}

export function looksAhead(pattern: Alternatives): boolean {
  return holdsAssertion(pattern, "lookahead");
}

interface Alternatives {
  readonly alternatives: readonly AST.Alternative[];
}

/** At whatever depth, within assertions included. */
function holdsAssertion({ alternatives }: Alternatives, kind: AST.Assertion["kind"]): boolean {
  const ofElement = (element: AST.Element): boolean => {
    if (element.type === "Quantifier") return ofElement(element.element);
    if (element.type === "Assertion" && element.kind === kind) return true;
    return "alternatives" in element && holdsAssertion(element as Alternatives, kind);
  };
  return alternatives.some(({ elements }) => elements.some(ofElement));
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

/** What matches one character. */
export function codePointsOf(
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

export function cannot(node: AST.Node, why: string): RangeError {
  const raw = node.raw.length > 40 ? `${node.raw.slice(0, 40)}…` : node.raw;
  return new RangeError(`${raw} at character ${node.start + 1} is ${why}`);
}
