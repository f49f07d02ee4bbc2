/**
 * Texts that several expressions match all, looking ahead included, and that have so many characters, as rules of a grammar:
 * one for each state of the automaton that reads them. An expression alone is written as it stands (regex_grammar.ts).
 */
import type { AST } from "@eslint-community/regexpp";
import { ClassWriter, type WriterOptions } from "./character_classes.ts";
import { codePoints, MAX_CODE_POINT, type Range } from "./code_points.ts";
import { BEYOND, cannot, codePointsOf, parseRegex } from "./regex_syntax.ts";
import type { TextGrammar, TextLimits } from "./text_limits.ts";
import type { Term, TextTerms } from "./text_terms.ts";

/** Every one costs a rule, for each of whose places the library looks at all tokens. */
const MAX_STATES = 500;
/** Turns of a repeated group that looks ahead, which are written out. */
const MAX_TURNS = 16;
/** Characters of an expression; terms are as deep. */
const MAX_LENGTH = 4096;
/** Rules in one another, for the library's reader. */
const MAX_DEPTH = 20;

interface State {
  readonly accepts: boolean;
  /** By the state that they lead to. */
  readonly edges: ReadonlyMap<number, readonly Range[]>;
}

/** RangeError, which says what and where, for what is no expression, cannot be one of these, or leaves no text. */
export function automatonGrammar(limits: TextLimits, options: WriterOptions, terms: TextTerms): TextGrammar {
  const all = statesOf(terms, termOf(limits, terms));
  if (all === null) throw tooMany(limits, terms);
  const states = withoutDead(all);
  if (!states.has(0)) throw new RangeError("There is no text that fits everything that is asked of it");
  return new Writer(states, options).write();
}

function termOf({ regexes, patterns, minLength, maxLength }: TextLimits, terms: TextTerms): Term {
  const reader = new Reader(terms);
  const any = terms.character([[0, MAX_CODE_POINT]]);
  return terms.both([
    ...regexes.map((regex) => reader.whole(parse(regex))),
    ...patterns.map((pattern) => reader.anywhere(parse(pattern))),
    terms.repeat(any, minLength, maxLength),
  ]);
}

function parse(regex: string): AST.Pattern {
  if (regex.length <= MAX_LENGTH) return parseRegex(regex);
  throw new RangeError(`An expression of ${regex.length} characters beside others, more than ${MAX_LENGTH}`);
}

/** Where the text begins, or not there, or either. */
type Place = "first" | "later" | "unknown";

class Reader {
  readonly #terms: TextTerms;

  constructor(terms: TextTerms) {
    this.#terms = terms;
  }

  /** Texts of which it matches all. */
  whole({ alternatives }: AST.Pattern): Term {
    return this.#alternatives(alternatives, this.#terms.empty, "first");
  }

  /** Texts of which it matches some. */
  anywhere({ alternatives }: AST.Pattern): Term {
    const { all } = this.#terms;
    const some = this.#terms.sequence(this.#terms.character([[0, MAX_CODE_POINT]]), all);
    return this.#terms.either([
      this.#alternatives(alternatives, all, "first"),
      this.#terms.sequence(some, this.#alternatives(alternatives, all, "later")),
    ]);
  }

  /** With what comes behind them, which looking ahead concerns. */
  #alternatives(alternatives: readonly AST.Alternative[], behind: Term, place: Place): Term {
    return this.#terms.either(alternatives.map(({ elements }) => this.#sequence(elements, behind, place)));
  }

  #sequence(elements: readonly AST.Element[], behind: Term, place: Place): Term {
    const begin = elements.findIndex(({ type }) => type !== "Assertion");
    return elements.reduceRight((rest, element, at) => {
      const isLeading = at <= begin || begin < 0;
      return this.#element(element, rest, place === "first" && !isLeading ? "unknown" : place);
    }, behind);
  }

  #element(element: AST.Element, behind: Term, place: Place): Term {
    switch (element.type) {
      case "Group":
      case "CapturingGroup":
        return this.#alternatives(element.alternatives, behind, place);
      case "Character":
        return this.#terms.sequence(this.#terms.character([[element.value, element.value]]), behind);
      case "CharacterSet":
      case "CharacterClass":
        return this.#terms.sequence(this.#terms.character(codePointsOf(element)), behind);
      case "Quantifier":
        return this.#repeated(element, behind, place);
      case "Assertion":
        return this.#assertion(element, behind, place);
      default:
        throw cannot(element, BEYOND);
    }
  }

  #repeated(quantifier: AST.Quantifier, behind: Term, place: Place): Term {
    const { element, min, max } = quantifier;
    if (!looksAround(element)) {
      const turn = this.#element(element, this.#terms.empty, place);
      return this.#terms.sequence(this.#terms.repeat(turn, min, max), behind);
    }
    if (max > MAX_TURNS) throw cannot(quantifier, `looking around more than ${MAX_TURNS} times`);
    let rest = behind;
    for (let turn = max; turn > 0; turn--) {
      const once = this.#element(element, rest, place === "first" && turn > 1 ? "unknown" : place);
      rest = turn > min ? this.#terms.either([once, rest]) : once;
    }
    return rest;
  }

  #assertion(assertion: AST.Assertion, behind: Term, place: Place): Term {
    switch (assertion.kind) {
      case "start":
        if (place === "unknown") throw cannot(assertion, "not where the text begins");
        return place === "first" ? behind : this.#terms.none;
      case "end":
        return this.#terms.both([this.#terms.empty, behind]);
      case "lookahead": {
        const ahead = this.#alternatives(assertion.alternatives, this.#terms.all, place);
        return this.#terms.both([assertion.negate ? this.#terms.not(ahead) : ahead, behind]);
      }
      default:
        throw cannot(assertion, BEYOND);
    }
  }
}

function looksAround(element: AST.Element): boolean {
  if (element.type === "Assertion") return true;
  if (element.type === "Quantifier") return looksAround(element.element);
  return "alternatives" in element &&
    (element.alternatives as AST.Alternative[]).some(({ elements }) => elements.some(looksAround));
}

/** Says how much of it a length is. */
function tooMany(limits: TextLimits, terms: TextTerms): RangeError {
  const what = `Expressions, formats and lengths that together have more than ${MAX_STATES} states`;
  const { size } = statesOf(terms, termOf({ ...limits, minLength: 0, maxLength: Infinity }, terms)) ?? {};
  const most = size === undefined ? 0 : Math.floor(MAX_STATES / size);
  const isLong = Math.max(limits.minLength, limits.maxLength === Infinity ? 0 : limits.maxLength) > most;
  return new RangeError(
    size === undefined || !isLong
      ? what
      : `${what}: without a length ${size}, so leave it out, or take ${most} at most`,
  );
}

/** The first is where texts begin. Null where there are too many. */
function statesOf(terms: TextTerms, first: Term): ReadonlyMap<number, State> | null {
  const alphabet = terms.alphabetOf(first);
  const numbers = new Map([[first, 0]]);
  const states = new Map<number, State>();
  for (const [term, number] of numbers) {
    const edges = new Map<number, readonly Range[]>();
    for (const set of alphabet) {
      const next = terms.behind(term, set[0]![0]);
      if (next === terms.none) continue;
      if (!numbers.has(next)) numbers.set(next, numbers.size);
      if (numbers.size > MAX_STATES) return null;
      const to = numbers.get(next)!;
      edges.set(to, [...edges.get(to) ?? [], ...set]);
    }
    states.set(number, { accepts: terms.holdsEmpty(term), edges });
  }
  return states;
}

/** Without those from which no text comes to its end. */
function withoutDead(states: ReadonlyMap<number, State>): ReadonlyMap<number, State> {
  const before = new Map<number, number[]>();
  for (const [number, { edges }] of states) {
    for (const to of edges.keys()) before.set(to, [...before.get(to) ?? [], number]);
  }
  const living = new Set([...states].filter(([, { accepts }]) => accepts).map(([number]) => number));
  for (const number of living) for (const from of before.get(number) ?? []) living.add(from);
  return new Map(
    [...states].filter(([number]) => living.has(number)).map(([number, { accepts, edges }]) =>
      [number, { accepts, edges: new Map([...edges].filter(([to]) => living.has(to))) }] as const
    ),
  );
}

class Writer {
  readonly #states: ReadonlyMap<number, State>;
  readonly #options: WriterOptions;
  readonly #classes: ClassWriter;
  /** How many states lead to one, itself left out. */
  readonly #ways = new Map<number, number>();
  readonly #rules = new Map<number, string>();

  constructor(states: ReadonlyMap<number, State>, options: WriterOptions) {
    this.#states = states;
    this.#options = options;
    this.#classes = new ClassWriter(options);
    for (const [number, { edges }] of states) {
      for (const to of edges.keys()) if (to !== number) this.#ways.set(to, (this.#ways.get(to) ?? 0) + 1);
    }
  }

  write(): TextGrammar {
    const expression = this.#reference(0, MAX_DEPTH);
    // Grows while it is gone through.
    for (const [number] of this.#rules) {
      this.#rules.set(number, `${this.#name(number)} ::= ${this.#state(number, 0)}`);
    }
    return { expression, rules: [...this.#classes.rules, ...this.#rules.values()] };
  }

  #name(number: number): string {
    return `${this.#options.prefix}state_${number}`;
  }

  /** A state that one other leads to is written there. */
  #reference(number: number, depth: number): string {
    const isShort = this.#states.get(number)!.edges.size === 0;
    if (isShort || (number !== 0 && this.#ways.get(number) === 1 && depth < MAX_DEPTH)) {
      return this.#state(number, depth + 1);
    }
    if (!this.#rules.has(number)) this.#rules.set(number, "");
    return this.#name(number);
  }

  #state(number: number, depth: number): string {
    const { accepts, edges } = this.#states.get(number)!;
    const ways = [...edges].filter(([to]) => to !== number).map(([to, set]) =>
      `${this.#class(set)} ${this.#reference(to, depth)}`
    );
    if (accepts) ways.push(this.#options.inString ? String.raw`"\""` : '""');
    const again = edges.get(number);
    return `${again === undefined ? "" : `${this.#loop(this.#class(again))} `}(${ways.join(" | ")})`;
  }

  #class(set: readonly Range[]): string {
    return this.#classes.write(codePoints(set));
  }

  #loop(turn: string): string {
    return `${/^\[[^[\]]*\]$/.test(turn) ? turn : `(${turn})`}*`;
  }
}
