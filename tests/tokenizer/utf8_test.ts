import { expect } from "@std/expect";
import fc from "fast-check";
import { Utf8Stream } from "../../src/tokenizer/utf8.ts";

function decode(bytes: readonly number[]): readonly string[] {
  const stream = new Utf8Stream();
  return [...bytes.map((byte) => stream.push(Uint8Array.of(byte))), stream.flush()];
}

Deno.test("push() gives a character with its last byte", () => {
  expect(decode([0x61, 0xf0, 0x9f, 0x98, 0x80, 0xc3, 0xa9])).toEqual(["a", "", "", "", "😀", "", "é", ""]);
});

const bad: readonly (readonly [string, readonly number[], string])[] = [
  ["a stray continuation", [0x80, 0x61], "\ufffda"],
  ["a truncated character before ASCII", [0xe4, 0xbd, 0x61], "\ufffd\ufffda"],
  ["a truncated character at the end", [0xf0, 0x9f, 0x98], "\ufffd\ufffd\ufffd"],
  ["a truncated character before another", [0xc3, 0xc3, 0xa9], "\ufffdé"],
  ["an overlong form", [0xc0, 0xaf], "\ufffd\ufffd"],
  ["an overlong three-byte form", [0xe0, 0x80, 0xaf], "\ufffd\ufffd\ufffd"],
  ["a surrogate", [0xed, 0xa0, 0x80], "\ufffd\ufffd\ufffd"],
  ["a code point past the last", [0xf4, 0x90, 0x80, 0x80], "\ufffd\ufffd\ufffd\ufffd"],
  ["bytes that never occur", [0xff, 0xfe], "\ufffd\ufffd"],
];
for (const [what, bytes, expected] of bad) {
  Deno.test(`push() replaces ${what} byte by byte`, () => {
    expect(decode(bytes).join("")).toBe(expected);
  });
}

Deno.test("push() agrees with the platform's decoder on all valid text, a byte order mark included", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    expect(decode([...new TextEncoder().encode("\ufeff" + text)]).join("")).toBe(
      "\ufeff" + text.toWellFormed(),
    );
  }));
});
