import { expect } from "@std/expect";
import { formatBytes, formatDuration, parseByteSize, parseKeepAlive } from "../../src/cli/units.ts";

Deno.test("parseByteSize() reads sizes as mergekit and people write them", () => {
  const sizes: readonly (readonly [string, number | undefined])[] = [
    ["30000", 30000],
    ["5GB", 5e9],
    ["5B", 5e9],
    ["500M", 5e8],
    ["500 mb", 5e8],
    ["1.5GiB", 1.5 * 2 ** 30],
    ["2k", 2000],
    ["0", undefined],
    ["0.0001k", undefined],
    ["-5", undefined],
    ["5 potatoes", undefined],
    ["GB", undefined],
    ["", undefined],
    ["1e9", undefined],
    ["99999999TB", undefined],
  ];
  for (const [text, bytes] of sizes) expect({ text, bytes: parseByteSize(text) }).toEqual({ text, bytes });
});

Deno.test("formatBytes() and formatDuration() are short and exact enough", () => {
  expect([0, 999, 1000, 4_312_345, 14_483_498_464, 2e15].map(formatBytes))
    .toEqual(["0 bytes", "999 bytes", "1.0 kB", "4.3 MB", "14.5 GB", "2000 TB"]);
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
