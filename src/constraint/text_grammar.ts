/** Texts that fit expressions and lengths, as rules of a grammar. */
import type { WriterOptions } from "./character_classes.ts";
import { regexGrammar } from "./regex_grammar.ts";
import { isAnchored, looksAhead, parseRegex } from "./regex_syntax.ts";
import { automatonGrammar } from "./text_automaton.ts";
import { ANY_TEXT, type TextGrammar, type TextLimits } from "./text_limits.ts";
import { TextTerms } from "./text_terms.ts";

/** RangeError, which says what and where, for what is no expression, cannot be one of a grammar, or leaves no text. */
export function textGrammar(limits: TextLimits, options: WriterOptions, terms: TextTerms): TextGrammar {
  const { regexes, patterns, minLength, maxLength } = limits;
  const [regex, ...others] = [...regexes, ...patterns];
  // One expression is written as it stands, without the states of an automaton.
  if (regex !== undefined && others.length === 0 && minLength === 0 && maxLength === Infinity) {
    const pattern = parseRegex(regex);
    const isWhole = regexes.length > 0 || isAnchored(pattern);
    if (isWhole && !looksAhead(pattern)) return regexGrammar(pattern, options);
  }
  return automatonGrammar(limits, options, terms);
}

/** A grammar of the texts that an expression matches. RangeError as of {@link textGrammar}. */
export function regexRules(regex: string): string {
  const limits = { ...ANY_TEXT, regexes: [regex] };
  const { expression, rules } = textGrammar(limits, { prefix: "root_", inString: false }, new TextTerms());
  return [`root ::= ${expression}`, ...rules].join("\n");
}
