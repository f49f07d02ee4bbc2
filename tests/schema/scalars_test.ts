/** Scalars and global ids, at their edges. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { type GraphQLScalarType, isScalarType, parseValue } from "graphql";
import { decodeId, encodeId, parseId, requireId } from "../../schema/ids.ts";
import { buildSchema } from "../../schema/index.ts";
import { NotFoundError } from "../../src/errors.ts";

const schema = buildSchema();
function scalar(name: string): GraphQLScalarType {
  const type = schema.getType(name);
  if (!isScalarType(type)) throw new Error(`${name} is no scalar`);
  return type;
}

Deno.test("BigInt takes any whole number unharmed, in variables and in literals", () => {
  const type = scalar("BigInt");
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (value) => {
    expect(type.coerceOutputValue(value)).toBe(`${value}`);
    expect(type.coerceInputValue(`${value}`)).toBe(value);
    expect(type.parseLiteral(parseValue(`${value}`), {})).toBe(value);
    expect(type.parseLiteral(parseValue(`"${value}"`), {})).toBe(value);
  }));
  expect(type.coerceInputValue(Number.MAX_SAFE_INTEGER)).toBe(9007199254740991n);
});

Deno.test("scalars refuse what they cannot mean, and quote little of it", () => {
  const long = "9".repeat(100_000);
  for (
    const [name, bad] of [
      ["BigInt", ["", "1.5", "0x1", " 1", "1e3", long, 2 ** 53, 1.5, NaN, true, null, {}, []]],
      ["DateTime", [
        "",
        "2024",
        "2024-13-01T00:00:00Z",
        "2024-01-01T00:00:00",
        "2030-02-31T00:00:00Z",
        0,
        {},
      ]],
      ["Sha256", ["", "a".repeat(63), "A".repeat(64), "g".repeat(64), 1]],
    ] as const
  ) {
    for (const value of bad) {
      let message = "";
      try {
        scalar(name).coerceInputValue(value);
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message).toMatch(new RegExp(`^Cannot read ${name} from .*: expected`));
      expect(message.length).toBeLessThan(250);
    }
  }
  for (const literal of ["1.5", "true", "{}", "[1]", "A"]) {
    expect(() => scalar("BigInt").parseLiteral(parseValue(literal), {})).toThrow(/Cannot read BigInt/);
  }
});

Deno.test("DateTime is UTC on the way out", () => {
  const type = scalar("DateTime");
  const date = type.coerceInputValue("2024-01-31T11:30:00+02:00");
  expect(type.coerceOutputValue(date)).toBe("2024-01-31T09:30:00.000Z");
});

Deno.test("encodeId() and decodeId() are inverse, and nothing else decodes", () => {
  fc.assert(fc.property(fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }), (id) => {
    const encoded = encodeId("Model", id);
    fc.pre(encoded.length <= 256);
    expect(encoded).toMatch(/^[\w-]+$/);
    expect(decodeId(encoded)).toEqual({ typename: "Model", id });
    expect(parseId("Session", encoded)).toBeNull();
  }));
  fc.assert(fc.property(fc.string(), (text) => {
    const decoded = decodeId(text);
    if (decoded !== null) expect(decoded.typename).toMatch(/^[A-Z][A-Za-z]*$/);
  }));
  expect(() => requireId("Model", "nope")).toThrow(NotFoundError);
  expect(() => requireId("ModelJob", "nope")).toThrow('Cannot find model job "nope"');
});
