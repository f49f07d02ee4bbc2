import { expect } from "@std/expect";
import { formatDuration, parseKeepAlive } from "../../src/cli/units.ts";

Deno.test("formatDuration() is short and exact enough", () => {
  expect([0.2, 59, 60, 3599, 7260].map(formatDuration))
    .toEqual(["1 s", "59 s", "1 min 0 s", "59 min 59 s", "2 h 1 min"]);
});

Deno.test("parseKeepAlive() reads times as people write them", () => {
  const times: readonly (readonly [string, number | undefined])[] = [
    ["0", 0],
    ["-1", -1],
    ["90", 90],
    ["90s", 90],
    ["5m", 300],
    ["5min", 300],
    ["2h", 7200],
    ["-2", undefined],
    ["1.5h", undefined],
    ["5 m", undefined],
    ["5d", undefined],
    ["", undefined],
  ];
  for (const [text, seconds] of times) {
    expect({ text, seconds: parseKeepAlive(text) }).toEqual({ text, seconds });
  }
});
