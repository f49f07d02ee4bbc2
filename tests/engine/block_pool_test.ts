/** The free list: counts, identity of blocks, and what it refuses. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { BlockPool } from "../../src/engine/block_pool.ts";
import type { BlockId } from "../../src/model/runner.ts";

Deno.test("BlockPool hands out each block once, and free + used = total", () => {
  const action = fc.oneof(fc.record({ take: fc.nat(9) }), fc.record({ release: fc.nat(20) }));
  fc.assert(fc.property(fc.nat(30), fc.array(action, { maxLength: 60 }), (total, actions) => {
    const pool = new BlockPool(total);
    const held: BlockId[][] = [];
    for (const step of actions) {
      if ("take" in step) {
        if (step.take > pool.free) expect(() => pool.take(step.take)).toThrow(/are free/);
        else held.push(pool.take(step.take));
      } else if (held.length > 0) {
        pool.release(held.splice(step.release % held.length, 1)[0]!);
      }
      const out = held.flat();
      expect(new Set(out).size).toBe(out.length);
      expect(out.every((block) => block >= 0 && block < total)).toBe(true);
      expect(pool.used).toBe(out.length);
      expect(pool.free + pool.used).toBe(total);
    }
  }));
});

Deno.test("BlockPool.release() refuses a block that is not taken", () => {
  const pool = new BlockPool(4);
  const [block] = pool.take(1);
  pool.release([block!]);
  expect(() => pool.release([block!])).toThrow("Cannot release block 0: it is not taken");
  expect(() => pool.release([9 as BlockId])).toThrow("Cannot release block 9");
});
