/**
 * Keeps apart the alternatives of a grammar that the library throws together. Where alternatives of one rule begin alike and
 * end alike, its automaton merges states that are reached by different texts: `"20"` or `"2"`, quotes included, then lets
 * `"200"` through (xgrammar #618 and #911, mended in releases that are not on npm). It does so within a rule, into which it
 * copies rules that are plain text, but looks through no more than one reference. So alternatives that begin alike become
 * rules behind two references, or, where all of them are texts, share what they begin with. What a grammar means stays as
 * it is.
 */
import { charactersOf } from "./grammar_characters.ts";
import { isText, type Rule, rulesOf } from "./grammar_rules.ts";
import { sharedBeginnings } from "./shared_beginnings.ts";

/** Characters of one rule beyond which the library is slow with it: what it does goes by more than their number. */
const LONG_TEXTS = 10_000;

/** First and last byte: of several of one character, too, the automaton has a state each. */
type Range = readonly [number, number];
const ANY: Range = [0, 0xff];
const LAST_ASCII = 0x7f;
/** What characters beyond ASCII begin with. */
const LEADS: Range = [0xc2, 0xf4];

/** The grammar as text with such alternatives apart, from the text that the library prints; null where there are none. */
export function separateAlternatives(grammar: string): string | null {
  const lines = grammar.split("\n");
  const rules = rulesOf(grammar);
  const firsts = new Firsts(rules);
  let separated = 0;
  const text = lines.flatMap((line) => {
    const rule = rules.get(line.split(" ", 1)[0]!);
    if (rule === undefined || !(firsts.beginAlike(rule) || isLong(rule))) return [line];
    separated++;
    return separate(rule);
  });
  return separated === 0 ? null : text.join("\n");
}

/** Texts that would take the library long in one rule, whatever they begin with. */
function isLong({ alternatives }: Rule): boolean {
  const texts = textsOf(alternatives);
  return texts !== null && texts.length > 1 &&
    texts.reduce((sum, { length }) => sum + length, 0) > LONG_TEXTS;
}

/** Where all of them are texts; null otherwise. */
function textsOf(alternatives: Rule["alternatives"]): readonly string[] | null {
  const texts = alternatives.filter((elements) => elements.length <= 1).map(([text = '""']) => text);
  return texts.length === alternatives.length && texts.every(isText) ? texts : null;
}

function separate({ name, alternatives, lookahead }: Rule): string[] {
  const apart: string[] = [];
  /** A reference through which the library does not look. */
  const behind = (elements: readonly string[]): string => {
    const inner = `${name}_apart_${apart.length}`;
    apart.push(`${inner} ::= ((${inner}_in))`, `${inner}_in ::= ((${elements.join(" ")}))`);
    return inner;
  };
  const texts = textsOf(alternatives);
  if (texts !== null) {
    /** A reference that the library may look through: what stands there cannot begin alike. */
    const beside = (choices: readonly string[]): string => {
      const inner = `${name}_rest_${apart.length}`;
      apart.push(`${inner} ::= (${choices.join(" | ")})`);
      return inner;
    };
    const choices = sharedBeginnings(texts, { behind, beside });
    return [`${name} ::= (${choices.join(" | ")})${lookahead}`, ...apart];
  }
  const references = alternatives.map((elements) => {
    if (elements.length === 0) return '""';
    const [first, ...rest] = elements as [string, ...string[]];
    const isLoop = first.endsWith("*") && rest.length > 0;
    return `(${behind(isLoop ? [behind([first]), ...rest] : elements)})`;
  });
  return [`${name} ::= (${references.join(" | ")})${lookahead}`, ...apart];
}

/** What the alternatives of rules begin with. */
class Firsts {
  readonly #rules: ReadonlyMap<string, Rule>;
  readonly #known = new Map<string, readonly Range[]>();
  readonly #empty = new Map<string, boolean>();

  constructor(rules: ReadonlyMap<string, Rule>) {
    this.#rules = rules;
  }

  /** Two of them, or one that begins with a loop and what follows that. */
  beginAlike({ alternatives }: Rule): boolean {
    const all = alternatives.map((elements) => this.#ofSequence(elements));
    const loops = alternatives.some(([first = "", ...rest]) =>
      first.endsWith("*") && overlap(ofElement(first) ?? [ANY], this.#ofSequence(rest))
    );
    return loops || all.some((some, at) => all.slice(0, at).some((others) => overlap(some, others)));
  }

  #ofSequence(elements: readonly string[]): readonly Range[] {
    const ranges: Range[] = [];
    for (const element of elements) {
      ranges.push(...ofElement(element) ?? this.#ofRule(element));
      if (!this.#mayBeEmpty(element)) break;
    }
    return ranges;
  }

  #ofRule(element: string): readonly Range[] {
    const name = element.replace(/\{.*/, "");
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const rule = this.#rules.get(name);
    if (rule === undefined) return [ANY];
    this.#known.set(name, []); // of a rule that begins with itself
    const ranges = rule.alternatives.flatMap((elements) => this.#ofSequence(elements));
    this.#known.set(name, ranges);
    return ranges;
  }

  #mayBeEmpty(element: string): boolean {
    if (element.endsWith("*") || /\{0,/.test(element)) return true;
    const name = element.replace(/\{.*/, "");
    const known = this.#empty.get(name);
    if (known !== undefined) return known;
    this.#empty.set(name, false); // of a rule that is in itself
    const may =
      this.#rules.get(name)?.alternatives.some((elements) =>
        elements.every((each) => this.#mayBeEmpty(each))
      ) ?? false;
    this.#empty.set(name, may);
    return may;
  }
}

function overlap(some: readonly Range[], others: readonly Range[]): boolean {
  return some.some(([low, high]) => others.some(([from, to]) => low <= to && from <= high));
}

/** Of a text or a class of characters; null for anything else. */
function ofElement(element: string): readonly Range[] | null {
  if (isText(element)) {
    const [first] = charactersOf(element.slice(1, -1));
    if (first === undefined) return [];
    const [byte] = new TextEncoder().encode(String.fromCodePoint(first.code));
    return [[byte!, byte!]];
  }
  if (!element.startsWith("[")) return null;
  const inner = element.replace(/\]\*?$/, "").slice(1);
  return inner.startsWith("^") ? [...complement(ofClass(inner.slice(1))), LEADS] : ofClass(inner);
}

/** Beyond ASCII these are bytes already; see regex_grammar.ts. */
function ofClass(inner: string): readonly Range[] {
  const characters = charactersOf(inner);
  const ranges: Range[] = [];
  for (let at = 0; at < characters.length; at++) {
    const { code } = characters[at]!;
    const dash = characters[at + 1];
    const end = characters[at + 2];
    if (dash?.text === "-" && end !== undefined) {
      ranges.push([code, end.code]);
      at += 2;
    } else ranges.push([code, code]);
  }
  return ranges;
}

/**
 * Of ASCII, and exactly, for strings of JSON are such a class and what ends it: taken apart, each of their characters
 * would cost more than the one before.
 */
function complement(ranges: readonly Range[]): readonly Range[] {
  let from = 0;
  const others: Range[] = [];
  for (const [low, high] of ranges.toSorted(([a], [b]) => a - b)) {
    if (low > from) others.push([from, low - 1]);
    from = Math.max(from, high + 1);
  }
  return from > LAST_ASCII ? others : [...others, [from, LAST_ASCII]];
}
