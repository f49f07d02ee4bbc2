/**
 * The custom scalars. BigInt is always a decimal string on the way out: a JSON number would lose digits beyond
 * 2^53 in most clients, and a type that changes with its value is worse than either.
 */
import { GraphQLError, Kind, print, type ValueNode } from "graphql";
import { isDay } from "../src/app/day.ts";
import { toTime } from "../src/store/codec.ts";
import { builder } from "./builder.ts";

builder.scalarType("BigInt", {
  description:
    "A whole number of any size. Answers hold a decimal string; inputs may be a decimal string or a number up to 2^53 - 1.",
  serialize: (value) => BigInt(value).toString(),
  parseValue: parseBigInt,
  parseLiteral: (node) =>
    node.kind === Kind.INT || node.kind === Kind.STRING
      ? parseBigInt(node.value)
      : invalid("BigInt", "a whole number", node),
});

builder.scalarType("DateTime", {
  description: "A moment in UTC, ISO 8601 with milliseconds: 2024-01-31T09:30:00.000Z.",
  serialize: toTime,
  parseValue: parseDateTime,
  parseLiteral: (node) =>
    node.kind === Kind.STRING ? parseDateTime(node.value) : invalid("DateTime", "a string", node),
});

builder.scalarType("Sha256", {
  description: "A SHA-256 digest as 64 lower-case hexadecimal digits.",
  serialize: (value) => value,
  parseValue: parseSha256,
  parseLiteral: (node) =>
    node.kind === Kind.STRING ? parseSha256(node.value) : invalid("Sha256", "a string", node),
});

function parseBigInt(value: unknown): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  // 40 digits hold any 128-bit number; BigInt() of unbounded text takes quadratic time.
  if (typeof value === "string" && /^-?\d{1,40}$/.test(value)) return BigInt(value);
  return invalid("BigInt", "a whole number: decimal digits in a string, or a number up to 2^53 - 1", value);
}

function parseDateTime(value: unknown): Date {
  const pattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;
  const isTime = typeof value === "string" && pattern.test(value) && isDay(value.slice(0, 10));
  const date = isTime ? new Date(value) : null;
  if (date === null || Number.isNaN(date.getTime())) {
    return invalid("DateTime", "an ISO 8601 date and time with a zone", value);
  }
  return date;
}

function parseSha256(value: unknown): string {
  if (typeof value === "string" && /^[0-9a-f]{64}$/.test(value)) return value;
  return invalid("Sha256", "64 lower-case hexadecimal digits", value);
}

function invalid(scalar: string, expected: string, found: unknown): never {
  const shown = isNode(found) ? print(found) : String(JSON.stringify(found) ?? typeof found);
  throw new GraphQLError(`Cannot read ${scalar} from ${shown.slice(0, 80)}: expected ${expected}`);
}

function isNode(value: unknown): value is ValueNode {
  return typeof value === "object" && value !== null && "kind" in value;
}
