/** Priority, deadline and the salt of the prefix cache, from the request to the engine. */
import { expect } from "@std/expect";
import { CapacityError } from "../../src/errors.ts";
import type { Principal } from "../../src/app/types.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, BOB, collect, HELPER, TestGateway } from "../support/gateway.ts";

const INPUT = { model: HELPER, prompt: { text: "Hi" } };

Deno.test("generations.start() hands priority, what is left of the deadline, and a salt to the engine", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  test.engine.autoLoad = false;
  const { id } = await generations.start(ALICE, { ...INPUT, priority: -5, deadlineSeconds: 10 });
  const load = await test.engine.loading(0);
  test.clock.advance(4_000);
  load.finish();
  expect((await test.engine.request(0)).command).toMatchObject({
    priority: -5,
    deadlineMs: 6_000,
    cacheSalt: "alice",
  });
  expect(await generations.get(ALICE, id)).toMatchObject({ priority: -5, deadlineSeconds: 10 });
  await generations.start(BOB, INPUT);
  const { command } = await test.engine.request(1);
  expect([command.priority, command.deadlineMs, command.cacheSalt]).toEqual([0, undefined, "bob"]);
});

Deno.test("generations.start() holds priority and deadline to their ranges", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const field = async (principal: Principal, rest: object) =>
    (await failure(generations.start(principal, { ...INPUT, ...rest }))).details["field"];
  // Nobody but an admin steps ahead of others.
  for (const priority of [1, -11, 0.5, NaN]) expect(await field(ALICE, { priority })).toBe("priority");
  expect((await generations.start(ALICE, { ...INPUT, priority: -10 })).priority).toBe(-10);
  expect(await field(ADMIN, { priority: 11 })).toBe("priority");
  expect((await generations.start(ADMIN, { ...INPUT, priority: 10 })).priority).toBe(10);
  for (const deadlineSeconds of [0, -1, 86_401, NaN]) {
    expect(await field(ALICE, { deadlineSeconds })).toBe("deadlineSeconds");
  }
});

Deno.test("a generation fails with DEADLINE wherever its deadline meets it", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  test.engine.autoLoad = false;
  const loading = await generations.start(ALICE, { ...INPUT, deadlineSeconds: 2 });
  const load = await test.engine.loading(0);
  test.clock.advance(1_999);
  expect((await generations.get(ALICE, loading.id))?.status).not.toBe("FAILED");
  test.clock.advance(1);
  const events = await collect(generations.events(ALICE, loading.id, {}));
  expect(events.at(-1)).toMatchObject({ kind: "failed", code: "DEADLINE" });
  expect(load.signal?.aborted).toBe(true);

  test.engine.autoLoad = true;
  const late = await generations.start(ALICE, { ...INPUT, deadlineSeconds: 2 });
  const request = await test.engine.request(0);
  request.fail(new CapacityError("The deadline passed after 3 tokens", { reason: "DEADLINE" }));
  expect((await collect(generations.events(ALICE, late.id, {}))).at(-1)).toMatchObject({ code: "DEADLINE" });
  expect((await generations.get(ALICE, late.id))?.error?.code).toBe("DEADLINE");
});
