/** The engine dies and another takes its place: what waits is kept, what runs goes on, and a log tells everything once. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { Replay } from "../../src/app/generate/replay.ts";
import type { GenerationEvent } from "../../src/app/types.ts";
import { DeviceLostError } from "../../src/errors.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, BOB, collect, HELPER, TestGateway } from "../support/gateway.ts";

const input = { model: HELPER, prompt: { text: "Hi" } };

const tokenIds = (log: readonly GenerationEvent[]) =>
  log.flatMap((event) => event.kind === "tokens" ? event.tokens.map(({ id }) => id) : []);

function expectNoGaps(log: readonly GenerationEvent[]): void {
  expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1));
}

Deno.test("a running generation goes on where it was, and its log has every token once", async () => {
  await using test = await TestGateway.make();
  const { generations, models } = test.gateway;
  const { id, modelId } = await generations.start(ALICE, input);
  const stream = collect(generations.events(ALICE, id, {}));
  const first = await test.engine.request(0);
  first.promptProcessed(1);
  first.tokens(300, 301, 302);
  test.engine.restart();
  expect(models.residency(modelId).state).not.toBe("WARM");
  const second = await test.engine.request(1);
  expect(test.engine.loads.length).toBe(2);
  expect(second.command).toEqual(first.command);
  second.promptProcessed(0);
  second.tokens(300, 301);
  second.tokens(302, 303);
  second.tokens(304);
  second.finish("STOP");
  const log = await stream;
  expectNoGaps(log);
  expect(tokenIds(log)).toEqual([300, 301, 302, 303, 304]);
  expect(log.filter(({ kind }) => kind === "promptProcessed").length).toBe(1);
  const text = log.map((event) => event.kind === "tokens" ? event.text : "").join("");
  expect(log.at(-1)).toMatchObject({
    kind: "finished",
    text,
    usage: { completionTokens: 5, cachedTokens: 1 },
  });
  expect(await generations.get(ALICE, id)).toMatchObject({ status: "SUCCEEDED", text, error: null });
  expect((await generations.concurrency(ALICE)).held).toBe(0);
  await models.unload(ADMIN, HELPER); // Every lease was given back.
});

Deno.test("a generation in the engine's queue is kept, however often the engine dies", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  for (let death = 0; death < 5; death++) {
    (await test.engine.request(death)).queued(1);
    test.engine.restart();
  }
  const last = await test.engine.request(5);
  last.promptProcessed();
  last.tokens(300);
  last.finish("STOP");
  const log = await collect(generations.events(ALICE, id, {}));
  expectNoGaps(log);
  expect(log.at(-1)!.kind).toBe("finished");
});

Deno.test("a prompt that ends every engine is given up with the third, though it stood in the queue first", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  for (let attempt = 0; attempt < 3; attempt++) {
    const request = await test.engine.request(attempt);
    request.queued(1);
    request.started();
    test.engine.restart();
  }
  const log = await collect(generations.events(ALICE, id, {}));
  expectNoGaps(log);
  expect(log.at(-1)).toMatchObject({ kind: "failed", code: "DEVICE_LOST" });
  expect(test.engine.requests.length).toBe(3);
});

Deno.test("the third engine that dies under a generation ends it with a typed error", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  for (let attempt = 0; attempt < 3; attempt++) {
    const request = await test.engine.request(attempt);
    request.promptProcessed();
    request.tokens(300, 301);
    test.engine.restart();
  }
  const log = await collect(generations.events(ALICE, id, {}));
  expectNoGaps(log);
  expect(tokenIds(log)).toEqual([300, 301]);
  expect(log.at(-1)).toMatchObject({ kind: "failed", code: "DEVICE_LOST" });
  expect(test.engine.requests.length).toBe(3);
  expect((await generations.concurrency(ALICE)).held).toBe(0);
});

for (
  const [what, again] of Object.entries({
    "other tokens": (request: { tokens(...ids: number[]): void }) => request.tokens(300, 399),
    "fewer tokens": (request: { tokens(...ids: number[]): void; finish(reason: "STOP"): void }) => {
      request.tokens(300);
      request.finish("STOP");
    },
  })
) {
  Deno.test(`a second attempt that gives ${what} ends as failed: it cannot be the same stream`, async () => {
    await using test = await TestGateway.make();
    const { generations } = test.gateway;
    const { id } = await generations.start(ALICE, input);
    (await test.engine.request(0)).tokens(300, 301, 302);
    test.engine.restart();
    const second = await test.engine.request(1);
    again(second);
    const log = await collect(generations.events(ALICE, id, {}));
    expectNoGaps(log);
    expect(tokenIds(log)).toEqual([300, 301, 302]);
    expect(log.at(-1)).toMatchObject({ kind: "failed", code: "DEVICE_LOST" });
    expect((log.at(-1) as { message: string }).message).toContain("differs from what had been delivered");
  });
}

Deno.test("a generation that had met its stop string is not generated any further", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const request = { ...input, sampling: { stop: ["e"], maxTokens: 50 } };
  const { id } = await generations.start(ALICE, request);
  const first = await test.engine.request(0);
  const all = Array.from({ length: 300 }, (_, index) => 300 + index); // Some of them has an "e".
  first.tokens(...all);
  expect(first.cancelled).toBe(true);
  test.engine.restart(); // Before the engine has answered the cancel.
  const second = await test.engine.request(1);
  second.tokens(...all);
  expect(second.cancelled).toBe(true);
  const log = await collect(generations.events(ALICE, id, {}));
  expectNoGaps(log);
  expect(log.at(-1)).toMatchObject({ kind: "finished", finishReason: "STOP_STRING" });
});

Deno.test("a load is tried once more on the next engine, and given up with the second", async () => {
  await using test = await TestGateway.make();
  test.engine.autoLoad = false;
  const { generations, models } = test.gateway;
  const loading = failure(models.load(ADMIN, HELPER));
  await test.engine.loading(0);
  test.engine.restart();
  await test.engine.loading(1);
  test.engine.restart();
  expect((await loading).code).toBe("DEVICE_LOST");
  expect(test.engine.loads.length).toBe(2);
  const { id } = await generations.start(BOB, input); // Somebody who asks again may.
  (await test.engine.loading(2)).finish();
  (await test.engine.request(0)).finish("STOP");
  expect((await collect(generations.events(BOB, id, {}))).at(-1)!.kind).toBe("finished");
});

Deno.test("a generation can be cancelled between two engines", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  (await test.engine.request(0)).tokens(300);
  test.engine.autoLoad = false;
  test.engine.restart();
  const load = await test.engine.loading(1);
  expect(await generations.cancel(ALICE, id)).toMatchObject({ status: "CANCELLED" });
  expect(load.signal?.aborted).toBe(true);
  const log = await collect(generations.events(ALICE, id, {}));
  expectNoGaps(log);
  expect(log.at(-1)!.kind).toBe("cancelled");
});

Deno.test("an engine that is gone for good ends generations as failed, and its models too", async () => {
  await using test = await TestGateway.make();
  const { generations, models } = test.gateway;
  const { id, modelId } = await generations.start(ALICE, input);
  (await test.engine.request(0)).tokens(300);
  test.engine.lose();
  const log = await collect(generations.events(ALICE, id, {}));
  expect(log.at(-1)).toMatchObject({ kind: "failed", code: "DEVICE_LOST" });
  expect(models.residency(modelId)).toMatchObject({ state: "FAILED", error: { code: "DEVICE_LOST" } });
  expect(await test.gateway.runtime()).toMatchObject({
    device: null,
    engine: null,
    status: { state: "FAILED" },
  });
});

Deno.test("Replay.take() gives the longest attempt once, whatever the attempts' pieces, or throws where they differ", () => {
  const attempts = fc.array(fc.array(fc.nat(5), { maxLength: 6 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(fc.nat(5), { maxLength: 12 }), attempts, fc.boolean(), (truth, cuts, honest) => {
      const replay = new Replay();
      const given: number[] = [];
      for (const [index, sizes] of cuts.entries()) {
        if (index > 0) replay.restart();
        let at = 0;
        for (const size of sizes) {
          const piece = truth.slice(at, at += size);
          try {
            for (const [offset, id] of piece.entries()) {
              const said = honest || index === 0 ? id : id ^ (offset & 1);
              if (replay.take({ id: said })) given.push(said);
            }
          } catch (error) {
            expect(error).toBeInstanceOf(DeviceLostError);
            expect(honest).toBe(false);
            return;
          }
        }
        expect(replay.caughtUp).toBe(Math.min(at, truth.length) >= given.length);
      }
      if (honest) expect(given).toEqual(truth.slice(0, given.length));
    }),
  );
});
