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
