/**
 * Alternatives that are texts, as a tree of their beginnings: what several begin with is written once, and what is left of
 * them begins with characters of which no two are alike. So nothing is thrown together, and the library's work, which goes
 * by the characters of a grammar, is not done anew for each of a hundred texts with the same beginning, or the same end.
 */
import { charactersOf, type GrammarCharacter } from "./grammar_characters.ts";

type Text = readonly GrammarCharacter[];

/** Characters of an end from which on it has a rule of its own: in one rule the library compares all ends with each other. */
const LONG_END = 8;

export interface References {
  /** To a sequence, so that the library does not look through. */
  readonly behind: (elements: readonly string[]) => string;
  /** To one of several sequences. */
  readonly beside: (choices: readonly string[]) => string;
}

/** `texts` with their quotes; the result are alternatives of a rule, of which at most one is no text at all. */
export function sharedBeginnings(texts: readonly string[], references: References): readonly string[] {
  const read = texts.map((text) => charactersOf(text.slice(1, -1)));
  const different = new Map(read.map((text) => [text.map(({ code }) => code).join(), text]));
  return new Tree(references).choicesOf([...different.values()], 0);
}

class Tree {
  readonly #references: References;
  /** By their text: many have the same. */
  readonly #ends = new Map<string, string>();

  constructor(references: References) {
    this.#references = references;
  }

  /** Of texts that are the same before `from`, all different after it. */
  choicesOf(texts: readonly Text[], from: number): readonly string[] {
    const going = texts.filter(({ length }) => length > from);
    const sequences = [...Map.groupBy(going, (text) => text[from]!.code).values()]
      .map((group) => this.#sequenceOf(group, from));
    if (going.length === texts.length) return sequences.map((elements) => `(${elements.join(" ")})`);
    // Where one of them ends, what follows the rule may begin as the others go on.
    return ['""', ...sequences.map((elements) => `(${this.#references.behind(elements)})`)];
  }

  #sequenceOf(texts: readonly Text[], from: number): readonly string[] {
    const [first, ...others] = texts as [Text, ...Text[]];
    if (others.length === 0) return this.#endOf(first, from);
    let end = from + 1;
    while (end < first.length && others.every((text) => text[end]?.code === first[end]!.code)) end++;
    return [written(first.slice(from, end)), this.#references.beside(this.choicesOf(texts, end))];
  }

  #endOf(text: Text, from: number): readonly string[] {
    if (text.length - from <= LONG_END) return [written(text.slice(from))];
    const rest = written(text.slice(from + 1));
    const end = this.#ends.get(rest) ?? this.#references.behind([rest]);
    this.#ends.set(rest, end);
    return [written(text.slice(from, from + 1)), end];
  }
}

function written(text: Text): string {
  return `"${text.map(({ text }) => text).join("")}"`;
}
