/** Usage: counted with the end of every generation, whatever that is, once. */
import { expect } from "@std/expect";
import { endInterruptedGenerations } from "../../src/app/generate/recovery.ts";
import { Membership } from "../../src/app/membership.ts";
import { DeviceLostError } from "../../src/errors.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, BOB, collect, HELPER, TestGateway, VIEWER } from "../support/gateway.ts";

const input = { model: HELPER, prompt: { tokenIds: [1, 300, 301] } };
const sums = { principalId: "alice", day: "2024-01-31" };

Deno.test("usage counts what finished, what was cancelled and what failed", async () => {
  await using test = await TestGateway.make();
  const { generations, usage } = test.gateway;
  const run = async (end: (id: string) => Promise<unknown> | void) => {
    const index = test.engine.requests.length;
    const { id, modelId } = await generations.start(ALICE, input);
    const request = await test.engine.request(index);
    request.promptProcessed(2);
    request.tokens(300, 301);
    test.clock.advance(40); // shorter than the batcher's patience: nothing but the end writes the second token
    await end(id);
    await collect(generations.events(ALICE, id, {}));
    return modelId;
  };
  const last = () => test.engine.requests.at(-1)!;
  const modelId = await run(() => last().finish("STOP"));
  const one = { ...sums, modelId, generations: 1n, promptTokens: 3n, cachedTokens: 2n, completionTokens: 2n };
  // The engine's own timings: a millisecond each for prompt and answer.
  expect(await usage.mine(ALICE, {})).toEqual([{ ...one, engineMs: 2n }]);
  await run((id) => generations.cancel(ALICE, id));
  await run(() => last().fail(new DeviceLostError("gone")));
  expect(await usage.mine(ALICE, {})).toEqual([{
    ...{ ...one, generations: 3n, promptTokens: 9n, cachedTokens: 6n, completionTokens: 6n },
    engineMs: 82n,
  }]);
  expect(await usage.mine(BOB, {})).toEqual([]);
});

Deno.test("usage has no prompt that no engine has looked at", async () => {
  await using test = await TestGateway.make();
  const { generations, usage } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  await generations.cancel(ALICE, id);
  expect(await usage.mine(ALICE, {})).toMatchObject([
    { generations: 1n, promptTokens: 0n, completionTokens: 0n, engineMs: 0n },
  ]);
});

Deno.test("usage counts what the log of a killed gateway holds", async () => {
  await using test = await TestGateway.make({ reportError: () => {} });
  const { generations } = test.gateway;
  const { id, modelId } = await generations.start(ALICE, input);
  const request = await test.engine.request(0);
  request.promptProcessed(1);
  request.tokens(300);
  for await (const event of generations.events(ALICE, id, {})) if (event.kind === "tokens") break;
  test.clock.advance(1);
  request.tokens(301, 302); // not in the log yet
  const rows = await test.db.selectFrom("generation_events").select("kind").where("generation_id", "=", id)
    .execute();
  expect(rows.map(({ kind }) => kind)).toEqual(["queued", "loading", "promptProcessed", "tokens"]);
  // As after kill -9: nothing of the old process's memory, and the row still open under another name.
  await test.db.updateTable("generations").set({ gateway_id: "dead" }).execute();
  await test.db.insertInto("gateways")
    .values({ id: "dead", started_at: "", lease_until: "2999-01-01T00:00:00.000Z" }).execute();
  const db = test.db;
  const membership = await Membership.join(db, test.clock, "new");
  const options = {
    db,
    clock: test.clock,
    membership,
    jobs: { has: () => false },
    reportError: console.error,
  };
  expect(await endInterruptedGenerations(options)).toBe(1);
  expect(await endInterruptedGenerations(options)).toBe(0);
  const counts = { promptTokens: 3n, cachedTokens: 1n, completionTokens: 1n };
  expect(await test.gateway.usage.mine(ALICE, {})).toEqual([
    { ...sums, modelId, generations: 1n, ...counts, engineMs: 0n },
  ]);
  expect(await generations.get(ALICE, id)).toMatchObject({
    status: "FAILED",
    usage: { promptTokens: 3, cachedTokens: 1, completionTokens: 1 },
  });
  expect((await generations.concurrency(ALICE)).held).toBe(0);
});

Deno.test("usage is listed by day, page by page, for admins", async () => {
  await using test = await TestGateway.make();
  const { generations, usage } = test.gateway;
  for (const who of [ALICE, BOB, ALICE]) {
    const index = test.engine.requests.length;
    const { id } = await generations.start(who, input);
    (await test.engine.request(index)).finish("STOP");
    await collect(generations.events(who, id, {}));
    test.clock.advance(86_400_000);
  }
  const days = (page: Awaited<ReturnType<typeof usage.list>>) =>
    page.edges.map(({ node }) => [node.day, node.principalId]);
  const first = await usage.list(ADMIN, { first: 2 });
  expect([days(first), first.totalCount, first.hasNextPage]).toEqual([
    [["2024-02-02", "alice"], ["2024-02-01", "bob"]],
    3,
    true,
  ]);
  expect(days(await usage.list(ADMIN, { first: 2, after: first.edges[1]!.cursor }))).toEqual([
    ["2024-01-31", "alice"],
  ]);
  expect(days(await usage.list(ADMIN, {}, { principalId: "alice", from: "2024-02-01" }))).toEqual([
    ["2024-02-02", "alice"],
  ]);
  expect((await usage.list(ADMIN, {}, { model: HELPER, to: "2024-02-01" })).totalCount).toBe(2);
  expect((await failure(usage.list(ALICE, {}))).code).toBe("FORBIDDEN");
  expect(await usage.mine(VIEWER, {})).toEqual([]);
  for (const from of ["yesterday", "2024-02-30", "2024-2-1"]) {
    expect((await failure(usage.mine(ALICE, { from }))).details["field"]).toBe("from");
  }
  expect((await failure(usage.list(ADMIN, {}, { model: { name: "none" } }))).code).toBe("NOT_FOUND");
});
