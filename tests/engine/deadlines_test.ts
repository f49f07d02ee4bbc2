/** Deadlines to the millisecond, and timers that hold only so much. */
import { expect } from "@std/expect";
import { Alarm, overdue } from "../../src/engine/deadlines.ts";
import type { Sequence } from "../../src/engine/sequence.ts";

const open = (deadlineMs: number | null) => ({ sequence: { deadlineMs, completionTokens: 3 } as Sequence });

Deno.test("overdue() are those whose deadline has come", () => {
  const requests = [open(null), open(100), open(101)];
  expect(overdue(requests, 99)).toEqual([]);
  const late = overdue(requests, 100);
  expect(late.map(([request]) => request)).toEqual([requests[1]]);
  expect(late[0]![1].details).toEqual({ reason: "DEADLINE", completionTokens: 3 });
});

Deno.test("Alarm keeps one timer, for the nearest deadline, and none that a timer cannot hold", () => {
  const set: number[] = [];
  let running = 0;
  const alarm = new Alarm(() => {}, {
    now: () => 1_000,
    setTimer: (_, ms) => {
      set.push(ms);
      running++;
      return () => running--;
    },
  });
  alarm.set([open(null)]);
  expect([set, running]).toEqual([[], 0]);
  alarm.set([open(5_000), open(null), open(1_500.5)]);
  alarm.set([open(900)]);
  alarm.set([open(1e12)]);
  expect([set, running]).toEqual([[501, 0, 2 ** 31 - 1], 1]);
  alarm.clear();
  expect(running).toBe(0);
});
