/**
 * Normalizer and pre-tokenizer of an untrusted tokenizer.json. The library passes over what it does not know of them, and
 * takes JavaScript's white space, digits and words for Unicode's; so steps that it would take for others are refused by
 * name or put into words that it knows, by which they do what they do in the Rust `tokenizers`.
 */
import type { FormatError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../formats/json.ts";
import { withFoldedLetters } from "./case_folding.ts";

export type Fail = (field: string, found: unknown, expected: string) => FormatError;

/** Far more than any tokenizer has. */
const MAX_STEPS = 64;
/** Each makes what is not ASCII twice as long; one is what tokenizers have. */
const MAX_BYTE_LEVELS = 2;
/** Times that replacements may make a text longer, one after the other. */
const MAX_GROWTH = 64;

const BYTE_LEVEL = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
const PUNCTUATION = String.raw`[\p{P}!-/:-@\[-\x60{-~]`;
const WORD = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}`;

/** What the library is to be given for a `normalizer` or `pre_tokenizer` (the `field`); null for none. */
export function checkTextSteps(
  step: unknown,
  field: "normalizer" | "pre_tokenizer",
  fail: Fail,
): JsonObject | null {
  if (step === undefined || step === null) return null;
  return new StepCheck(field === "normalizer", fail).step(step, field);
}

class StepCheck {
  readonly #normalizes: boolean;
  readonly #fail: Fail;
  #steps = 0;
  #growth = 1;
  #byteLevels = 0;

  constructor(normalizes: boolean, fail: Fail) {
    this.#normalizes = normalizes;
    this.#fail = fail;
  }

  step(given: unknown, field: string): JsonObject {
    if (!isJsonObject(given)) throw this.#fail(field, given, "an object");
    if (++this.#steps > MAX_STEPS) throw this.#fail(field, given, `at most ${MAX_STEPS} steps`);
    if (given.type === "Sequence") return this.#sequence(given, field);
    const step = folding(given);
    if (step.type === "Replace") return this.#replace(step, field);
    if (!this.#normalizes) return this.#preTokenizer(step, field);
    return this.#normalizer(step, field);
  }

  #normalizer(step: JsonObject, field: string): JsonObject {
    switch (step.type) {
      case "Strip":
        return strip(step);
      case "Lowercase": // JavaScript has a sigma of its own for the end of a word
        return { type: "Sequence", normalizers: [replace("Σ", "σ"), step] };
      case "Prepend":
        return this.#prepend(step, field);
      default:
        return step;
    }
  }

  /** Nothing to an empty text, which the library would make longer. */
  #prepend({ prepend }: JsonObject, field: string): JsonObject {
    if (typeof prepend !== "string" || prepend.length > MAX_GROWTH) {
      throw this.#fail(`${field}.prepend`, prepend, `a string of at most ${MAX_GROWTH} characters`);
    }
    return replace(String.raw`\A[\s\S]`, `${literal(prepend)}$&`);
  }

  #preTokenizer(step: JsonObject, field: string): JsonObject {
    switch (step.type) {
      case "Split":
        return this.#split(step, field);
      case "Metaspace":
        return this.#metaspace(step, field);
      case "ByteLevel":
        if (++this.#byteLevels <= MAX_BYTE_LEVELS) return byteLevel(step);
        throw this.#fail(field, step, `at most ${MAX_BYTE_LEVELS} steps of this type`);
      case "Digits":
        return isolate(step.individual_digits === true ? String.raw`\p{N}` : String.raw`\p{N}+`);
      case "Punctuation":
        return this.#punctuation(step, field);
      case "Whitespace":
        return { ...remove(String.raw`[${WORD}]+|[^${WORD}\s]+`), invert: true };
      case "WhitespaceSplit":
        return remove(String.raw`\s+`);
      case "BertPreTokenizer":
        return inTurn(remove(String.raw`\s+`), isolate(PUNCTUATION));
      case "FixedLength":
        if (Number.isSafeInteger(step.length) && Number(step.length) > 0) {
          return isolate(String.raw`[\s\S]{1,${step.length}}`); // the library would cut a character in two
        }
        throw this.#fail(`${field}.length`, step.length, "an integer of at least 1");
      default:
        return step;
    }
  }

  #sequence(step: JsonObject, field: string): JsonObject {
    const inner = this.#normalizes ? "normalizers" : "pretokenizers";
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
    if (this.#growth <= MAX_GROWTH) return { ...step, content: literal(content) };
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
    if (behavior === "Removed") {
      if (text !== null) return { ...remove(Array.from(text, escaped).join("")), invert };
      if (invert || !captures(step.pattern)) return { ...step, invert };
      throw this.#fail(
        `${field}.pattern`,
        step.pattern,
        "no capturing group, for the library would keep its text",
      );
    }
    if (behavior === "Isolated") return { ...step, pattern: keeping(step.pattern), invert: false }; // what lies between is a piece of its own in any case
    if (!invert && text !== null && [...text].length === 1) {
      const code = escaped(text);
      if (behavior === "MergedWithPrevious") return isolate(`[^${code}]*${code}|[^${code}]+`);
      if (behavior === "MergedWithNext") return isolate(`${code}?[^${code}]+|${code}`);
      if (behavior === "Contiguous") return isolate(`${code}+`);
    }
    const expected =
      "Removed, Isolated, or for one character MergedWithPrevious, MergedWithNext or Contiguous";
    throw this.#fail(`${field}.behavior`, behavior, expected);
  }

  #punctuation(step: JsonObject, field: string): JsonObject {
    const { behavior = "Isolated" } = step;
    if (behavior === "Isolated") return isolate(PUNCTUATION);
    if (behavior === "Contiguous") return isolate(`${PUNCTUATION}+`);
    if (behavior === "Removed") return remove(PUNCTUATION);
    throw this.#fail(`${field}.behavior`, behavior, "Isolated, Contiguous or Removed");
  }

  /** Older files say `add_prefix_space`, which the library does not look at; it would look at `str_rep`. */
  #metaspace({ str_rep: _, ...step }: JsonObject, field: string): JsonObject {
    const { replacement, add_prefix_space: prefixed } = step;
    if (typeof replacement !== "string" || [...replacement].length !== 1) {
      throw this.#fail(`${field}.replacement`, replacement, "a character");
    }
    const marked = {
      ...step,
      prepend_scheme: step.prepend_scheme ?? (prefixed === false ? "never" : "always"),
    };
    if (step.split === false) return marked;
    const mark = escaped(replacement);
    return inTurn(marked, isolate(`${mark}?[^${mark}]+|${mark}`)); // the library never splits
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

function folding(step: JsonObject): JsonObject {
  const { pattern } = step;
  if (!isJsonObject(pattern) || typeof pattern.Regex !== "string") return step;
  return { ...step, pattern: { ...pattern, Regex: withFoldedLetters(pattern.Regex) } };
}

/** The library knows white space as JavaScript does in its own expression, and as Unicode does in those of files. */
function byteLevel(step: JsonObject): JsonObject {
  const { add_prefix_space: prefixed, use_regex: split } = step;
  return inTurn(
    ...(prefixed === true ? [replace(String.raw`\A[^ ]`, " $&")] : []),
    ...(split === false ? [] : [isolate(BYTE_LEVEL)]),
    { ...step, add_prefix_space: false, use_regex: false },
  );
}

function strip({ strip_left: left, strip_right: right }: JsonObject): JsonObject {
  const [start, end] = [String.raw`\A\s+`, String.raw`(?<!\s)\s+\z`];
  const sides = [...(left === true ? [start] : []), ...(right === true ? [end] : [])];
  const normalizers = sides.map((side) => replace(side, ""));
  return { type: "Sequence", normalizers };
}

function replace(Regex: string, content: string): JsonObject {
  return { type: "Replace", pattern: { Regex }, content };
}

/** Of a replacement, which refers to nothing then. */
function literal(content: string): string {
  return content.replaceAll("$", "$$$$");
}

/**
 * The library takes `\s++$`, with which expressions of tiktoken end, for `\s+$`, which gives back what it took until the
 * end of a line comes.
 */
function keeping(pattern: unknown): unknown {
  if (!isJsonObject(pattern) || typeof pattern.Regex !== "string") return pattern;
  return { Regex: pattern.Regex.replaceAll(/(?<!\\)\\s\+\+\$(?=\||$)/g, () => String.raw`\s+(?!\s)$`) };
}

/** Whether an expression may have a capturing group: one that only looks so, in a class within a class, counts. */
function captures(pattern: unknown): boolean {
  const source = isJsonObject(pattern) ? String(pattern.Regex) : "";
  return /\((?!\?)|\(\?<[^=!]/.test(source.replace(/\\.|\[(?:\\.|[^\]\\])*\]/gsu, ""));
}

function inTurn(...pretokenizers: readonly JsonObject[]): JsonObject {
  return { type: "Sequence", pretokenizers };
}

function isolate(Regex: string): JsonObject {
  return { type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false };
}

function remove(Regex: string): JsonObject {
  return { type: "Split", pattern: { Regex }, behavior: "Removed", invert: false };
}

/** One character as an expression writes it. */
function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
