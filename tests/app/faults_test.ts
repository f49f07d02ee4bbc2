/** When the disk gives out in the middle of a generation. */
import { sql } from "kysely";
import { expect } from "@std/expect";
import type { GenerationObserver } from "../../src/app/telemetry.ts";
import { ALICE, collect, HELPER, TestGateway } from "../support/gateway.ts";
import { failure } from "../support/failure.ts";

const input = { model: HELPER, prompt: { text: "Hi" } };

/** From now on SQLite refuses events of this kind (or all) as it does when the disk is full. */
async function fillDisk(test: TestGateway, kinds: string): Promise<void> {
  await sql.raw(
    `create trigger full before insert on generation_events when new.kind ${kinds}
     begin select raise(abort, 'database or disk is full'); end`,
  ).execute(test.db);
}

Deno.test("a token event that cannot be written ends the generation as failed", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  const request = await test.engine.request(0);
  await fillDisk(test, "= 'tokens'");
  request.promptProcessed();
  request.tokens(300);
  const log = await collect(generations.events(ALICE, id, {}));
  expect(log.at(-1)).toMatchObject({ kind: "failed", code: "CAPACITY" });
  expect(log.map((event) => event.seq)).toEqual(log.map((_, index) => index + 1));
  expect(request.cancelled).toBe(true);
});

Deno.test("a log that cannot be written at all tells its watchers, and the next start closes it", async () => {
  const reported: unknown[] = [];
  await using test = await TestGateway.make({ reportError: (error) => void reported.push(error) });
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  const request = await test.engine.request(0);
  const stream = generations.events(ALICE, id, {});
  await fillDisk(test, "is not null");
  request.tokens(300);
  expect((await failure(collect(stream))).code).toBe("CAPACITY");
  expect(request.cancelled).toBe(true);
  expect(reported.length).toBe(1);
  expect((await failure(generations.start(ALICE, input))).code).toBe("CAPACITY");
  expect((await test.db.selectFrom("generations").selectAll().execute()).length).toBe(1); // all or nothing

  await sql`drop trigger full`.execute(test.db);
  await test.reopen();
  const log = await collect(test.gateway.generations.events(ALICE, id, {}));
  expect(log.map((event) => event.kind)).not.toContain("tokens");
  expect(log.at(-1)).toMatchObject({ code: "INTERRUPTED" });
});

Deno.test("who counts generations hears the end of one whose log cannot be written", async () => {
  const heard: string[] = [];
  const observer: GenerationObserver = {
    started: () => (_at, events) => void heard.push(...events.map(({ kind }) => kind)),
  };
  await using test = await TestGateway.make({ observers: [observer], reportError: () => {} });
  const { id } = await test.gateway.generations.start(ALICE, input);
  const request = await test.engine.request(0);
  const stream = test.gateway.generations.events(ALICE, id, {});
  await fillDisk(test, "is not null");
  request.tokens(300);
  expect((await failure(collect(stream))).code).toBe("CAPACITY");
  expect(heard.filter((kind) => kind !== "loading")).toEqual(["failed"]);
});
