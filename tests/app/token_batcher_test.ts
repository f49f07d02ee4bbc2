/** When tokens become an event. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { TokenBatcher } from "../../src/app/generate/token_batcher.ts";
import type { EventToken } from "../../src/app/types.ts";
import { ManualClock } from "../support/gateway.ts";

function token(id: number): EventToken {
  return { id, text: "", logprob: null, top: [] };
}

/** Writes that end when and how the test says. */
function setUp() {
  const clock = new ManualClock();
  const written: number[][] = [];
  const open: ((isWritten: boolean) => void)[] = [];
  const batcher = new TokenBatcher(clock, (tokens) => {
    written.push(tokens.map(({ id }) => id));
    return new Promise((resolve) => open.push(resolve));
  });
  const endWrite = async (isWritten = true) => {
    if (!isWritten) written.pop();
    open.shift()?.(isWritten);
    await Promise.resolve().then(() => {});
  };
  return { clock, written, open, batcher, endWrite };
}

Deno.test("TokenBatcher.push() writes the first at once, later ones after 16 or 50 ms", async () => {
  const { clock, written, batcher, endWrite } = setUp();
  batcher.push([token(0)]);
  expect(written).toEqual([[0]]);
  await endWrite();
  batcher.push([token(1)]);
  clock.advance(49);
  expect(written.length).toBe(1);
  clock.advance(1);
  expect(written.at(-1)).toEqual([1]);
  await endWrite();
  batcher.push(Array.from({ length: 16 }, (_, index) => token(100 + index)));
  expect(written.at(-1)?.length).toBe(16);
});

Deno.test("TokenBatcher.push() lets no token of a slow model wait", async () => {
  const { clock, written, batcher, endWrite } = setUp();
  for (let id = 0; id < 5; id++) {
    batcher.push([token(id)]);
    expect(written.at(-1)).toEqual([id]);
    await endWrite();
    clock.advance(50);
  }
  // And of one that is a little faster no longer than its share.
  batcher.push([token(5)]);
  await endWrite();
  clock.advance(30);
  batcher.push([token(6)]);
  clock.advance(19);
  expect(written.at(-1)).toEqual([5]);
  clock.advance(1);
  expect(written.at(-1)).toEqual([6]);
});

Deno.test("TokenBatcher.push() gathers while a write is under way", async () => {
  const { clock, written, batcher, endWrite } = setUp();
  batcher.push([token(0)]);
  for (let id = 1; id < 100; id++) batcher.push([token(id)]);
  clock.advance(1000);
  expect(written).toEqual([[0]]);
  await endWrite();
  expect(written.length).toBe(2);
  expect(written[1]?.length).toBe(99);
});

Deno.test("TokenBatcher loses no token and writes none twice, whatever cannot be written", async () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant("push" as const), count: fc.nat({ max: 20 }) }),
    fc.record({ kind: fc.constant("advance" as const), count: fc.nat({ max: 80 }) }),
    fc.record({ kind: fc.constant("write" as const), count: fc.nat({ max: 4 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 30 }), fc.boolean(), async (actions, lastIsWritten) => {
      const { clock, written, open, batcher, endWrite } = setUp();
      let next = 0;
      for (const { kind, count } of actions) {
        if (kind === "push") batcher.push(Array.from({ length: count }, () => token(next++)));
        if (kind === "advance") clock.advance(count);
        if (kind === "write" && open.length > 0) await endWrite(count > 0);
        expect(open.length).toBeLessThanOrEqual(1);
      }
      const rest = batcher.takeRest();
      while (open.length > 0) await endWrite(lastIsWritten);
      const all = [...written.flat(), ...(await rest).map(({ id }) => id)];
      expect(all).toEqual(Array.from({ length: next }, (_, id) => id));
    }),
  );
});
