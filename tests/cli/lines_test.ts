import { expect } from "@std/expect";
import fc from "fast-check";
import { ConfigError } from "../../src/errors.ts";
import { readLines } from "../../src/cli/lines.ts";

async function linesOf(bytes: Uint8Array, chunkSize: number, maxLength = 1000): Promise<readonly string[]> {
  const chunks: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += chunkSize) {
    chunks.push(bytes.slice(start, start + chunkSize));
  }
  return await Array.fromAsync(readLines(ReadableStream.from(chunks), { name: "input", maxLength }));
}

Deno.test("readLines() gives the same lines however the bytes arrive", async () => {
  const line = fc.string({ unit: fc.constantFrom("a", "é", "😀", " ", '"') });
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.integer({ min: 1, max: 5 }), async (lines, chunkSize) => {
      const bytes = new TextEncoder().encode(lines.map((line) => line + "\n").join(""));
      expect(await linesOf(bytes, chunkSize)).toEqual(lines);
    }),
  );
});

Deno.test("readLines() takes Windows line ends and a last line without one", async () => {
  expect(await linesOf(new TextEncoder().encode("a\r\n\nb"), 2)).toEqual(["a", "", "b"]);
});

Deno.test("readLines() refuses a line without end", async () => {
  await expect(linesOf(new Uint8Array(5000).fill(0x61), 100)).rejects.toThrow(ConfigError);
});
