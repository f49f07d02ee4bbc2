/**
 * Normalizers that keep every character in its place: those of SentencePiece's conversions, which put a mark before a text
 * and write it for a space. What they leave can be told character by character from what they were given.
 */
import { isJsonObject } from "../formats/json.ts";

export interface CharacterSteps {
  /** What a text that is not empty has before it. */
  readonly prefix: string;
  /** Writes some characters (UTF-16 units) as others. */
  readonly exchange: (text: string) => string;
}

const NOTHING: CharacterSteps = { prefix: "", exchange: (text) => text };

/** Null for a normalizer that may do anything else. */
export function characterSteps(step: unknown): CharacterSteps | null {
  if (step === undefined || step === null) return NOTHING;
  if (!isJsonObject(step)) return null;
  const { type, prepend, content } = step;
  if (type === "Prepend" && typeof prepend === "string") return { ...NOTHING, prefix: prepend };
  const exchanged = isJsonObject(step.pattern) ? step.pattern.String : undefined;
  if (type === "Replace" && isUnit(exchanged) && isUnit(content)) {
    return { ...NOTHING, exchange: (text) => text.replaceAll(exchanged, () => content) };
  }
  if (type !== "Sequence" || !Array.isArray(step.normalizers)) return null;
  return step.normalizers.map(characterSteps).reduce(
    (first, second) =>
      first === null || second === null ? null : {
        prefix: second.prefix + second.exchange(first.prefix),
        exchange: (text) => second.exchange(first.exchange(text)),
      },
    NOTHING,
  );
}

function isUnit(text: unknown): text is string {
  return typeof text === "string" && text.length === 1;
}
