/** Watching a generation: replay, tail, disconnects; nothing lost, nothing twice. */
import { expect } from "@std/expect";
import fc from "fast-check";
import type { GenerationEvent } from "../../src/app/types.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, collect, HELPER, TestGateway } from "../support/gateway.ts";
import { runs } from "../support/properties.ts";

const input = { model: HELPER, prompt: { text: "Tell me." } };

Deno.test("generations.events() delivers each event once over any disconnects", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  // Each number: what the engine does (tokens), or after how many events a watcher leaves.
  const script = fc.array(
    fc.record({ tokens: fc.nat({ max: 40 }), wait: fc.nat({ max: 60 }), leaveAfter: fc.nat({ max: 5 }) }),
    { minLength: 1, maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(script, async (steps) => {
      const index = test.engine.requests.length;
      const { id } = await generations.start(ALICE, input);
      const request = await test.engine.request(index);
      const seen: GenerationEvent[] = [];
      const watchFrom = () => generations.events(ALICE, id, { afterSeq: seen.at(-1)?.seq ?? 0 });
      request.promptProcessed();
      for (const { tokens, wait, leaveAfter } of steps) {
        const stream = watchFrom()[Symbol.asyncIterator]();
        // One read more than there may be events: the last is given up while it waits.
        const pending = (async () => {
          for (let count = 0; count < leaveAfter; count++) {
            const { done, value } = await stream.next();
            if (done) return;
            seen.push(value);
          }
        })();
        for (let count = 0; count < tokens; count++) request.tokens(300 + count);
        test.clock.advance(wait);
        await stream.return?.();
        await pending;
      }
      request.finish("LENGTH");
      for await (const event of watchFrom()) seen.push(event);
      const whole = await collect(generations.events(ALICE, id, {}));
      expect(seen).toEqual(whole);
      expect(whole.map((event) => event.seq)).toEqual(whole.map((_, index) => index + 1));
      const tokenCount = whole.reduce(
        (sum, event) => sum + (event.kind === "tokens" ? event.tokens.length : 0),
        0,
      );
      expect(tokenCount).toBe(steps.reduce((sum, { tokens }) => sum + tokens, 0));
      expect(whole.at(-1)?.kind).toBe("finished");
    }),
    { numRuns: runs(40) },
  );
});

Deno.test("generations.events() lets a slow reader hold nobody up", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  const slow = generations.events(ALICE, id, {})[Symbol.asyncIterator]();
  expect((await slow.next()).value?.kind).toBe("queued");
  const fast = collect(generations.events(ALICE, id, {}));
  const request = await test.engine.request(0);
  for (let step = 0; step < 300; step++) {
    request.tokens(300);
    test.clock.advance(50);
  }
  request.finish("LENGTH");
  const whole = await fast; // ended, while the slow one has read a single event
  const rest: GenerationEvent[] = [];
  for (let next = await slow.next(); !next.done; next = await slow.next()) rest.push(next.value);
  expect(rest).toEqual(whole.slice(1));
});

Deno.test("generations.events() ends at once when a reader leaves while it waits", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  await test.engine.request(0);
  const stream = generations.events(ALICE, id, { afterSeq: 1 })[Symbol.asyncIterator]();
  const waiting = stream.next();
  await stream.return?.();
  expect(await waiting).toEqual({ done: true, value: undefined });
  expect((await generations.get(ALICE, id))?.finishReason).toBeNull(); // CONTINUE: nothing else happened
});

Deno.test("generations.events() rejects with the signal's reason", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  const controller = new AbortController();
  const stream = generations.events(ALICE, id, { afterSeq: 1, signal: controller.signal })
    [Symbol.asyncIterator]();
  const waiting = stream.next();
  const reason = new Error("gone");
  controller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
});

Deno.test("generations.events() ends when the cursor is at the end already", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  (await test.engine.request(0)).finish("LENGTH");
  const whole = await collect(generations.events(ALICE, id, {}));
  const last = whole.at(-1)!.seq;
  expect(await collect(generations.events(ALICE, id, { afterSeq: last }))).toEqual([]);
  const beyond = await failure(collect(generations.events(ALICE, id, { afterSeq: last + 1 })));
  expect(beyond).toMatchObject({ code: "CONFIG", details: { field: "afterSeq", found: last + 1 } });
  expect(await collect(generations.events(ALICE, id, { afterSeq: last - 1 }))).toEqual([whole.at(-1)]);
  expect(() => generations.events(ALICE, id, { afterSeq: -1 })).toThrow("afterSeq");
  expect((await failure(collect(generations.events(ALICE, "nobody's", {})))).code).toBe("NOT_FOUND");
});

Deno.test("generations.events() cancels when the owner's last watcher leaves, if asked to", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, { ...input, onDisconnect: "CANCEL" });
  const request = await test.engine.request(0);
  request.tokens(300);
  const streams = [ALICE, ALICE, ADMIN].map((who) => generations.events(who, id, {})[Symbol.asyncIterator]());
  for (const stream of streams) await stream.next();
  const [first, second, admin] = streams;
  await admin?.return?.();
  await first?.return?.();
  expect(request.cancelled).toBe(false); // one of the owner's is left
  const tail = collect(generations.events(ADMIN, id, {}));
  await second?.return?.();
  expect((await tail).at(-1)?.kind).toBe("cancelled");
  expect(request.cancelled).toBe(true);
});

Deno.test("generations.events() counts a watcher that leaves before its first event", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, { ...input, onDisconnect: "CANCEL" });
  await generations.events(ALICE, id, {})[Symbol.asyncIterator]().return?.();
  const log = await collect(generations.events(ADMIN, id, {}));
  expect(log.at(-1)?.kind).toBe("cancelled");
});

Deno.test("generations.events() reads logs of earlier runs of the program", async () => {
  await using test = await TestGateway.make();
  const { id } = await test.gateway.generations.start(ALICE, input);
  const request = await test.engine.request(0);
  request.tokens(300, 301);
  request.finish("LENGTH");
  const before = await collect(test.gateway.generations.events(ALICE, id, {}));
  await test.reopen();
  expect(await collect(test.gateway.generations.events(ALICE, id, {}))).toEqual(before);
});
