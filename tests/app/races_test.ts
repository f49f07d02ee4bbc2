/** Two things at once: starting while the gateway closes, the same request twice, ends that could not be written. */
import { expect } from "@std/expect";
import { sql } from "kysely";
import { CapacityError } from "../../src/errors.ts";
import { failure } from "../support/failure.ts";
import { ALICE, collect, HELPER, TestGateway } from "../support/gateway.ts";

const input = { model: HELPER, prompt: { text: "Hi" } };

/** Lets what is under way go on for a while: nothing here waits for more than promises. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

Deno.test("createGateway() closes without leaving a generation open, whenever that is", async () => {
  await using test = await TestGateway.make();
  let started = 0;
  for (let moment = 0; moment < 120; moment += 2) {
    // Reads the tokenizer, so that the next start waits for promises only.
    await test.gateway.generations.cancel(ALICE, (await test.gateway.generations.start(ALICE, input)).id);
    const starting = test.gateway.generations.start(ALICE, input);
    starting.catch(() => {});
    await turns(moment);
    await test.gateway[Symbol.asyncDispose]();
    const rows = await test.db.selectFrom("generations").select(["id", "status"]).execute();
    const open = rows.filter(({ status }) => !["SUCCEEDED", "FAILED", "CANCELLED"].includes(status));
    expect({ moment, open }).toEqual({ moment, open: [] });
    const [outcome] = await Promise.allSettled([starting]);
    if (outcome.status === "fulfilled") started++;
    else expect(outcome.reason).toBeInstanceOf(CapacityError);
    await test.db.destroy();
    await test.open();
  }
  expect(started).toBeGreaterThan(0); // both sides of the race were seen
  expect(started).toBeLessThan(60);
});

Deno.test("generations.start() with one key in one session is one generation, whenever the second comes", async () => {
  await using test = await TestGateway.make();
  const { generations, sessions } = test.gateway;
  for (let moment = 0; moment < 120; moment += 1) {
    const { id: sessionId } = await sessions.create(ALICE, { model: HELPER });
    const request = { ...input, sessionId, idempotencyKey: `key ${moment}` };
    const first = generations.start(ALICE, request);
    await turns(moment);
    const second = await generations.start(ALICE, request);
    expect(second.id).toBe((await first).id);
    // Whoever has the id may watch to the end, at once.
    const log = collect(generations.events(ALICE, second.id, {}));
    await generations.cancel(ALICE, second.id);
    expect((await log).at(-1)?.kind).toBe("cancelled");
  }
});

Deno.test("generations.cancel() ends a generation whose end could not be written", async () => {
  await using test = await TestGateway.make({ reportError: () => {} });
  const { generations, sessions } = test.gateway;
  const { id: sessionId } = await sessions.create(ALICE, { model: HELPER });
  const stuck = async () => {
    const index = test.engine.requests.length;
    const { id } = await generations.start(ALICE, { ...input, sessionId });
    const request = await test.engine.request(index);
    await sql.raw(`create trigger full before insert on generation_events begin
      select raise(abort, 'database or disk is full'); end`).execute(test.db);
    request.finish("STOP");
    await failure(collect(generations.events(ALICE, id, {})));
    expect((await generations.get(ALICE, id))?.finishedAt).toBeNull();
    return id;
  };
  const first = await stuck();
  expect((await failure(generations.cancel(ALICE, first))).code).toBe("CAPACITY");
  await sql`drop trigger full`.execute(test.db);
  expect(await generations.cancel(ALICE, first)).toMatchObject({
    status: "FAILED",
    error: { code: "INTERRUPTED" },
  });
  expect((await collect(generations.events(ALICE, first, {}))).at(-1)?.kind).toBe("failed");

  const second = await stuck();
  await sql`drop trigger full`.execute(test.db);
  const { id: third } = await generations.start(ALICE, { ...input, sessionId }); // the session is not stuck
  expect(await generations.get(ALICE, second)).toMatchObject({ status: "FAILED" });
  await generations.cancel(ALICE, third);
});
