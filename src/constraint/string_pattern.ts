/**
 * Whether a `pattern` of JSON Schema can be put between quotation marks as it stands. The grammar takes it for the text
 * of the string as written, where a quotation mark would end it and a backslash or a control character would spoil it:
 * so what can match one of these is found here. Errs to the safe side: `.` and `[^x]` match them, too.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * True where a class of characters begins with an escaped caret: the library writes it without its escape, and reads that
 * as all characters but those.
 */
export function hasCaretFirst(pattern: string): boolean {
  let inClass = false;
  let isFirst = false;
  for (const [part] of pattern.matchAll(/\\(?:x[\da-f]{2}|u[\da-f]{4}|u\{[\da-f]+\}|.)|./gisu)) {
    if (isFirst && /^\\(?:\^|x5e|u005e|u\{0*5e\})$/i.test(part)) return true;
    isFirst = part === "[" && !inClass;
    if (isFirst || part === "]") inClass = isFirst;
  }
  return false;
}

/** True where no match of the expression holds a quotation mark, a backslash or a control character. */
export function isSafeInString(pattern: string): boolean {
  const characters = Array.from(pattern);
  let inClass = false;
  /** Code point before a possible range, within a class. */
  let low = -1;
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!;
    let code = character.codePointAt(0)!;
    if (character === "\\") {
      const escaped = characters[++at];
      if (escaped === undefined || !/[dwbB.+*?^$|(){}[\]/-]/.test(escaped)) return false;
      // A class of its own has no place in a range.
      code = escaped.codePointAt(0)!;
      if (/[dw]/.test(escaped)) low = -1;
      else if (inClass) low = code;
      continue;
    }
    if (code === QUOTE || code < 0x20) return false;
    if (!inClass) {
      if (character === ".") return false;
      if (character === "[") {
        if (characters[at + 1] === "^") return false;
        inClass = true;
        low = -1;
      }
      continue;
    }
    if (character === "]") {
      inClass = false;
      continue;
    }
    const isRange = character === "-" && low >= 0 && characters[at + 1] !== "]" && at + 1 < characters.length;
    if (!isRange) {
      low = code;
      continue;
    }
    let high = characters[++at]!;
    if (high === "\\") high = characters[++at] ?? "";
    const end = high.codePointAt(0) ?? Infinity;
    if ([QUOTE, BACKSLASH].some((bad) => low <= bad && bad <= end)) return false;
    low = -1;
  }
  return !inClass;
}
