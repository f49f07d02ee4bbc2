import { expect } from "@std/expect";
import fc from "fast-check";
import { FormatError } from "../../src/errors.ts";
import {
  encodeHeader,
  parseHeader,
  parseHeaderLength,
  type TensorSpec,
} from "../../src/formats/safetensors.ts";
import { tensorByteLength } from "../../src/tensor/dtype.ts";
import { runs } from "../support/properties.ts";
import { rawSafetensors } from "../support/safetensors.ts";

function parse(bytes: Uint8Array) {
  const length = parseHeaderLength(bytes.subarray(0, 8), bytes.byteLength, "x.safetensors");
  return parseHeader(bytes.subarray(8, 8 + length), bytes.byteLength, "x.safetensors");
}

function refusal(bytes: Uint8Array): FormatError {
  try {
    parse(bytes);
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  throw new Error("Expected a FormatError, nothing was thrown");
}

const tensor = (dtype: string, shape: unknown, offsets: unknown) =>
  JSON.stringify({ dtype, shape, data_offsets: offsets });

Deno.test("parseHeader() reads what encodeHeader() wrote", () => {
  const name = fc.string({ unit: "binary", minLength: 1, maxLength: 20 }).filter((s) => s !== "__metadata__");
  const spec: fc.Arbitrary<TensorSpec> = fc.record({
    name,
    dtype: fc.constantFrom("BF16", "F16", "F32", "F8_E4M3", "I64", "BOOL"),
    shape: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 4 }),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(spec, { selector: (s) => s.name.toWellFormed(), maxLength: 8 }),
      (specs) => {
        const wanted = specs.map((s) => ({ ...s, name: s.name.toWellFormed() }));
        const header = encodeHeader(wanted, { format: "pt" });
        expect(header.byteLength % 8).toBe(0);
        const total = wanted.reduce((sum, s) => sum + tensorByteLength(s.dtype, s.shape)!, 0);
        const file = new Uint8Array(header.byteLength + total);
        file.set(header);
        const parsed = parse(file);
        expect(parsed.metadata.get("format")).toBe("pt");
        const byName = new Map(
          parsed.tensors.map((t) => [t.name, { name: t.name, dtype: t.dtype, shape: t.shape }]),
        );
        for (const s of wanted) expect(byName.get(s.name)).toEqual(s);
        expect(byName.size).toBe(wanted.length);
      },
    ),
  );
});

Deno.test("parseHeader() takes tensors of no bytes wherever the header lists them, and half bytes nowhere", () => {
  const [one, none] = [tensor("F16", [1], [0, 2]), tensor("F32", [0, 3], [0, 0])];
  for (const entries of [`"a":${one},"b":${none}`, `"b":${none},"a":${one}`]) {
    expect(parse(rawSafetensors(`{${entries}}`, 2)).tensors.map(({ name }) => name)).toEqual(["b", "a"]);
  }
  expect(tensorByteLength("F4", [2, 3])).toBe(3);
  expect(refusal(rawSafetensors(`{"a":${tensor("F4", [3], [0, 1])}}`, 1)).message)
    .toMatch(/shape is \[3\], expected a size that F4 can fill/);
});

const REFUSED: readonly [string, Uint8Array, RegExp][] = [
  ["an empty file", new Uint8Array(0), /0 bytes/],
  ["a file shorter than the prefix", new Uint8Array(7), /7 bytes/],
  ["a header longer than the file", rawSafetensors("{}", 0, 1000n), /header length is 1000/],
  ["a header beyond the cap", rawSafetensors("{}", 0, 100_000_001n), /100000000/],
  [
    "a length that is negative as a signed integer",
    rawSafetensors("{}", 0, 0xffffffffffffffffn),
    /18446744073709551615/,
  ],
  ["an empty header", rawSafetensors("", 8, 0n), /header length is 0/],
  ["a header that is no JSON", rawSafetensors("{not json", 0), /not valid JSON/],
  ["a header that is no object", rawSafetensors("[1,2,3]", 0), /does not begin/],
  ["leading spaces", rawSafetensors("   {}", 0), /does not begin/],
  ["invalid UTF-8", invalidUtf8(), /UTF-8/],
  [
    "nesting that would overflow the stack",
    rawSafetensors('{"a":' + "[".repeat(2_000_000), 0),
    /not valid JSON/,
  ],
  [
    "nesting that only writing it would overflow",
    rawSafetensors(`{"a":${"[".repeat(20_000)}${"]".repeat(20_000)}}`, 0),
    /nests deeper than 256 levels/,
  ],
  [
    "a tensor named twice",
    rawSafetensors(`{"a":${tensor("U8", [1], [0, 1])},"a":${tensor("U8", [1], [0, 1])}}`, 1),
    /occurs twice/,
  ],
  [
    "a tensor named twice, once in escapes",
    rawSafetensors(`{"a":${tensor("U8", [1], [0, 1])},"\\u0061":${tensor("U8", [1], [0, 1])}}`, 1),
    /occurs twice/,
  ],
  [
    "a field given twice",
    rawSafetensors(`{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1),
    /occurs twice/,
  ],
  ["metadata that is no object", rawSafetensors(`{"__metadata__":[]}`, 0), /__metadata__/],
  ["metadata that is no string", rawSafetensors(`{"__metadata__":{"a":1}}`, 0), /metadata/],
  ["an entry that is no object", rawSafetensors(`{"a":null}`, 0), /entry is null/],
  ["an unknown dtype", rawSafetensors(`{"a":${tensor("BF17", [1], [0, 2])}}`, 2), /dtype is "BF17"/],
  ["a dtype of the prototype", rawSafetensors(`{"a":${tensor("toString", [1], [0, 2])}}`, 2), /dtype is/],
  ["a negative dimension", rawSafetensors(`{"a":${tensor("U8", [-1], [0, 1])}}`, 1), /shape is/],
  ["a fractional dimension", rawSafetensors(`{"a":${tensor("U8", [1.5], [0, 1])}}`, 1), /shape is/],
  [
    "a shape that overflows",
    rawSafetensors(`{"a":${tensor("F32", [2 ** 40, 2 ** 40], [0, 4])}}`, 4),
    /shape is/,
  ],
  [
    "a shape that overflows to zero in 64 bits",
    rawSafetensors(`{"a":${tensor("U8", [2 ** 32, 2 ** 32], [0, 0])}}`, 0),
    /shape is/,
  ],
  [
    "a rank beyond reason",
    rawSafetensors(`{"a":${tensor("U8", Array(1000).fill(1), [0, 1])}}`, 1),
    /shape is/,
  ],
  ["a shape that is no list", rawSafetensors(`{"a":${tensor("U8", 1, [0, 1])}}`, 1), /shape is/],
  ["packed elements that fill no whole byte", rawSafetensors(`{"a":${tensor("F4", [3], [0, 2])}}`, 2), /F4/],
  ["descending offsets", rawSafetensors(`{"a":${tensor("U8", [1], [1, 0])}}`, 1), /data_offsets/],
  ["one offset", rawSafetensors(`{"a":${tensor("U8", [1], [1])}}`, 1), /data_offsets/],
  [
    "offsets beyond 2^53",
    rawSafetensors(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[9007199254740993,9007199254740994]}}`, 1),
    /data_offsets/,
  ],
  [
    "a span shorter than the shape",
    rawSafetensors(`{"a":${tensor("F32", [2], [0, 4])}}`, 4),
    /span is 4 bytes, expected 8/,
  ],
  [
    "overlapping spans",
    rawSafetensors(`{"a":${tensor("U8", [4], [0, 4])},"b":${tensor("U8", [4], [2, 6])}}`, 6),
    /overlaps/,
  ],
  [
    "equal spans",
    rawSafetensors(`{"a":${tensor("U8", [4], [0, 4])},"b":${tensor("U8", [4], [0, 4])}}`, 4),
    /overlaps/,
  ],
  ["a gap", rawSafetensors(`{"a":${tensor("U8", [4], [0, 4])},"b":${tensor("U8", [4], [5, 9])}}`, 9), /gap/],
  ["a gap at the start", rawSafetensors(`{"a":${tensor("U8", [4], [1, 5])}}`, 5), /gap/],
  ["a truncated file", rawSafetensors(`{"a":${tensor("U8", [4], [0, 4])}}`, 3), /ends at byte/],
  ["trailing bytes", rawSafetensors(`{"a":${tensor("U8", [4], [0, 4])}}`, 5), /tensors end at/],
];
for (const [what, bytes, message] of REFUSED) {
  Deno.test(`parseHeader() refuses ${what}`, () => {
    const error = refusal(bytes);
    expect(error.message).toMatch(message);
    expect(error.details.file).toBe("x.safetensors");
    expect(error.message.length).toBeLessThan(400);
  });
}

Deno.test("parseHeader() accepts an empty file, empty tensors and scalars", () => {
  expect(parse(rawSafetensors("{}", 0)).tensors).toEqual([]);
  const both = parse(
    rawSafetensors(`{"s":${tensor("F32", [], [0, 4])},"e":${tensor("F32", [0, 2 ** 53 - 1], [4, 4])}}   `, 4),
  );
  expect(both.tensors.map((t) => [t.name, t.byteLength])).toEqual([["s", 4], ["e", 0]]);
});

Deno.test("parseHeader() answers mutated bytes with a FormatError or a sound header, nothing else", () => {
  const original = rawSafetensors(
    `{"__metadata__":{"format":"pt"},"a":${tensor("BF16", [2, 3], [0, 12])},"b":${
      tensor("F32", [1], [12, 16])
    }}`,
    16,
  );
  const mutation = fc.record({
    at: fc.nat({ max: original.length - 17 }),
    byte: fc.integer({ min: 0, max: 255 }),
  });
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), fc.nat({ max: 20 }), (mutations, cut) => {
      const bytes = original.slice(0, original.length - cut);
      for (const { at, byte } of mutations) bytes[at] = byte;
      try {
        let end = 0;
        for (const { offset, byteLength } of parse(bytes).tensors) {
          expect(offset).toBeGreaterThanOrEqual(end);
          end = offset + byteLength;
          expect(end).toBeLessThanOrEqual(bytes.length);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }),
    { numRuns: runs(5000) },
  );
});

function invalidUtf8(): Uint8Array {
  const bytes = rawSafetensors(`{"a":1}`, 0);
  bytes[10] = 0xff;
  return bytes;
}
