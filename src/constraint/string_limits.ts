/** What the keywords of a schema ask of a string. */
import { isJsonObject, type JsonObject } from "../formats/json.ts";
import { STRING_FORMATS } from "./string_formats.ts";
import type { TextLimits } from "./text_limits.ts";

/** By the values of its keywords. Null where any string will do. RangeError where none will. */
export function limitsOf(read: (keyword: string) => unknown): TextLimits | null {
  const parts = [read, ...partsOf(read("allOf")).map((part) => (keyword: string) => part[keyword])];
  const texts = (keyword: string) =>
    [...new Set(parts.map((part) => part(keyword)))].filter((value) => typeof value === "string");
  const lengths = (keyword: string) =>
    parts.map((part) => part(keyword)).filter((value) => typeof value === "number");
  const limits = {
    regexes: texts("format").flatMap((name) => STRING_FORMATS.get(name) ?? []),
    patterns: texts("pattern"),
    minLength: Math.max(0, ...lengths("minLength")),
    maxLength: Math.min(Infinity, ...lengths("maxLength")),
  };
  if (limits.minLength > limits.maxLength) {
    const { minLength, maxLength } = limits;
    throw new RangeError(`There is no text of at least ${minLength} and at most ${maxLength} characters`);
  }
  const isAny = limits.regexes.length + limits.patterns.length + limits.minLength === 0;
  return isAny && limits.maxLength === Infinity ? null : limits;
}

function partsOf(allOf: unknown): readonly JsonObject[] {
  return Array.isArray(allOf) ? allOf.filter(isJsonObject) : [];
}
