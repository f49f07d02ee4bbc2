/**
 * Sets of texts, put together from sets of characters by what a regular expression knows and by what it does not: both, and
 * not. Each is a term, taken apart by what remains of its texts behind a character: Brzozowski, "Derivatives of Regular
 * Expressions" (1964). Equal terms are one, so that what remains is one of few.
 */
import {
  type CodePoints,
  codePoints,
  holds,
  intersection,
  MAX_CODE_POINT,
  type Range,
} from "./code_points.ts";

/** One of {@link TextTerms}. */
export type Term = number;

type Node =
  | { readonly kind: "none" | "empty" }
  | { readonly kind: "character"; readonly set: CodePoints }
  | { readonly kind: "sequence"; readonly first: Term; readonly rest: Term }
  | { readonly kind: "either" | "both"; readonly of: readonly Term[] }
  | { readonly kind: "not"; readonly of: Term }
  | { readonly kind: "repeat"; readonly of: Term; readonly min: number; readonly max: number };

/** A stranger's expressions may ask for any number. */
const MAX_TERMS = 20_000;
/** Steps, some hundred milliseconds of them. */
const MAX_STEPS = 100_000;

/** All of one schema share them, and their bounds. */
export class TextTerms {
  readonly #nodes: Node[] = [];
  readonly #nullable: boolean[] = [];
  readonly #known = new Map<string, Term>();
  readonly #behind = new Map<number, Term>();
  #steps = 0;

  /** No text. */
  readonly none = this.#term("none", { kind: "none" }, false);
  /** The text of no characters. */
  readonly empty = this.#term("empty", { kind: "empty" }, true);
  /** All texts. */
  readonly all: Term;

  constructor() {
    this.all = this.repeat(this.character([[0, MAX_CODE_POINT]]), 0, Infinity);
  }

  /** Whether the text of no characters is one of them. */
  holdsEmpty(term: Term): boolean {
    return this.#nullable[term]!;
  }

  character(ranges: readonly Range[]): Term {
    const set = codePoints(ranges);
    return set.length === 0 ? this.none : this.#term(`[${set.join(";")}]`, { kind: "character", set }, false);
  }

  sequence(first: Term, rest: Term): Term {
    if (first === this.none || rest === this.none) return this.none;
    if (first === this.empty) return rest;
    if (rest === this.empty) return first;
    const node = this.#nodes[first]!;
    if (node.kind === "sequence") return this.sequence(node.first, this.sequence(node.rest, rest));
    const nullable = this.holdsEmpty(first) && this.holdsEmpty(rest);
    return this.#term(`${first}.${rest}`, { kind: "sequence", first, rest }, nullable);
  }

  repeat(of: Term, min: number, max: number): Term {
    if (max === 0 || of === this.empty) return this.empty;
    if (of === this.none) return min === 0 ? this.empty : this.none;
    if (min === 1 && max === 1) return of;
    const node = this.#nodes[of]!;
    if (node.kind === "repeat" && node.min === 0 && node.max === Infinity) return of;
    const nullable = min === 0 || this.holdsEmpty(of);
    return this.#term(`${of}{${min},${max}}`, { kind: "repeat", of, min, max }, nullable);
  }

  either(terms: readonly Term[]): Term {
    let of = this.#flat("either", terms).filter((term) => term !== this.none);
    if (of.includes(this.all)) return this.all;
    if (of.some((term) => term !== this.empty && this.holdsEmpty(term))) {
      of = of.filter((term) => term !== this.empty);
    }
    const sets = this.#setsOf(of);
    if (sets.length > 1) {
      of = this.#sorted([...of.filter((term) => !this.#isCharacter(term)), this.character(sets.flat())]);
    }
    if (of.length < 2) return of[0] ?? this.none;
    return this.#term(`|${of}`, { kind: "either", of }, of.some((term) => this.holdsEmpty(term)));
  }

  both(terms: readonly Term[]): Term {
    let of = this.#flat("both", terms).filter((term) => term !== this.all);
    if (of.includes(this.none)) return this.none;
    if (of.includes(this.empty)) return of.every((term) => this.holdsEmpty(term)) ? this.empty : this.none;
    const sets = this.#setsOf(of);
    if (sets.length > 1) {
      const shared = this.character(sets.reduce(intersection));
      if (shared === this.none) return shared;
      of = this.#sorted([...of.filter((term) => !this.#isCharacter(term)), shared]);
    }
    if (of.length < 2) return of[0] ?? this.all;
    return this.#term(`&${of}`, { kind: "both", of }, of.every((term) => this.holdsEmpty(term)));
  }

  not(of: Term): Term {
    if (of === this.none) return this.all;
    if (of === this.all) return this.none;
    const node = this.#nodes[of]!;
    if (node.kind === "not") return node.of;
    return this.#term(`!${of}`, { kind: "not", of }, !this.holdsEmpty(of));
  }

  /** What remains of its texts that begin with a character. */
  behind(term: Term, character: number): Term {
    const key = term * (MAX_CODE_POINT + 1) + character;
    const known = this.#behind.get(key);
    if (known !== undefined) return known;
    const remains = this.#remains(this.#nodes[term]!, character);
    this.#behind.set(key, remains);
    return remains;
  }

  #remains(node: Node, character: number): Term {
    this.#spend(1);
    switch (node.kind) {
      case "none":
      case "empty":
        return this.none;
      case "character":
        return holds(node.set, character) ? this.empty : this.none;
      case "sequence": {
        const within = this.sequence(this.behind(node.first, character), node.rest);
        return this.holdsEmpty(node.first)
          ? this.either([within, this.behind(node.rest, character)])
          : within;
      }
      case "either":
      case "both":
        return this[node.kind](node.of.map((each) => this.behind(each, character)));
      case "not":
        return this.not(this.behind(node.of, character));
      case "repeat": {
        const others = this.repeat(node.of, Math.max(0, node.min - 1), node.max - 1);
        return this.sequence(this.behind(node.of, character), others);
      }
    }
  }

  /** Sets of characters that the terms in it tell apart from all others, which together are all characters. */
  alphabetOf(term: Term): readonly CodePoints[] {
    const sets = new Map<string, CodePoints>();
    const seen = new Set<Term>();
    const waiting = [term];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      const node = this.#nodes[next]!;
      if (node.kind === "character") sets.set(node.set.join(";"), node.set);
      else if (node.kind === "sequence") waiting.push(node.first, node.rest);
      else if ("of" in node) waiting.push(...[node.of].flat());
    }
    const starts = startsOf([...sets.values()]);
    this.#spend(starts.length * sets.size);
    return apart([...sets.values()], starts);
  }

  #spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > MAX_STEPS) throw tooMuch();
  }

  #setsOf(terms: readonly Term[]): CodePoints[] {
    return terms.flatMap((term) => {
      const node = this.#nodes[term]!;
      return node.kind === "character" ? [node.set] : [];
    });
  }

  #isCharacter(term: Term): boolean {
    return this.#nodes[term]!.kind === "character";
  }

  #flat(kind: "either" | "both", terms: readonly Term[]): Term[] {
    return this.#sorted(terms.flatMap((term) => {
      const node = this.#nodes[term]!;
      return node.kind === kind ? node.of : [term];
    }));
  }

  #sorted(terms: readonly Term[]): Term[] {
    this.#spend(terms.length);
    return [...new Set(terms)].toSorted((a, b) => a - b);
  }

  #term(key: string, node: Node, nullable: boolean): Term {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#nodes.length === MAX_TERMS) throw tooMuch();
    this.#known.set(key, this.#nodes.length);
    this.#nullable.push(nullable);
    return this.#nodes.push(node) - 1;
  }
}

function tooMuch(): RangeError {
  return new RangeError("Expressions, formats and lengths that together come to too much");
}

/** Characters at which one of the sets begins or has ended, in order, and the first of all. */
function startsOf(sets: readonly CodePoints[]): readonly number[] {
  const starts = new Set([0]);
  for (const [low, high] of sets.flat()) starts.add(low).add(high + 1);
  return [...starts].filter((start) => start <= MAX_CODE_POINT).toSorted((a, b) => a - b);
}

/** Sets that share nothing, of which the given ones can be put together, and what is in none of them. */
function apart(sets: readonly CodePoints[], starts: readonly number[]): readonly CodePoints[] {
  const bySets = Map.groupBy(
    starts.map((start, at): Range => [start, (starts[at + 1] ?? MAX_CODE_POINT + 1) - 1]),
    ([start]) => sets.map((set) => holds(set, start) ? 1 : 0).join(""),
  );
  return [...bySets.values()].map(codePoints).filter(({ length }) => length > 0);
}
