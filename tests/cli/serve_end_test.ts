/** The end of a serving process where what it has to end does not let it. */
import { expect } from "@std/expect";
import { endWithin } from "../../src/cli/serve_end.ts";

type Line = readonly [level: string, message: string, fields: Readonly<Record<string, unknown>>];

function recorded() {
  const lines: Line[] = [];
  const log = (level: string, message: string, fields: Readonly<Record<string, unknown>> = {}) => {
    lines.push([level, message, fields]);
  };
  return { lines, log };
}

Deno.test("endWithin() waits for what ends, and says nothing", async () => {
  const { lines, log } = recorded();
  const ended: string[] = [];
  const cleanup = new AsyncDisposableStack();
  for (const name of ["opened first", "opened last"]) {
    cleanup.defer(async () => {
      await new Promise((resolve) => setTimeout(resolve));
      ended.push(name);
    });
  }
  await endWithin(cleanup, { log });
  expect(ended).toEqual(["opened last", "opened first"]);
  expect(lines).toEqual([]);
});

Deno.test("endWithin() waits for nobody longer than its limit", async () => {
  const { lines, log } = recorded();
  const cleanup = new AsyncDisposableStack();
  const silent = Promise.withResolvers<void>();
  cleanup.defer(() => silent.promise);
  await endWithin(cleanup, { log, limitMs: 1 });
  expect(lines).toEqual([["error", "what had to be ended did not end in time", { limitMs: 1 }]]);
  silent.reject(new Error("Nobody hears of this any more"));
  await new Promise((resolve) => setTimeout(resolve));
});

Deno.test("endWithin() logs each failure of an end, and throws none", async () => {
  const { lines, log } = recorded();
  const cleanup = new AsyncDisposableStack();
  const ended: string[] = [];
  cleanup.defer(() => void ended.push("first opened"));
  cleanup.defer(() => Promise.reject(new RangeError("second")));
  cleanup.defer(() => Promise.reject(new TypeError("last opened")));
  await endWithin(cleanup, { log });
  expect(ended).toEqual(["first opened"]);
  expect(lines.filter(([level]) => level === "error").map(([, message, { error }]) => [message, error]))
    .toEqual([
      ["unexpected error while stopping", "TypeError"],
      ["unexpected error while stopping", "RangeError"],
    ]);
});
