/** The order of service, and that priorities cannot starve anybody. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { AGEING_STEPS, RankedList, rankOf } from "../../src/engine/ranking.ts";

const item = (name: string, priority: number, steps: number, arrival: number) => ({
  name,
  arrival,
  rank: rankOf(priority, steps),
});

Deno.test("RankedList puts priority before arrival, and arrival before priority after so many steps", () => {
  const list = new RankedList<ReturnType<typeof item>>();
  list.add(item("normal", 0, 5, 0));
  list.add(item("second", 0, 5, 1));
  list.add(item("urgent", 1, 6, 2));
  list.add(item("low", -1, 6, 3));
  list.add(item("urgent but late", 1, 6 + AGEING_STEPS, 4));
  expect([...list].map(({ name }) => name)).toEqual(["urgent", "normal", "second", "urgent but late", "low"]);
  const [first] = list;
  expect([list.delete(first!), list.delete(first!), list.size]).toEqual([true, false, 4]);
});

Deno.test("rankOf() lets nobody overtake who comes later than the priorities are apart", () => {
  const priority = fc.integer({ min: -10, max: 10 });
  fc.assert(
    fc.property(priority, priority, fc.nat(1e6), fc.nat(20 * AGEING_STEPS), (mine, other, steps, later) => {
      const overtakes = rankOf(other, steps + later) < rankOf(mine, steps);
      expect(overtakes).toBe(later < (other - mine) * AGEING_STEPS);
    }),
  );
});
