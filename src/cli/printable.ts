/**
 * Text of strangers (a provenance record, a template's complaint, a model's answer) on a screen: nothing in it may steer the
 * terminal.
 */

/** Control characters, line ends and direction marks become U+FFFD, so that a line stays a line and says what it shows. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is replaced
  return text.replaceAll(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}

/** The same for text that has lines, tabs and directions of its own. */
export function printableText(text: string): string {
  // deno-lint-ignore no-control-regex -- as above
  return text.replaceAll(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, "\ufffd");
}
