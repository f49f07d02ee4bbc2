/** Identifiers sort as they are made. */
import { expect } from "@std/expect";
import { uuidV7 } from "../../src/app/ids.ts";
import { ManualClock } from "../support/gateway.ts";

Deno.test("uuidV7() makes valid, strictly increasing ids, also when the clock stands or runs backwards", () => {
  const clock = new ManualClock();
  const ids = uuidV7(clock);
  const made = Array.from({ length: 10_000 }, () => ids()); // more than the counter holds in a millisecond
  clock.advance(-60_000);
  made.push(ids());
  clock.advance(120_000);
  made.push(ids());
  expect(made.toSorted()).toEqual(made);
  expect(new Set(made).size).toBe(made.length);
  const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  expect(made.filter((id) => !pattern.test(id))).toEqual([]);
  const ms = parseInt(made.at(-1)!.slice(0, 13).replace("-", ""), 16);
  expect(ms).toBe(clock.now().getTime());
});
