/** What the keywords of a schema ask of a string. */
import { isJsonObject, type JsonObject } from "../formats/json.ts";
import { isWithoutAnchors, parseRegex } from "./regex_syntax.ts";
import { STRING_FORMATS } from "./string_formats.ts";
import type { TextLimits } from "./text_limits.ts";

/** By the values of its keywords. Null where any string will do. RangeError where none will. */
export function limitsOf(read: (keyword: string) => unknown): TextLimits | null {
  const parts = [read, ...partsOf(read("allOf")).map((part) => (keyword: string) => part[keyword])];
  const texts = (keyword: string) =>
    [...new Set(parts.map((part) => part(keyword)))].filter((value) => typeof value === "string");
  const lengths = (keyword: string) =>
    parts.map((part) => part(keyword)).filter((value) => typeof value === "number");
  const patterns = texts("pattern");
  const minLength = Math.max(0, ...lengths("minLength"));
  const maxLength = Math.min(Infinity, ...lengths("maxLength"));
  const isAlone = patterns.length === 1 && texts("format").length === 0 && minLength === 0 &&
    maxLength === Infinity;
  const limits = isAlone ? patternAlone(patterns[0]!) : { regexes: [], patterns };
  const formats = texts("format").flatMap((name) => STRING_FORMATS.get(name) ?? []);
  if (minLength > maxLength) {
    throw new RangeError(`There is no text of at least ${minLength} and at most ${maxLength} characters`);
  }
  const isAny = formats.length + patterns.length + minLength === 0 && maxLength === Infinity;
  return isAny ? null : { ...limits, regexes: [...limits.regexes, ...formats], minLength, maxLength };
}

/** Without anchors it stands for the whole, as long as nothing else is asked of the text. */
export function patternAlone(pattern: string): Pick<TextLimits, "regexes" | "patterns"> {
  return isWithoutAnchors(parseRegex(pattern))
    ? { regexes: [pattern], patterns: [] }
    : { regexes: [], patterns: [pattern] };
}

function partsOf(allOf: unknown): readonly JsonObject[] {
  return Array.isArray(allOf) ? allOf.filter(isJsonObject) : [];
}
