/**
 * Regular expressions of strangers, which cannot be interrupted once they run: taken where what they try at one place of
 * a text is bounded by a multiple of its length, where one like `a*a*a*b` tries its third power, and one like `(a+)+b`
 * exponentially much. So that a whole text does not take its length squared, a meter runs along from place to place.
 */
import { FormatError } from "../errors.ts";
import { quote } from "../formats/json.ts";
import { type Meter, MeteredExpression } from "./metered_expression.ts";

/** Throws FormatError where a regular expression within a part of the library may try too much; sets a meter on the others. */
export function guardExpressions(part: unknown, file: string, meter: Meter, seen = new Set<unknown>()): void {
  if ((typeof part !== "object" && typeof part !== "function") || part === null || seen.has(part)) return;
  seen.add(part);
  for (const [key, inner] of Object.entries(part)) {
    if (!(inner instanceof RegExp)) guardExpressions(inner, file, meter, seen);
    else if (!triesTooMuch(inner.source)) {
      if (triesAgain(inner.source)) Object.assign(part, { [key]: new MeteredExpression(inner, meter) });
    } else {
      throw new FormatError(
        `Cannot use "${file}": the pattern ${
          quote(inner.source)
        } may take too long on a long text, expected one ` +
          "that needs nothing to match behind two repetitions, or behind a repeated group with a choice in it",
        { file, pattern: inner.source.slice(0, 200) },
      );
    }
  }
}

/** Ways through an expression, apart from repetitions; those of real tokenizers have some fifty. */
const MAX_WAYS = 200;
/** A repetition of up to so many counts as so many ways, of more as endless. */
const MANY = 16;
/** Pieces that may all be tried at every place; real expressions have some hundred. */
const FAR = 512;

/** Whether an expression with the flag `u` may try more at one place of a text than a multiple of its length. */
export function triesTooMuch(source: string): boolean {
  return new Walk(source).triesTooMuch();
}

/**
 * Whether what it tries at one place of a text may be tried at the next places again: something wants to match behind a
 * repetition without end. Where nothing does, what is repeated is part of what is found, and a whole text takes a multiple
 * of its length.
 */
export function triesAgain(source: string): boolean {
  return new Walk(source).triesAgain();
}

/** An expression with the flag `u`, piece by piece. */
const PIECE =
  /\\[pPu]\{[^}]*\}|\\k<[^>]*>|\\.|\[(?:\\.|[^\]\\])*\]|\((?:\?(?:<?[=!]|<[^>]*>|[a-z-]*:))?|[)|]|[*+?]\??|\{\d+(?:,\d*)?\}\??|./gsu;

/** What has been tried of a group, or of a part of it. */
interface Tried {
  /** Repetitions without end, each of which can give back what it took where something behind it does not match. */
  readonly endless: number;
  readonly ways: number;
  /** The most repetitions without end before something that must match. */
  readonly behind: number;
  /** The same, once all its ways are tried: also before what only an option wants to match. */
  readonly whole: number;
}

const NOTHING: Tried = { endless: 0, ways: 1, behind: 0, whole: 0 };
/** To what a group has matched, which may be long. */
const REFERENCE = /^\\(?:[1-9]|k<)/;
const COMPARED: Tried = { ...NOTHING, behind: 1, whole: 1 };

/** What is matched as one, as often as its quantifier says. */
interface Atom {
  readonly inner: Tried;
  readonly least: number;
  readonly most: number;
  /** Which is never gone back into. */
  readonly isAssertion: boolean;
}

class Walk {
  readonly #pieces: readonly string[];
  #at = 0;
  #tooMuch = false;
  /** Something must match so many times over that a place is given up long after it was begun. */
  #countsFar = false;

  constructor(source: string) {
    this.#pieces = Array.from(source.matchAll(PIECE), ([piece]) => piece);
  }

  triesTooMuch(): boolean {
    this.#group(false);
    return this.#tooMuch;
  }

  triesAgain(): boolean {
    const { behind, whole } = this.#group(false);
    return this.#tooMuch || this.#countsFar || this.#pieces.length > FAR || behind > 0 || whole > 0;
  }

  /** Up to the end of a group, or of all. What looks behind is matched from its end. */
  #group(isBackward: boolean): Tried {
    let all: Tried = { ...NOTHING, ways: 0 };
    let atoms: Atom[] = [];
    for (;;) {
      const piece = this.#pieces[this.#at++];
      if (piece !== undefined && piece !== ")" && piece !== "|") {
        atoms.push(this.#atom(piece, isBackward));
        continue;
      }
      if (isBackward) atoms.reverse();
      const now = atoms.reduce((now, atom) => this.#then(now, atom), NOTHING);
      all = {
        endless: Math.max(all.endless, now.endless),
        ways: all.ways + now.ways,
        behind: Math.max(all.behind, now.behind),
        whole: Math.max(all.whole, now.whole),
      };
      if (all.ways > MAX_WAYS || all.behind > 1) this.#tooMuch = true;
      if (piece !== "|") return all;
      atoms = [];
    }
  }

  #atom(piece: string, isBackward: boolean): Atom {
    const isAssertion = /^\(\?<?[=!]/.test(piece);
    const inner = piece.startsWith("(")
      ? this.#group(isAssertion ? piece.startsWith("(?<") : isBackward)
      : REFERENCE.test(piece)
      ? COMPARED
      : NOTHING;
    const repeats = this.#repeats();
    if (repeats.least > (piece.startsWith("(") ? 1 : MANY)) this.#countsFar = true;
    return { inner, isAssertion, ...repeats };
  }

  #then({ endless, ways, behind, whole }: Tried, { inner, least, most, isAssertion }: Atom): Tried {
    whole = Math.max(whole, endless + Math.max(inner.whole, isAssertion ? inner.endless : 0));
    // Where it does not match, what is before it is gone back into, with what that has of options.
    behind = Math.max(behind, least > 0 ? whole : inner.behind);
    if (isAssertion) return { endless, ways, behind, whole };
    const isEndless = most > MANY && most > least;
    const repeatsChoice = most > 1 && (inner.endless > 0 || inner.ways > 1);
    if ((repeatsChoice && least > 1) || (most > 1 && inner.behind > 0)) this.#tooMuch = true;
    return {
      // Going back into a choice that was repeated takes exponential time.
      endless: endless + inner.endless + (repeatsChoice ? 2 : isEndless ? 1 : 0),
      ways: ways * (inner.ways + (least === 0 && !isEndless ? most : isEndless ? 0 : most - least)),
      behind,
      whole,
    };
  }

  /** Of the piece before, by the quantifier that comes next. */
  #repeats(): { readonly least: number; readonly most: number } {
    const piece = this.#pieces[this.#at] ?? "";
    const [, least, comma, most] = /^\{(\d+)(,?)(\d*)\}/.exec(piece) ?? [];
    if (least === undefined && !/^[*+?]/.test(piece)) return { least: 1, most: 1 };
    this.#at++;
    if (least !== undefined) {
      return { least: Number(least), most: Number(comma === "" ? least : most === "" ? Infinity : most) };
    }
    return { least: piece[0] === "+" ? 1 : 0, most: piece[0] === "?" ? 1 : Infinity };
  }
}
