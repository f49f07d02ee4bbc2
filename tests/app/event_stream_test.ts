/** A watcher over a log and a hub: how often it has to look into the log. */
import { expect } from "@std/expect";
import { EventHub } from "../../src/app/events/event_hub.ts";
import { EventStream } from "../../src/app/events/event_stream.ts";
import type { GenerationEvent } from "../../src/app/types.ts";

/** A log that grows as the test says, and counts who reads it. */
class Log {
  readonly events: GenerationEvent[] = [];
  readonly hub = new EventHub<GenerationEvent>();
  reads = 0;
  isOpen = true;

  append(count: number, kind: "queued" | "cancelled" = "queued"): void {
    const start = this.events.length;
    for (let seq = start + 1; seq <= start + count; seq++) {
      const event = { seq, generationId: "g", at: new Date(0), kind, position: 1 };
      this.events.push(event as unknown as GenerationEvent);
    }
    this.hub.publish("g", () => this.events.slice(start));
  }

  watch(afterSeq = 0): EventStream<GenerationEvent> {
    return new EventStream(
      {
        authorize: () => Promise.resolve(),
        read: (after, limit) => {
          this.reads++;
          return Promise.resolve(this.events.slice(after, after + limit));
        },
        isTerminal: ({ kind }) => kind === "cancelled",
        isOpen: () => this.isOpen,
        subscribe: (wake) => this.hub.subscribe("g", wake),
        onAttached: () => {},
        onDetached: () => {},
      },
      afterSeq,
      undefined,
    );
  }
}

async function seqs(stream: EventStream<GenerationEvent>, count: number): Promise<number[]> {
  const seen: number[] = [];
  while (seen.length < count) seen.push((await stream.next()).value!.seq);
  return seen;
}

Deno.test("EventStream reads the log once, and then lives on what is published", async () => {
  const log = new Log();
  log.append(3);
  const watchers = [log.watch(), log.watch(), log.watch(2)];
  for (const [index, watcher] of watchers.entries()) {
    expect((await seqs(watcher, 1))[0]).toBe([1, 1, 3][index]);
  }
  for (const watcher of watchers.slice(0, 2)) await seqs(watcher, 2);
  for (let step = 0; step < 100; step++) {
    const next = watchers.map((watcher) => seqs(watcher, 2));
    await Promise.resolve();
    log.append(2);
    for (const seen of await Promise.all(next)) expect(seen).toEqual([4 + 2 * step, 5 + 2 * step]);
  }
  // Once for what was there, and once to find that there was no more.
  expect(log.reads).toBeLessThanOrEqual(2 * watchers.length);
});

Deno.test("EventStream goes back to the log when it has fallen behind, and misses nothing", async () => {
  const log = new Log();
  log.append(1);
  const watcher = log.watch();
  expect(await seqs(watcher, 1)).toEqual([1]);
  for (let step = 0; step < 50; step++) log.append(3);
  expect(await seqs(watcher, 150)).toEqual(Array.from({ length: 150 }, (_, index) => index + 2));
  log.append(1, "cancelled");
  log.isOpen = false;
  log.hub.close("g");
  expect(await seqs(watcher, 1)).toEqual([152]);
  expect(await watcher.next()).toEqual({ done: true, value: undefined });
});

Deno.test("EventStream waits for a cursor that is ahead of the log", async () => {
  const log = new Log();
  const watcher = log.watch(5);
  const next = watcher.next();
  for (let step = 0; step < 3; step++) log.append(2);
  expect((await next).value?.seq).toBe(6);
  await watcher.return();
});
