/**
 * Regular expressions of tokenizer.json that disregard case. The library takes that to be about ASCII letters alone; to
 * Oniguruma (and to the Rust of tiktoken) U+017F, the long s, is an s, and U+212A, the sign for Kelvin, is a k.
 */

const PIECE = /\\(?:[pP]\{[^}]*\}|.)|\[(?:\\.|[^\]\\])*\]|\(\?<[A-Za-z_]\w*>|\(\?[a-z]*(?:-[a-z]+)?[:)]|./gsu;
const FLAGS = /^\(\?([a-z]*)(?:-([a-z]+))?([:)])$/;
const ALSO = [["s", "\u017f"], ["k", "\u212a"]] as const;

/** The same expression for an engine to which s and k in a part without case (`(?i:…)`) are ASCII letters alone. */
export function withFoldedLetters(source: string): string {
  if (!/\(\?[a-z]*i/.test(source)) return source;
  /** Of the groups around, the innermost last. */
  const folds = [false];
  return source.replace(PIECE, (piece) => {
    const now = folds.at(-1) ?? false;
    const [, on, off = "", end] = FLAGS.exec(piece) ?? [];
    if (on !== undefined) {
      if (end === ")") folds.pop(); // up to the end of the group that it stands in
      folds.push(on.includes("i") || (now && !off.includes("i")));
    } else if (piece.startsWith("(")) folds.push(now);
    else if (piece === ")") folds.pop();
    else if (now) return fold(piece);
    return piece;
  });
}

function fold(piece: string): string {
  const also = ALSO.filter(([letter]) => has(piece, letter)).map(([, sign]) => sign).join("");
  if (also === "") return piece;
  return piece.startsWith("[") ? piece.replace(/^\[\^?/, (start) => start + also) : `[${piece}${also}]`;
}

/** Whether a letter, or a class by a letter or a range of its own, is or has a letter in either case. */
function has(piece: string, letter: string): boolean {
  const cases = [letter, letter.toUpperCase()];
  if (!piece.startsWith("[")) return cases.includes(piece);
  const members = piece.replace(/\\./gsu, "");
  return cases.some((letter) =>
    members.includes(letter) ||
    [...members.matchAll(/(.)-(.)/gsu)].some(([, from, to]) => from! <= letter && letter <= to!)
  );
}
