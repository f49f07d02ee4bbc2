/** Formats and ranges of numbers as expressions, and what a library that many write schemas with makes of them. */
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { expect } from "@std/expect";
import fc from "fast-check";
import { z } from "zod";
import { parseConstraint } from "../../src/constraint/constraint.ts";
import { numbersBetween } from "../../src/constraint/number_ranges.ts";
import { STRING_FORMATS } from "../../src/constraint/string_formats.ts";
import { runs } from "../support/properties.ts";

for (const [format, regex] of STRING_FORMATS) {
  Deno.test(`what the expression of ${format} matches is one`, () => {
    const validate = addFormats.default(new Ajv2020.default({ strict: false })).compile({ format });
    const whole = new RegExp(`^(?:${regex})$`, "u");
    // How long a name, or what stands between two of its points, may be is not counted.
    const isShort = (text: string) =>
      text.length < 254 && text.split(/[.@]/).every(({ length }) => length < 64);
    const texts = fc.stringMatching(whole).filter(isShort);
    fc.assert(
      fc.property(texts, (text) => expect([text, validate(text)]).toEqual([text, true])),
      { numRuns: runs(300) },
    );
  });
}

const SAMPLES: readonly (readonly [format: string, texts: readonly string[], others: readonly string[]])[] = [
  ["date", ["2024-02-29", "2000-02-29", "2023-06-30"], [
    "2023-02-29",
    "1900-02-29",
    "2023-06-31",
    "2023-13-01",
  ]],
  ["time", ["23:59:59Z", "00:00:00.25+05:30"], ["24:00:00Z", "12:00:00", "12:60:00Z"]],
  ["date-time", ["2024-01-10T08:00:00Z"], ["2024-01-10 08:00:00Z", "2024-01-10"]],
  ["duration", ["P1Y2M3D", "PT5M", "P2W", "P1DT12H"], ["P", "P1YT", "P1Y2D", "PT", "P1W2D"]],
  ["email", ["a.b+c@d-e.fr"], ["..@a.b", "a@b", "a@-b.c"]],
  ["hostname", ["a", "a-b.c--d.e"], ["-a", "a-", "a..b", ""]],
  ["ipv4", ["10.0.255.1"], ["256.1.1.1", "1.1.1"]],
  ["ipv6", ["::", "::1", "1::", "1:2:3:4:5:6:7:8", "1::8", "::ffff:1.2.3.4", "1:2:3:4:5:6:7::"], [
    "1:2",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7:8:9",
  ]],
  ["uri", ["https://a.b/c?d=e#f", "mailto:a@b.c", "urn:x:y", "http://a:80"], ["a", "//a", "http:// a"]],
  ["uri-reference", ["", "a/b", "//a", "?q", "#f", "https://a.b"], ["a b", "%"]],
  ["uri-template", ["/a/{b}{?c,d*}", "{e:3}"], ["{", "{a", "{a b}"]],
  ["uuid", ["0123abcd-0123-0123-0123-0123456789AB"], ["0123abcd-0123-0123-0123-0123456789A"]],
  ["json-pointer", ["", "/a~1b/0"], ["a", "/~2"]],
  ["relative-json-pointer", ["0#", "1/a"], ["01", "#"]],
];
Deno.test("expressions of formats match what they are, and not what only looks like it", () => {
  expect(SAMPLES.map(([format]) => format)).toEqual([...STRING_FORMATS.keys()]);
  for (const [format, texts, others] of SAMPLES) {
    const whole = new RegExp(`^(?:${STRING_FORMATS.get(format)})$`, "u");
    expect([format, texts.filter((text) => !whole.test(text)), others.filter((text) => whole.test(text))])
      .toEqual([format, [], []]);
  }
});

const number = fc.oneof(
  fc.integer({ min: -2000, max: 2000 }),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -5, max: 5 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, 1, -1, 0.1, 0.5, 100, 1e21, Number.MAX_VALUE, Number.MIN_VALUE),
);
const digits = fc.tuple(fc.integer({ min: -20, max: 20 }), fc.stringMatching(/^[0-9]{1,20}$/))
  .map((parts) => parts.join("."));

Deno.test("numbersBetween() lets through what a double makes of it, and of short numbers all between the bounds", () => {
  fc.assert(
    fc.property(
      fc.tuple(number, number),
      fc.boolean(),
      fc.boolean(),
      fc.array(fc.oneof(number.map(String), digits), { minLength: 5, maxLength: 20 }),
      (ends, isOpenBelow, isOpenAbove, texts) => {
        const [low, high] = ends.toSorted((a, b) => a - b) as [number, number];
        const bounds = new Map([
          [isOpenBelow ? "exclusiveMinimum" : "minimum", `${low}`],
          [isOpenAbove ? "exclusiveMaximum" : "maximum", `${high}`],
        ]);
        const between = (value: number) =>
          (isOpenBelow ? value > low : value >= low) && (isOpenAbove ? value < high : value <= high);
        const all = rangeOf(bounds);
        for (const text of [...texts, low, high, (low + high) / 2, `${low}0`, `${high}0`].map(String)) {
          if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(text)) continue;
          const isIn = all !== null && all.every((regex) => new RegExp(`^(?:${regex})$`).test(text));
          if (isIn) expect([text, [...bounds], between(Number(text))]).toEqual([text, [...bounds], true]);
          // Bounds are rounded at the fortieth place.
          const isPlain = text.length < 18 && ![low, high].some((end) => end !== 0 && Math.abs(end) < 1e-20);
          if (isPlain && between(Number(text))) {
            expect([text, [...bounds], isIn]).toEqual([text, [...bounds], true]);
          }
        }
      },
    ),
    { numRuns: runs(1000) },
  );
});

/** Null where there is nothing between them. */
function rangeOf(bounds: ReadonlyMap<string, string>): readonly string[] | null {
  try {
    return numbersBetween(bounds);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return null;
  }
}

Deno.test("parseConstraint() takes what zod makes of strings and numbers", () => {
  const kinds = {
    ...{ email: z.email(), url: z.url(), uuid: z.uuid(), guid: z.guid(), nanoid: z.nanoid(), cuid: z.cuid() },
    ...{ cuid2: z.cuid2(), ulid: z.ulid(), xid: z.xid(), ksuid: z.ksuid(), ipv4: z.ipv4(), ipv6: z.ipv6() },
    ...{
      cidrv4: z.cidrv4(),
      cidrv6: z.cidrv6(),
      base64: z.base64(),
      base64url: z.base64url(),
      e164: z.e164(),
    },
    ...{ date: z.iso.date(), time: z.iso.time(), datetime: z.iso.datetime(), duration: z.iso.duration() },
    ...{ hex: z.hex(), begin: z.string().startsWith("a"), end: z.string().endsWith("z") },
    ...{
      lower: z.string().lowercase(),
      length: z.string().regex(/^[a-z]+$/).max(10),
      part: z.string().includes("b"),
    },
    ...{ several: z.string().regex(/^a/).regex(/b$/), one: z.string().length(1) },
    ...{
      int: z.int(),
      int32: z.int32(),
      float: z.float32(),
      double: z.float64(),
      least: z.number().nonnegative(),
    },
    ...{ more: z.number().positive(), range: z.number().min(0).max(1), count: z.int().positive() },
  };
  for (const [name, kind] of Object.entries(kinds)) {
    const jsonSchema = JSON.stringify(z.toJSONSchema(z.object({ [name]: kind })));
    expect({ name, parsed: parseConstraint("c", { jsonSchema }) }).toEqual({ name, parsed: { jsonSchema } });
  }
});
