/** Generations with CANCEL that nobody has come to watch. For those whose watchers leave: slow_watchers_test.ts. */
import { expect } from "@std/expect";
import type { GenerateInput } from "../../src/app/types.ts";
import { ADMIN, ALICE, BOB, collect, HELPER, TestGateway } from "../support/gateway.ts";

const input: GenerateInput = { model: HELPER, prompt: { text: "Hi" }, onDisconnect: "CANCEL" };
const GRACE = { disconnectGraceMs: 8_000 };

Deno.test("generations with CANCEL that nobody comes to watch are cancelled, whatever their state", async () => {
  await using test = await TestGateway.make({ ...GRACE, admission: { totalUnits: 2, unitsPerPrincipal: 1 } });
  test.engine.autoLoad = false;
  const { generations } = test.gateway;
  const loading = await generations.start(ALICE, input);
  const queued = await generations.start(ALICE, input); // it waits for the other's units
  const stays = await generations.start(BOB, { ...input, onDisconnect: "CONTINUE" });
  const load = await test.engine.loading(0);
  const tails = [loading, queued].map(({ id }) => collect(generations.events(ADMIN, id, {}))); // who only looks in
  test.clock.advance(7_999);
  await expect(generations.concurrency(ALICE)).resolves.toMatchObject({ held: 1, queued: 1 });
  test.clock.advance(1);
  for (const tail of tails) expect((await tail).at(-1)?.kind).toBe("cancelled");
  load.finish();
  const request = await test.engine.request(0);
  expect(request.command.requestId).toBe(stays.id);
  const running = await generations.start(ALICE, { ...input, disconnectGraceMs: 60_000 });
  const other = await test.engine.request(1);
  other.tokens(300);
  const tail = collect(generations.events(ADMIN, running.id, {}));
  test.clock.advance(59_999);
  expect(other.cancelled).toBe(false);
  test.clock.advance(1);
  expect((await tail).at(-1)?.kind).toBe("cancelled");
  expect([other.cancelled, request.cancelled]).toEqual([true, false]);
  await generations.cancel(BOB, stays.id);
});

Deno.test("generations with CANCEL wait for their first watcher, even where none is waited for who leaves", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, { ...input, disconnectGraceMs: 0 });
  const request = await test.engine.request(0);
  test.clock.advance(4_999);
  const stream = generations.events(ALICE, id, {})[Symbol.asyncIterator]();
  await stream.next();
  test.clock.advance(3_600_000);
  expect(request.cancelled).toBe(false);
  request.tokens(300);
  request.finish("STOP");
  await stream.return?.();
  expect((await collect(generations.events(ALICE, id, {}))).at(-1)?.kind).toBe("finished");
  const unseen = await generations.start(ALICE, { ...input, disconnectGraceMs: 0 });
  const tail = collect(generations.events(ADMIN, unseen.id, {}));
  test.clock.advance(5_000);
  expect((await tail).at(-1)?.kind).toBe("cancelled");
});

Deno.test("a repeated start with CANCEL waits anew for its watcher, and only its owner's does", async () => {
  await using test = await TestGateway.make(GRACE);
  const { generations } = test.gateway;
  const keyed = { ...input, idempotencyKey: "k" };
  const { id } = await generations.start(ALICE, keyed);
  const request = await test.engine.request(0);
  test.clock.advance(7_999);
  expect((await generations.start(ALICE, keyed)).id).toBe(id); // the answer to the first one was lost
  await generations.start(BOB, keyed);
  test.clock.advance(7_999);
  expect(request.cancelled).toBe(false);
  const tail = collect(generations.events(ADMIN, id, {}));
  test.clock.advance(1);
  expect((await tail).at(-1)?.kind).toBe("cancelled");
});

Deno.test("a restart ends what waited for its first watcher, once", async () => {
  await using test = await TestGateway.make(GRACE);
  const keyed = { ...input, idempotencyKey: "k" };
  const { id } = await test.gateway.generations.start(ALICE, keyed);
  await test.engine.request(0);
  await test.reopen();
  test.clock.advance(60_000);
  const { generations } = test.gateway;
  expect(await generations.start(ALICE, keyed)).toMatchObject({ id, error: { code: "INTERRUPTED" } });
  test.clock.advance(60_000);
  const kinds = (await collect(generations.events(ALICE, id, {}))).map(({ kind }) => kind);
  expect(kinds.filter((kind) => ["cancelled", "failed"].includes(kind))).toEqual(["failed"]);
});
