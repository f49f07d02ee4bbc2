/** Token ids as a column holds them. */
import { expect } from "@std/expect";
import * as fc from "fast-check";
import { packTokenIds, unpackTokenIds } from "../../src/store/token_ids.ts";

Deno.test("packTokenIds() and unpackTokenIds() keep any list of ids", () => {
  const id = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  fc.assert(fc.property(fc.array(id), (ids) => expect(unpackTokenIds(packTokenIds(ids))).toEqual(ids)));
  expect(packTokenIds(new Array(8192).fill(15_000)).length).toBeLessThan(8192 * 2.7);
  expect(() => unpackTokenIds("gA==")).toThrow("in the middle");
});
