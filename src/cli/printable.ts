/** Text of strangers (a provenance record, a template's complaint) on a screen: nothing in it may steer the terminal. */

/** Control characters, line ends and direction marks become U+FFFD, so that a line stays a line and says what it shows. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is replaced
  return text.replaceAll(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}
