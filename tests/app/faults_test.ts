/** When the disk gives out in the middle of a generation. */
import { sql } from "kysely";
import { expect } from "@std/expect";
import type { GenerationObserver } from "../../src/app/telemetry.ts";
import { HEARTBEAT_MS } from "../../src/app/membership.ts";
import type { MergeEvent } from "../../src/app/types.ts";
import { ADMIN, ALICE, collect, DEMO_DIR, HELPER, TestGateway } from "../support/gateway.ts";
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

Deno.test("tokens that could not be written are told with the end that came meanwhile", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  const request = await test.engine.request(0);
  request.promptProcessed();
  await sql`create trigger full before insert on generation_events
    when new.kind = 'tokens' and json_array_length(new.payload, '$.tokens') = 1
    begin select raise(abort, 'database or disk is full'); end`.execute(test.db);
  request.tokens(300);
  request.tokens(301);
  request.finish("STOP");
  const log = await collect(generations.events(ALICE, id, {}));
  const texts = log.map((event) => event.kind === "tokens" ? event.text : "");
  expect(log.at(-1)).toMatchObject({ kind: "finished", text: texts.join("") });
  expect(log.flatMap((event) => event.kind === "tokens" ? event.tokens.map(({ id }) => id) : []))
    .toEqual([300, 301]);
});

Deno.test("a log that cannot be written at all tells its watchers, and the next start closes it", async () => {
  const logged: unknown[] = [];
  await using test = await TestGateway.make({
    log: (level, message, fields) => {
      if (level === "error") logged.push([message, fields]);
    },
  });
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  const request = await test.engine.request(0);
  const stream = generations.events(ALICE, id, {});
  await fillDisk(test, "is not null");
  request.tokens(300);
  expect((await failure(collect(stream))).code).toBe("CAPACITY");
  expect(request.cancelled).toBe(true);
  expect(logged).toEqual([["unexpected error beside the requests", {
    error: "CapacityError",
    code: "CAPACITY",
    detail: "The database cannot do this: its disk is full",
    stack: expect.arrayContaining([expect.stringMatching(/^at /)]),
  }]]);
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

Deno.test("what waits gets the units of a generation whose end could not be written", async () => {
  await using test = await TestGateway.make({
    reportError: () => {},
    admission: { totalUnits: 1, unitsPerPrincipal: 1 },
  });
  const { generations } = test.gateway;
  const { id: first } = await generations.start(ALICE, input);
  const { id: second } = await generations.start(ALICE, input);
  const request = await test.engine.request(0);
  const stream = generations.events(ALICE, first, {});
  await fillDisk(test, "is not null");
  request.finish("STOP");
  await failure(collect(stream));
  await sql`drop trigger full`.execute(test.db);
  test.clock.advance(HEARTBEAT_MS);
  expect((await test.engine.request(1)).command.requestId).toBe(second);
  expect(await generations.get(ALICE, first)).toMatchObject({ error: { code: "INTERRUPTED" } });
  await generations.cancel(ALICE, second);
});

Deno.test("units that could not be given away are given away later", async () => {
  const reported: unknown[] = [];
  await using test = await TestGateway.make({
    reportError: (error) => void reported.push(error),
    admission: { totalUnits: 1, unitsPerPrincipal: 1 },
  });
  const { generations } = test.gateway;
  const { id: first } = await generations.start(ALICE, input);
  const { id: second } = await generations.start(ALICE, input);
  const request = await test.engine.request(0);
  await sql`create trigger busy before update on unit_turn begin select raise(abort, 'database is locked'); end`
    .execute(test.db);
  request.finish("STOP");
  await collect(generations.events(ALICE, first, {}));
  while (reported.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  expect(reported).toMatchObject([{ code: "CAPACITY" }]);
  await sql`drop trigger busy`.execute(test.db);
  await new Promise((resolve) => setTimeout(resolve, 1)); // what has failed has said so
  test.clock.advance(1_000);
  expect((await test.engine.request(1)).command.requestId).toBe(second);
  await generations.cancel(ALICE, second);
});

Deno.test("a merge whose end cannot be written tells its watchers, and is closed when it can be", async () => {
  await using test = await TestGateway.make({ reportError: () => {}, modelDirs: [DEMO_DIR] });
  const { merges } = test.gateway;
  await sql`create trigger full before insert on merge_events when new.kind in ('finished', 'failed')
    begin select raise(abort, 'database or disk is full'); end`.execute(test.db);
  const config = await Deno.readTextFile(`${DEMO_DIR}/merge.yml`);
  const configYaml = config.replaceAll("parents/", `${DEMO_DIR}/parents/`);
  const { id } = await merges.start(ADMIN, { configYaml, name: "full/disk" });
  const events: MergeEvent[] = [];
  const watched = failure((async () => {
    for await (const event of merges.events(id, {})) events.push(event);
  })());
  expect((await watched).code).toBe("CAPACITY");
  await sql`drop trigger full`.execute(test.db);
  test.clock.advance(HEARTBEAT_MS);
  while ((await merges.get(id))!.finishedAt === null) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await merges.get(id)).toMatchObject({ status: "FAILED", error: { code: "INTERRUPTED" } });
});
