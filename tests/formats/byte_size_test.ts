import { expect } from "@std/expect";
import fc from "fast-check";
import { formatBytes, formatBytesApart, parseByteSize } from "../../src/byte_size.ts";

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

Deno.test("formatBytes() is short and exact enough", () => {
  expect([0, 1, 999, 1000, 999_999, 4_312_345, 14_483_498_464, 999.96e9, 2e15].map(formatBytes))
    .toEqual([
      "0 bytes",
      "1 byte",
      "999 bytes",
      "1.0 kB",
      "1.0 MB",
      "4.3 MB",
      "14.5 GB",
      "1.0 TB",
      "2000 TB",
    ]);
});

Deno.test("formatBytesApart() tells apart what differs, and no more", () => {
  expect(formatBytesApart(8.41e9, 8.4e9)).toEqual(["8.41 GB", "8.40 GB"]);
  expect(formatBytesApart(8_400_000_001, 8_400_000_000)).toEqual(["8.400000001 GB", "8.400000000 GB"]);
  expect(formatBytesApart(20e9, 20e9)).toEqual(["20.0 GB", "20.0 GB"]);
  expect(formatBytesApart(2e9, 512)).toEqual(["2.0 GB", "512 bytes"]);
  fc.assert(fc.property(fc.array(fc.nat({ max: 2 ** 42 }), { minLength: 1, maxLength: 4 }), (sizes) => {
    const texts = formatBytesApart(...sizes);
    expect(new Set(texts).size).toBe(new Set(sizes).size);
  }));
});
