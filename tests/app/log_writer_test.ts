/** Logs of many subjects in few transactions: order, numbers without gaps, and failures that stay with whom they belong to. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { EventHub } from "../../src/app/events/event_hub.ts";
import { EventLog } from "../../src/app/events/event_log.ts";
import { LogWriter, type LogWriterOptions } from "../../src/app/events/log_writer.ts";
import {
  appendEvents,
  type GenerationEventRow as Row,
  isEventWritten,
} from "../../src/store/generation_events.ts";
import type { Db } from "../../src/store/database.ts";
import { StoreBusyError } from "../../src/store/store_busy.ts";
import { ALICE, HELPER, ManualClock, TestGateway } from "../support/gateway.ts";
import { runs } from "../support/properties.ts";

interface Event {
  readonly seq: number;
  readonly text: string;
}

/** A writer over the real database, with logs of generations that are there. */
async function setUp(test: TestGateway, count: number, options: Partial<LogWriterOptions<Row>> = {}) {
  const batches: number[] = [];
  const writer = new LogWriter<Row>(test.db, {
    insert: async (trx, rows) => {
      batches.push(rows.length);
      await appendEvents(trx, rows);
    },
    isWritten: isEventWritten,
    ...options,
  });
  const logs = [];
  for (let index = 0; index < count; index++) {
    const { id } = await test.gateway.generations.start(ALICE, { model: HELPER, prompt: { text: "Hi" } });
    const hub = new EventHub<Event>();
    const seen: Event[] = [];
    hub.subscribe(id, (events) => seen.push(...events));
    const log = new EventLog<string, Event, Row>({
      ...{ writer, hub, clock: new ManualClock(), subjectId: id, lastSeq: 100 },
      toRow: ({ seq, at, body }) => ({
        generation_id: id,
        seq,
        at: at.toISOString(),
        kind: "tokens",
        payload: JSON.stringify(body),
      }),
      toEvent: ({ seq, body }) => ({ seq, text: body }),
    });
    logs.push({ id, log, seen });
  }
  return { writer, batches, logs };
}

async function stored(db: Db, id: string): Promise<readonly [number, string][]> {
  const rows = await db.selectFrom("generation_events").select(["seq", "payload"])
    .where("generation_id", "=", id).where("seq", ">", 100).orderBy("seq").execute();
  return rows.map(({ seq, payload }) => [seq, JSON.parse(payload)]);
}

Deno.test("LogWriter writes what comes in one turn in one transaction", async () => {
  await using test = await TestGateway.make();
  const { logs, batches } = await setUp(test, 4);
  await Promise.all(logs.flatMap(({ log }) => [log.append(["a", "b"]), log.append(["c"])]));
  expect(batches).toEqual([12]);
  for (const { id, seen } of logs) {
    const all = [[101, "a"], [102, "b"], [103, "c"]];
    expect(await stored(test.db, id)).toEqual(all);
    expect(seen.map(({ seq, text }) => [seq, text])).toEqual(all);
  }
});

Deno.test("LogWriter fails what cannot be written, and nothing else; what fails takes no number", async () => {
  await using test = await TestGateway.make();
  const { logs } = await setUp(test, 3);
  const script = fc.array(fc.record({ log: fc.nat({ max: 2 }), fails: fc.boolean(), wait: fc.boolean() }), {
    maxLength: 12,
  });
  const expected = logs.map((): string[] => []);
  let count = 0;
  await fc.assert(
    fc.asyncProperty(script, async (steps) => {
      const results: Promise<void>[] = [];
      for (const { log, fails, wait } of steps) {
        const text = `${count++}`;
        const appended = logs[log]!.log.append([text], () => {
          return fails ? Promise.reject(new Error(text)) : Promise.resolve();
        });
        if (!fails) expected[log]!.push(text);
        results.push(fails ? expect(appended).rejects.toThrow(text) : appended);
        if (wait) await results.at(-1);
      }
      await Promise.all(results);
      for (const [index, { id, seen }] of logs.entries()) {
        const all = expected[index]!.map((text, place) => [101 + place, text]);
        expect(await stored(test.db, id)).toEqual(all);
        expect(seen.map(({ seq, text }) => [seq, text])).toEqual(all);
      }
    }),
    { numRuns: runs(30) },
  );
});

/** What the database says while it is away. */
const away = () => new StoreBusyError("its connection was lost");

Deno.test("LogWriter waits for a database that is away, and writes everything once", async () => {
  await using test = await TestGateway.make();
  let failures = 3;
  const insert = async (trx: Db, rows: readonly Row[]) => {
    if (failures-- > 0) throw away();
    await appendEvents(trx, rows);
  };
  const { logs } = await setUp(test, 2, { insert });
  const appended = logs.map(({ log }) => log.append(["a", "b"]));
  await appended[0];
  await Promise.all([...appended, ...logs.map(({ log }) => log.append(["c"]))]);
  for (const { id, seen } of logs) {
    expect(await stored(test.db, id)).toEqual([[101, "a"], [102, "b"], [103, "c"]]);
    expect(seen.map(({ text }) => text)).toEqual(["a", "b", "c"]);
  }
});

Deno.test("LogWriter finds what was committed before the connection was lost", async () => {
  await using test = await TestGateway.make();
  let commits = 0;
  const insert = async (trx: Db, rows: readonly Row[]) => {
    await appendEvents(trx, rows);
    if (commits++ === 0) throw away(); // after it is on disk, for a statement alone is a transaction
  };
  const { logs: [one] } = await setUp(test, 1, { insert });
  await one!.log.append(["a", "b"]);
  await one!.log.append(["c"]);
  expect(commits).toBe(2);
  expect(await stored(test.db, one!.id)).toEqual([[101, "a"], [102, "b"], [103, "c"]]);
  expect(one!.seen.map(({ text }) => text)).toEqual(["a", "b", "c"]);
});

Deno.test("LogWriter gives a database up that stays away, and takes no numbers for what it could not write", async () => {
  await using test = await TestGateway.make();
  let isAway = true;
  const insert = async (trx: Db, rows: readonly Row[]) => {
    if (isAway) throw away();
    await appendEvents(trx, rows);
  };
  const { logs } = await setUp(test, 3, { insert, patienceMs: 60 });
  const outcomes = await Promise.allSettled(logs.map(({ log }) => log.append(["lost"])));
  expect(outcomes.map((one) => one.status)).toEqual(["rejected", "rejected", "rejected"]);
  isAway = false;
  for (const { id, log } of logs) {
    await log.append(["a"]);
    expect(await stored(test.db, id)).toEqual([[101, "a"]]);
  }
});
