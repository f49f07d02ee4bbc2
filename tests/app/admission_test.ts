/** Concurrency units through the use cases: who runs, who waits and where, who is refused, and that all is given back. */
import { expect } from "@std/expect";
import type { Principal } from "../../src/app/types.ts";
import { Admission, type Entered } from "../../src/app/admission.ts";
import type { GatewayOptions } from "../../src/app/compose.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, BOB, collect, HELPER, TestGateway } from "../support/gateway.ts";

const input = { model: HELPER, prompt: { text: "Hi" } };

async function setUp(admission: GatewayOptions["admission"]) {
  const test = await TestGateway.make({ ...(admission && { admission }) });
  const { generations } = test.gateway;
  const start = async (who: Principal, more = {}) => (await generations.start(who, { ...input, ...more })).id;
  const firstPlace = async (who: Principal, id: string) => {
    for await (const event of generations.events(who, id, {})) return event;
    throw new Error("No event");
  };
  /** The ids in the order in which the engine got them. */
  const order = () => test.engine.requests.map(({ command }) => command.requestId);
  return {
    ...{ test, generations, start, firstPlace, order },
    [Symbol.asyncDispose]: () => test[Symbol.asyncDispose](),
  };
}

Deno.test("generations beyond a principal's units wait, and get them when one of its own ends", async () => {
  await using setup = await setUp({ totalUnits: 9, unitsPerPrincipal: 2 });
  const { test, generations, start, firstPlace, order } = setup;
  const [first, second] = [await start(ALICE), await start(ALICE)];
  const third = await start(ALICE);
  const other = await start(BOB); // has units of its own
  await test.engine.request(2);
  expect(order()).toEqual([first, second, other]);
  expect(await firstPlace(ALICE, third)).toMatchObject({ kind: "queued", position: 1, estimateMs: null });
  expect(await generations.concurrency(ALICE)).toEqual({ held: 2, allowed: 2, queued: 1 });
  (await test.engine.request(0)).finish("STOP");
  (await test.engine.request(3)).finish("STOP");
  expect(order()[3]).toBe(third);
  expect((await collect(generations.events(ALICE, third, {}))).at(-1)?.kind).toBe("finished");
  await generations.cancel(ALICE, second);
  expect(await generations.concurrency(ALICE)).toEqual({ held: 0, allowed: 2, queued: 0 });
  expect(await test.db.selectFrom("unit_claims").select("principal_id").execute()).toEqual([
    { principal_id: "bob" },
  ]);
});

Deno.test("a principal with many waiting generations does not keep another one from its first", async () => {
  await using setup = await setUp({ totalUnits: 1, unitsPerPrincipal: 1 });
  const { test, generations, start, order } = setup;
  const mine: string[] = [];
  for (let count = 0; count < 10; count++) mine.push(await start(ALICE));
  const theirs = await start(BOB);
  for (let ended = 0; ended < 11; ended++) (await test.engine.request(ended)).finish("STOP");
  expect(order()).toEqual([mine[0], theirs, ...mine.slice(1)]);
  for (const id of mine) {
    expect((await collect(generations.events(ALICE, id, {}))).at(-1)?.kind).toBe("finished");
  }
});

Deno.test("the stream tells a new place, with an estimate from what has ended", async () => {
  await using setup = await setUp({ totalUnits: 1, unitsPerPrincipal: 1 });
  const { test, generations, start } = setup;
  await start(ALICE);
  const [, last] = [await start(ALICE), await start(ALICE)];
  const stream = collect(generations.events(ALICE, last, {}));
  await test.engine.request(0);
  test.clock.advance(2_000);
  (await test.engine.request(0)).finish("STOP");
  await test.engine.request(1);
  const places = async () => {
    const rows = await test.db.selectFrom("generation_events").select("payload")
      .where("generation_id", "=", last).where("kind", "=", "queued").execute();
    return rows.map(({ payload }) => JSON.parse(payload));
  };
  while ((await places()).length < 2) test.clock.advance(1_000);
  expect(await places()).toEqual([
    { position: 2, estimateMs: null },
    { position: 1, estimateMs: 2_000 },
  ]);
  (await test.engine.request(1)).finish("STOP");
  (await test.engine.request(2)).finish("STOP");
  const log = await stream;
  expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1));
  expect(log.at(-1)?.kind).toBe("finished");
});

Deno.test("a claim that ends before anybody hears of its units counts in no estimate", async () => {
  await using setup = await setUp(undefined);
  const { test, start } = setup;
  const ids: string[] = [];
  for (let count = 0; count < 4; count++) ids.push(await start(ALICE));
  await test.db.deleteFrom("unit_claims").execute(); // for the claims below, of another gateway
  const { db, clock } = test;
  using admission = new Admission({
    ...{ db, clock, gatewayId: "other", isShared: false, reportError: console.error },
    limits: { totalUnits: 1, unitsPerPrincipal: 1 },
  });
  const enter = (at: number) =>
    db.transaction().execute((trx) =>
      admission.enter(trx, { generationId: ids[at]!, principalId: `p${at}`, units: 1, priority: 0 })
    );
  const wait = (at: number, { place, settle }: Entered) => {
    settle();
    return admission.granted(ids[at]!, { signal: new AbortController().signal, place, onMoved: () => {} });
  };
  const end = async (at: number) => {
    await admission.release(db, ids[at]!);
    admission.ended(ids[at]!);
  };
  await wait(0, await enter(0));
  const cancelled = await enter(1);
  clock.advance(1_000);
  await end(0);
  const next = await enter(2); // gives the units to the one before it, which is cancelled before that is heard
  expect([cancelled.place?.position, next.place?.position]).toEqual([1, 1]);
  await end(1);
  const granted = wait(2, next);
  admission.pump();
  await granted;
  expect((await enter(3)).place).toEqual({ position: 1, estimateMs: 1_000 }); // one runs, for a second as the first did
  await admission.idle();
});

Deno.test("units that come before anybody waits for them are heard of, and nobody waits who has left", async () => {
  await using setup = await setUp(undefined);
  const { test, start } = setup;
  const ids = [await start(ALICE), await start(ALICE), await start(ALICE)];
  await test.db.deleteFrom("unit_claims").execute(); // for the claims below, of another gateway
  const { db, clock } = test;
  using admission = new Admission({
    ...{ db, clock, gatewayId: "other", isShared: false, reportError: console.error },
    limits: { totalUnits: 1, unitsPerPrincipal: 1 },
  });
  const entered: Entered[] = [];
  for (const [at, generationId] of ids.entries()) {
    const claim = { generationId, principalId: `p${at}`, units: 1, priority: 0 };
    entered.push(await db.transaction().execute((trx) => admission.enter(trx, claim)));
    entered[at]!.settle();
    if (at === 1) await admission.release(db, ids[0]!); // so the third gives the second its units
  }
  expect(entered.map(({ place }) => place?.position ?? null)).toEqual([null, 1, 1]);
  const wait = (at: number, signal: AbortSignal) =>
    admission.granted(ids[at]!, { signal, place: entered[at]!.place, onMoved: () => {} });
  await wait(1, new AbortController().signal);
  await expect(wait(2, AbortSignal.abort(new Error("left")))).rejects.toThrow("left");
  const leaving = new AbortController();
  const waiting = wait(2, leaving.signal);
  leaving.abort(new Error("left later"));
  await expect(waiting).rejects.toThrow("left later");
  await admission.idle();
});

Deno.test("the queue says when to ask again: not at once, and not in an hour", async () => {
  for (const [ranMs, retryAfterMs] of [[0, 500], [2_500, 2_500], [3_600_000, 60_000]] as const) {
    await using setup = await setUp({ totalUnits: 1, unitsPerPrincipal: 1, maxQueued: 1 });
    const { test, generations, start } = setup;
    const first = await start(ALICE);
    const request = await test.engine.request(0);
    test.clock.advance(ranMs);
    request.finish("STOP");
    await collect(generations.events(ALICE, first, {}));
    for (let count = 0; count < 2; count++) await start(ALICE);
    await test.engine.request(1);
    expect((await failure(start(ALICE))).details).toMatchObject({ retryAfterMs });
  }
});

Deno.test("the queue is bounded, for one principal and for all", async () => {
  const bounds = { maxQueued: 3, maxQueuedPerPrincipal: 2 };
  await using setup = await setUp({ totalUnits: 1, unitsPerPrincipal: 1, ...bounds });
  const { test, generations, start } = setup;
  for (let count = 0; count < 3; count++) await start(ALICE);
  const mine = await failure(start(ALICE));
  expect([mine.code, mine.details]).toEqual([
    "CAPACITY",
    { scope: "principal", queued: 2, allowed: 2, retryAfterMs: 1_000 },
  ]);
  const waiting = await start(BOB);
  const all = await failure(start(ADMIN));
  expect([all.code, all.details["scope"], all.details["queued"]]).toEqual(["CAPACITY", "gateway", 3]);
  // What is refused leaves nothing behind.
  expect((await test.db.selectFrom("generations").select("id").execute()).length).toBe(4);
  expect((await test.db.selectFrom("unit_claims").select("units").execute()).length).toBe(4);
  await generations.cancel(BOB, waiting); // in the queue, which frees its place
  expect((await collect(generations.events(BOB, waiting, {}))).map(({ kind }) => kind)).toEqual([
    "queued",
    "cancelled",
  ]);
  await start(ADMIN);
});

Deno.test("what could never have its units is refused at once", async () => {
  await using setup = await setUp({ totalUnits: 9, unitsPerPrincipal: 2 });
  const { test, start } = setup;
  await test.db.updateTable("models").set({ concurrency_cost: 3 }).execute();
  const error = await failure(start(ALICE));
  expect([error.code, error.details]).toEqual(["CAPACITY", { scope: "principal", units: 3, allowed: 2 }]);
});

Deno.test("priority orders a principal's own generations", async () => {
  await using setup = await setUp({ totalUnits: 1, unitsPerPrincipal: 1 });
  const { test, start, order } = setup;
  const first = await start(ALICE);
  const [low, plain, high] = [
    await start(ALICE, { priority: -2 }),
    await start(ALICE, { priority: -1 }),
    await start(ALICE),
  ];
  for (let ended = 0; ended < 4; ended++) (await test.engine.request(ended)).finish("STOP");
  expect(order()).toEqual([first, high, plain, low]);
  for (const priority of [11, -11, 0.5]) {
    expect((await failure(start(ALICE, { priority }))).details["field"]).toBe("priority");
  }
});

Deno.test("a gateway that stops ends what waits, and its units with it", async () => {
  await using setup = await setUp({ totalUnits: 1, unitsPerPrincipal: 1 });
  const { test, start } = setup;
  const ids = [await start(ALICE), await start(ALICE)];
  await test.reopen();
  for (const id of ids) {
    expect(await test.gateway.generations.get(ALICE, id)).toMatchObject({
      status: "FAILED",
      error: { code: "INTERRUPTED" },
    });
  }
  expect(await test.gateway.generations.concurrency(ALICE)).toEqual({ held: 0, allowed: 1, queued: 0 });
});
