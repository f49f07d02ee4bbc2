/**
 * A regular expression as rules of a grammar. The expression is one of ECMAScript with the flag u, and stands for texts of
 * which it matches all; what no grammar can do (looking behind, repeating what a group has matched) is refused. Looking
 * ahead is for text_automaton.ts. The library
 * has a reader of its own, which takes `\Z` for a Z and a caret anywhere for nothing.
 */
import type { AST } from "@eslint-community/regexpp";
import { characterText, ClassWriter, type WriterOptions } from "./character_classes.ts";
import { BEYOND, cannot, codePointsOf, NEVER } from "./regex_syntax.ts";
import type { TextGrammar } from "./text_limits.ts";

/** Repeats of repeats: a grammar would have so many elements. */
const MAX_ELEMENTS = 100_000;
/** Turns of a counted repeat beyond which the library counts them, and writes no more of them out. */
const WRITTEN_TURNS = 256;
/** The library's counts have 32 bits. */
const MAX_COUNT = 2 ** 31 - 1;

/** RangeError, which says what and where, for what cannot be one of a grammar. */
export function regexGrammar(pattern: AST.Pattern, options: WriterOptions): TextGrammar {
  return new Writer(options).write(pattern);
}

class Writer {
  readonly #inString: boolean;
  readonly #classes: ClassWriter;

  constructor(options: WriterOptions) {
    this.#inString = options.inString;
    this.#classes = new ClassWriter(options);
  }

  write({ alternatives }: AST.Pattern): TextGrammar {
    if (sizeOf(alternatives) > MAX_ELEMENTS) {
      throw new RangeError(`Repeats that come to more than ${MAX_ELEMENTS} elements`);
    }
    const expression = this.#alternatives(alternatives, { first: true, last: true });
    const end = this.#inString ? String.raw` "\""` : "";
    return { expression: `${expression}${end}`, rules: this.#classes.rules };
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
        return this.#class(element);
      default:
        throw cannot(element, BEYOND);
    }
  }

  #character(character: AST.Character): string {
    const text = String.fromCodePoint(character.value);
    if (!text.isWellFormed()) throw cannot(character, NEVER);
    const inPlace = this.#inString ? JSON.stringify(text).slice(1, -1) : text;
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

  #class(set: AST.CharacterSet | AST.CharacterClass): string {
    const characters = codePointsOf(set);
    if (characters.length === 0) throw cannot(set, NEVER);
    return this.#classes.write(characters);
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
