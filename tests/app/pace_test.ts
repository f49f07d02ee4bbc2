/** How long a turn is said to take, and how long a model that does not load is left alone; whatever the clock does. */
import { expect } from "@std/expect";
import { LoadBackOff } from "../../src/app/load_back_off.ts";
import { Pace } from "../../src/app/pace.ts";
import { CapacityError, ConfigError, NotFoundError } from "../../src/errors.ts";
import { ManualClock } from "../support/gateway.ts";

function setUp() {
  const clock = new ManualClock();
  const pace = new Pace(clock);
  const run = (id: string, ms: number) => {
    pace.began(id);
    clock.advance(ms);
    pace.ended(id);
  };
  return { clock, pace, run };
}

Deno.test("Pace divides the mean of what has ended by what runs", () => {
  const { pace, run } = setUp();
  expect(pace.estimateMs(1)).toBeNull();
  run("a", 1_000);
  run("b", 3_000);
  pace.ended("b"); // a second time, or one that never began, counts for nothing
  pace.ended("never");
  expect(pace.estimateMs(3)).toBe(6_000); // as if one ran
  for (const id of ["c", "d", "e", "f"]) pace.began(id);
  expect(pace.estimateMs(1)).toBe(500);
  expect(pace.estimateMs(3)).toBe(1_500);
});

Deno.test("Pace forgets what ended long ago", () => {
  const { pace, run } = setUp();
  run("slow", 1e9);
  for (let count = 0; count < 32; count++) run(`${count}`, 10);
  expect(pace.estimateMs(1)).toBe(10);
});

Deno.test("Pace never estimates less than nothing, though the clock is set back", () => {
  const { pace, run } = setUp();
  run("a", -3_600_000);
  expect(pace.estimateMs(5)).toBe(0);
});

/** When the model may be tried again, by the second; null: now. */
function waits(backOff: LoadBackOff, nowMs: number): unknown {
  try {
    backOff.require("m", nowMs);
    return null;
  } catch (error) {
    return (error as CapacityError).details["retryAfterMs"];
  }
}

Deno.test("LoadBackOff waits from the second failure on, twice as long with each, up to a minute", () => {
  const backOff = new LoadBackOff();
  const waited: unknown[] = [];
  for (let count = 0; count < 10; count++) {
    backOff.failed(new ConfigError("broken", {}), 0);
    waited.push(waits(backOff, 0));
  }
  expect(waited).toEqual([null, 1e3, 2e3, 4e3, 8e3, 16e3, 32e3, 60e3, 60e3, 60e3]);
  expect([waits(backOff, 59_999), waits(backOff, 60_000)]).toEqual([1, null]);
  backOff.succeeded();
  expect(waits(backOff, 0)).toBeNull();
});

Deno.test("LoadBackOff counts nothing that does not speak of the model", () => {
  const backOff = new LoadBackOff();
  for (const error of [new CapacityError("full", {}), new NotFoundError("gone", {}), new Error("a bug")]) {
    for (let count = 0; count < 3; count++) backOff.failed(error, 0);
  }
  expect(waits(backOff, 0)).toBeNull();
});

Deno.test("LoadBackOff does not wait for a clock that was set back", () => {
  const backOff = new LoadBackOff();
  for (let count = 0; count < 3; count++) backOff.failed(new ConfigError("broken", {}), 0);
  expect(waits(backOff, -3_600_000)).toBeNull();
});
