/** Values survive the way through columns. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { fromJson, fromTime, toJson, toTime } from "../../src/store/codec.ts";

Deno.test("fromJson() returns what toJson() was given, 64-bit integers included", () => {
  const plain = fc.jsonValue();
  const value = fc.record({
    plain,
    seed: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    list: fc.array(plain),
  });
  fc.assert(fc.property(value, (given) => {
    const expected = { ...given, plain: JSON.parse(JSON.stringify(given.plain)) };
    expect(toJson(fromJson(toJson(given)))).toBe(toJson(expected));
    expect(fromJson<{ seed: bigint }>(toJson(given)).seed).toBe(given.seed);
  }));
});

Deno.test("toTime() sorts as text the way times sort", () => {
  const date = fc.date({ min: new Date(0), max: new Date("9999-12-31T23:59:59.999Z"), noInvalidDate: true });
  fc.assert(fc.property(date, date, (a, b) => {
    expect(Math.sign(Number(toTime(a) > toTime(b)) - Number(toTime(a) < toTime(b))))
      .toBe(Math.sign(a.getTime() - b.getTime()));
    expect(fromTime(toTime(a))).toEqual(a);
  }));
});
