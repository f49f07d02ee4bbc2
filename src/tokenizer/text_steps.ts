/**
 * Normalizer and pre-tokenizer of an untrusted tokenizer.json. The library passes over what it does not know of them, and
 * runs any regular expression; so steps that it would take for others are refused by name or put into words that it
 * knows, and no expression may take exponential time.
 */
import { FormatError } from "../errors.ts";
import { isJsonObject, type JsonObject, quote } from "../formats/json.ts";

export type Fail = (field: string, found: unknown, expected: string) => FormatError;

/** Far more than any tokenizer has. */
const MAX_STEPS = 64;
/** Times that replacements may make a text longer, one after the other. */
const MAX_GROWTH = 64;

/** What the library is to be given for a `normalizer` or `pre_tokenizer`; null for none. */
export function checkTextSteps(step: unknown, field: string, fail: Fail): JsonObject | null {
  if (step === undefined || step === null) return null;
  return new StepCheck(fail).step(step, field);
}

class StepCheck {
  readonly #fail: Fail;
  #steps = 0;
  #growth = 1;

  constructor(fail: Fail) {
    this.#fail = fail;
  }

  step(step: unknown, field: string): JsonObject {
    if (!isJsonObject(step)) throw this.#fail(field, step, "an object");
    if (++this.#steps > MAX_STEPS) throw this.#fail(field, step, `at most ${MAX_STEPS} steps`);
    switch (step.type) {
      case "Sequence":
        return this.#sequence(step, field);
      case "Replace":
        return this.#replace(step, field);
      case "Split":
        return this.#split(step, field);
      case "Metaspace":
        return this.#metaspace(step, field);
      case "FixedLength":
        if (Number.isSafeInteger(step.length) && Number(step.length) > 0) return step;
        throw this.#fail(`${field}.length`, step.length, "an integer of at least 1");
      default:
        return step;
    }
  }

  #sequence(step: JsonObject, field: string): JsonObject {
    const inner = step.normalizers === undefined ? "pretokenizers" : "normalizers";
    const steps = step[inner];
    if (!Array.isArray(steps)) throw this.#fail(`${field}.${inner}`, steps, "a list of steps");
    return { ...step, [inner]: steps.map((each, i) => this.step(each, `${field}.${inner}[${i}]`)) };
  }

  #replace(step: JsonObject, field: string): JsonObject {
    const { length } = this.#pattern(step.pattern, `${field}.pattern`);
    const { content } = step;
    if (typeof content !== "string") throw this.#fail(`${field}.content`, content, "a string");
    // An expression may find a place between any two characters.
    this.#growth *= Math.max(1, length === null ? content.length + 1 : content.length / length);
    if (this.#growth <= MAX_GROWTH) return step;
    throw this.#fail(
      `${field}.content`,
      content,
      `replacements that make a text ${MAX_GROWTH} times as long at most`,
    );
  }

  #split(step: JsonObject, field: string): JsonObject {
    const { text } = this.#pattern(step.pattern, `${field}.pattern`);
    const { behavior, invert = false } = step;
    if (typeof invert !== "boolean") throw this.#fail(`${field}.invert`, invert, "true or false");
    if (behavior === "Removed" || (behavior === "Isolated" && !invert)) return { ...step, invert };
    if (behavior === "MergedWithPrevious" && !invert && text !== null && [...text].length === 1) {
      const code = `\\u{${text.codePointAt(0)!.toString(16)}}`;
      return { ...step, invert, behavior: "Isolated", pattern: { Regex: `[^${code}]*${code}|[^${code}]+` } };
    }
    const expected = "Removed, Isolated, or MergedWithPrevious of one character; inverted, Removed";
    throw this.#fail(`${field}.behavior`, behavior, expected);
  }

  /** Older files say `add_prefix_space`, which the library does not look at; it would look at `str_rep`. */
  #metaspace({ str_rep: _, ...step }: JsonObject, field: string): JsonObject {
    const { replacement, add_prefix_space: prefixed } = step;
    if (typeof replacement !== "string" || replacement === "") {
      throw this.#fail(`${field}.replacement`, replacement, "a character");
    }
    return { ...step, prepend_scheme: step.prepend_scheme ?? (prefixed === false ? "never" : "always") };
  }

  /** Its text and length; null for an expression. */
  #pattern(
    pattern: unknown,
    field: string,
  ): { readonly text: string | null; readonly length: number | null } {
    const { Regex: source, String: text } = isJsonObject(pattern) ? pattern : {};
    if (typeof source === "string" && source !== "") return { text: null, length: null };
    if (source === undefined && typeof text === "string" && text !== "") return { text, length: text.length };
    throw this.#fail(field, pattern, "an object with Regex or String");
  }
}

/** Throws FormatError where a regular expression within a part of the library may take exponential time. */
export function checkExpressions(part: unknown, file: string, seen = new Set<unknown>()): void {
  if ((typeof part !== "object" && typeof part !== "function") || part === null || seen.has(part)) return;
  seen.add(part);
  if (part instanceof RegExp && repeatsChoice(part.source)) {
    throw new FormatError(
      `Cannot use "${file}": the pattern ${
        quote(part.source)
      } repeats a group that can match in several ways, ` +
        `expected one that cannot take exponential time`,
      { file, pattern: part.source.slice(0, 200) },
    );
  }
  for (const inner of Object.values(part)) checkExpressions(inner, file, seen);
}

/** An expression with the flag `u`, piece by piece. */
const PIECE =
  /\\[pPu]\{[^}]*\}|\\.|\[(?:\\.|[^\]\\])*\]|\((?:\?(?:<?[=!]|<[^>]*>|[a-z-]*:))?|[)|]|[*+?]\??|\{\d+(?:,\d*)?\}\??|./gsu;

/**
 * Whether a group is repeated that holds a choice: alternatives, or repetitions of its own. Without that, what an
 * expression can try is bounded by a power of the text's length.
 */
export function repeatsChoice(source: string): boolean {
  const open = [false]; // for each group that is open, whether it holds a choice
  let closed = false; // the same of the group that has just been closed
  for (const [piece] of source.matchAll(PIECE)) {
    const most = mostRepeats(piece);
    if (most !== null) {
      if (closed && most > 1) return true;
      if (!/^\{\d+\}/.test(piece)) open[open.length - 1] = true;
    } else if (piece === "|") open[open.length - 1] = true;
    else if (piece.startsWith("(")) open.push(false);
    closed = piece === ")" && open.length > 1 && open.pop()!;
    if (closed) open[open.length - 1] = true;
  }
  return false;
}

/** null for a piece that is no quantifier. */
function mostRepeats(piece: string): number | null {
  if (/^[*+]/.test(piece)) return Infinity;
  if (piece.startsWith("?")) return 1;
  const bounds = /^\{(\d+)(,?)(\d*)\}/.exec(piece);
  if (bounds === null) return null;
  return bounds[2] === "" ? Number(bounds[1]) : bounds[3] === "" ? Infinity : Number(bounds[3]);
}
