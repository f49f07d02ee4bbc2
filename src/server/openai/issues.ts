/** What is wrong with a field, in words for whoever wrote the request: what was found there, and what belongs there. */
import type { z } from "zod";

/** By field, with the places in lists left out; what the checks would only call invalid, or say in their own terms. */
const EXPECTED: Readonly<Record<string, string>> = {
  model: "the name of a model",
  n: "1: one answer a request",
  best_of: "1: one answer a request",
  echo: "false: the prompt is not repeated",
  suffix: "none: nothing is fitted in before a text",
  messages: "a list of at least one message",
  "messages[]": "an object with role and content",
  "messages[].content": 'a text, or a list of parts as in {"type": "text", "text": "…"}',
  prompt: "a text or a list of token ids, or a list with one of them",
  stop: "a text or a list of texts",
  logit_bias: "an object of numbers by token id",
  "response_format.type": '"text", "json_object" or "json_schema"',
};
const TYPES: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};
const MAX_SHOWN = 40;
/** Names inside of an object are the client's. */
const MAX_PARAM = 100;

/** `issue` of the request `body`. */
export function describeIssue(
  issue: z.core.$ZodIssue,
  body: unknown,
): { readonly param: string; readonly message: string } {
  const isKey = issue.code === "invalid_key";
  const path = isKey ? issue.path.slice(0, -1) : issue.path;
  const name = nameOf(path, (index) => `[${index}]`);
  const expected = EXPECTED[nameOf(path, () => "[]")] ?? expectedBy(issue);
  const found = isKey ? `has the key ${shown(issue.path.at(-1))}` : `is ${shown(valueAt(body, path))}`;
  const param = nameOf(issue.path, (index) => `[${index}]`).slice(0, MAX_PARAM);
  return { param, message: `${name} ${found}, expected ${expected}` };
}

function nameOf(path: readonly PropertyKey[], place: (index: number) => string): string {
  return path.map((part, index) =>
    typeof part === "number" ? place(part) : index === 0 ? String(part) : `.${String(part)}`
  ).join("");
}

function expectedBy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return TYPES[issue.expected] ?? issue.expected;
    case "invalid_value":
      return issue.values.map((value) => shown(value)).join(" or ");
    case "too_big":
      return `at most ${issue.maximum}`;
    case "too_small":
      return `at least ${issue.minimum}`;
    default:
      return "another value";
  }
}

function valueAt(body: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) => typeof value === "object" && value !== null ? Reflect.get(value, part) : undefined,
    body,
  );
}

function shown(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === "") return "empty";
  if (typeof value === "string") {
    return value.length <= MAX_SHOWN ? JSON.stringify(value) : `a text of ${value.length} characters`;
  }
  if (Array.isArray(value)) return value.length === 0 ? "empty" : `a list of ${value.length}`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
