/** Which regular expressions may take too long, shown by those of real tokenizers and by some that do. */
import { expect } from "@std/expect";
import { triesAgain, triesTooMuch } from "../../src/tokenizer/expressions.ts";

/** Upper case, lower case. */
const [U, L] = [String.raw`[\p{Lu}\p{Lo}\p{M}]`, String.raw`[\p{Ll}\p{Lo}\p{M}]`];
const SPACES = String.raw`\s*[\r\n]+|\s+(?!\S)|\s+`;

const TAKEN: readonly string[] = [
  // of GPT-2, Llama 3, o200k and Mistral's tekken, DeepSeek, cl100k
  String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  String.raw`(?:'[sS]|'[lL][lL])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|${SPACES}`,
  String.raw`[^\r\n\p{L}\p{N}]?${U}*${L}+(?:'s|'t|'re|'ve)?|[^\r\n\p{L}\p{N}]?${U}+${L}*(?:'s|'t)?|${SPACES}`,
  String
    .raw`[!"(*+\-\]^_{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|${SPACES}`,
  String.raw`'(?:[sdmt]|ll|ve|re)|(?:\p{N}{1,3})+|\s+(?:(?=\n)|(?![^]))|\s*[\r\n]`,
  // thousands from the right; words of one script, as the library writes an intersection
  String.raw`\d{1,3}(?=(?:\d{3})*(?:\D|$))|(?=(\d{3})+(?!\d))`,
  String.raw`(?:(?=[^\p{Script=Han}])[\p{Lu}\p{M}])*(?:(?=[^\p{Script=Han}])[\p{Ll}\p{M}])+`,
  String.raw`(?<=(?:ba)*)c|(?<=a*(?<!b))`,
  String.raw`(?:a(?=b*))?c*d|a*(?:a*b)?|(?:(?=a*b)c)?a*`,
  String.raw`[(+)*]+|\((?:ab){3}\)+|[^c]*c|[^c]+|(?:\r?\n)+|(a{2,3}){0,1}(a{2,3})?|(a+)+`,
];
for (const source of TAKEN) {
  Deno.test(`triesTooMuch() is false of ${source}`, () => {
    new RegExp(source, "u");
    expect(triesTooMuch(source)).toBe(false);
  });
}

const REFUSED: readonly string[] = [
  ...["a*a*b", "a+a+a+", "a*(?:a*b)", "(?:a*a*b)?", "a*(?=a*b)", "a*(a*)?b", "a*.{0,200}b", "(?<=a*a*b)c"],
  ...["(?:(?!a*b).)*", String.raw`(a*)\1b`, "a*(?!a*)", "(?:a?(?=a*b)c)*"],
  // behind a repetition, an option in which something is to match
  ...["a*(?:(?=a*)[ab]?d)?c", "a*(?:(?!a*d)[ab]d)?c", String.raw`(a*)(?:\1d)?c`, String.raw`(a*)\1?b`],
  ...["(?:x(?:x*b)?)*", "(?:(?=a*(?:(?=a*)[ab]?d)?c)e)?f"],
  // from the end, where it looks behind
  ...["(?<=b(?<=a*)[ab]+)", "(?<=(?![ab]{2,})(?:[ab]+)?)", "(?<!(?:(?!a*)b|a)a*)", "(?<=ba*a*)"],
  ...["(a+)+b", "(?:(?:a|b)c){2,}", "((a{3})+b)*c", "(a?){30}", "(?=(a*)*b)", "(?:a|a)*b"],
  ...[`${"a?".repeat(8)}b`, "a{0,50}a{0,50}b", "(?:a|b)".repeat(8), String.raw`x(?<n>[)]\]\)*)+y`],
];
for (const source of REFUSED) {
  Deno.test(`triesTooMuch() is true of ${source}`, () => {
    new RegExp(source, "u");
    expect(triesTooMuch(source)).toBe(true);
  });
}

const ONCE: readonly string[] = [
  ...[
    "a+|b",
    "[ab]*",
    String.raw`\s?\p{L}+`,
    String.raw`\p{N}{1,3}`,
    "(?:ab)+|a+?",
    "(?<=a)b+",
    "a{1,16}",
    "[\\r\\n]",
  ],
];
const AGAIN: readonly string[] = [
  ...["a*b", "a+(?!b)", "a+$", "(?<=a*)b", "(?=a*)", "a{17}", "a{20,}", "(?:a{9}){9}", "(a)\\1", "a+\\b"],
  ...["(?:a+b?)+", "[a]".repeat(513)],
];
for (const [sources, expected] of [[ONCE, false], [AGAIN, true]] as const) {
  for (const source of sources) {
    Deno.test(`triesAgain() is ${expected} of ${source.slice(0, 40)}`, () => {
      new RegExp(source, "u");
      expect(triesAgain(source)).toBe(expected);
    });
  }
}
