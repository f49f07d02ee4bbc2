/** Characters of texts and classes in the language of grammars, as the library prints them. */

export interface GrammarCharacter {
  /** Code point. */
  readonly code: number;
  /** As it is written, escaped or not. */
  readonly text: string;
}

const ESCAPES: Readonly<Record<string, number>> = {
  n: 10,
  r: 13,
  t: 9,
  f: 12,
  v: 11,
  b: 8,
  a: 7,
  e: 27,
  "0": 0,
};

/** Of what stands between the quotes or brackets, with escapes read. */
export function charactersOf(text: string): GrammarCharacter[] {
  const pattern = /\\x([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})|\\(.)|(.)/gsu;
  return [...text.matchAll(pattern)].map(([written, x, u, long, escaped, plain]) => {
    const hex = x ?? u ?? long;
    if (hex !== undefined) return { code: parseInt(hex, 16), text: written };
    const code = escaped === undefined ? undefined : ESCAPES[escaped];
    return { code: code ?? (escaped ?? plain)!.codePointAt(0)!, text: written };
  });
}

/** A text of the grammar. */
export function literal(text: string): string {
  return `"${Array.from(text, (character) => written(character.codePointAt(0)!)).join("")}"`;
}

/** So that it means the same in a text and in a class. */
export function written(code: number): string {
  const isPlain = /[A-Za-z0-9]/.test(String.fromCodePoint(code));
  if (isPlain) return String.fromCodePoint(code);
  const hex = code.toString(16);
  return code > 0xffff ? `\\U${hex.padStart(8, "0")}` : `\\u${hex.padStart(4, "0")}`;
}
