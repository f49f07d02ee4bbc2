/** What a text is held to, and what comes of it. */

export interface TextLimits {
  /** Each matches the whole text. */
  readonly regexes: readonly string[];
  /** Each matches some of it. */
  readonly patterns: readonly string[];
  /** In characters. */
  readonly minLength: number;
  /** Infinity for none. */
  readonly maxLength: number;
}

export const ANY_TEXT: TextLimits = { regexes: [], patterns: [], minLength: 0, maxLength: Infinity };

export interface TextGrammar {
  /** In the language of grammars; in a JSON string with the quotation mark that ends it. */
  readonly expression: string;
  /** What the expression refers to, whose names begin with the prefix. */
  readonly rules: readonly string[];
}
