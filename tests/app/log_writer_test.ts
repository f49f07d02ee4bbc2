/** Logs of many subjects in few transactions: order, numbers without gaps, and failures that stay with whom they belong to. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { EventHub } from "../../src/app/events/event_hub.ts";
import { EventLog } from "../../src/app/events/event_log.ts";
import { LogWriter } from "../../src/app/events/log_writer.ts";
import { appendEvents, type GenerationEventRow, isEventWritten } from "../../src/store/generation_events.ts";
import type { Db } from "../../src/store/database.ts";
import { ALICE, HELPER, ManualClock, TestGateway } from "../support/gateway.ts";

interface Event {
  readonly seq: number;
  readonly text: string;
}

/** A writer over the real database, with logs of generations that are there. */
async function setUp(test: TestGateway, count: number) {
  const batches: number[] = [];
  const writer = new LogWriter<GenerationEventRow>(test.db, {
    insert: async (trx, rows) => {
      batches.push(rows.length);
      await appendEvents(trx, rows);
    },
    isWritten: isEventWritten,
  });
  const logs = [];
  for (let index = 0; index < count; index++) {
    const { id } = await test.gateway.generations.start(ALICE, { model: HELPER, prompt: { text: "Hi" } });
    const hub = new EventHub<Event>();
    const seen: Event[] = [];
    hub.subscribe(id, (events) => seen.push(...events));
    const log = new EventLog<string, Event, GenerationEventRow>({
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
    { numRuns: 30 },
  );
});
