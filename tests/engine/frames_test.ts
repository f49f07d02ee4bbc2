/** Frames on a byte stream: any split, foreign text between them, and every way in which bytes can be wrong. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { FormatError } from "../../src/errors.ts";
import { FrameDecoder, FrameEncoder, MAX_PAYLOAD_BYTES } from "../../src/engine/frames.ts";
import { runs } from "../support/properties.ts";

const message = fc.record({
  type: fc.string(),
  ids: fc.array(fc.nat()),
  text: fc.string({ unit: "binary" }),
});
const encoder = new TextEncoder();

function encodeAll(messages: readonly unknown[]): Uint8Array[] {
  const frames = new FrameEncoder();
  return messages.map((each) => frames.encode(each));
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

interface Decoded {
  readonly messages: unknown[];
  readonly stray: Uint8Array;
  readonly error: unknown;
}

/** Decodes `bytes` cut at `cuts`; what was thrown is a result, too. */
function decode(bytes: Uint8Array, cuts: readonly number[] = [], tolerant = true): Decoded {
  const messages: unknown[] = [];
  const stray: Uint8Array[] = [];
  const decoder = new FrameDecoder({
    onMessage: (each) => messages.push(each),
    ...tolerant ? { onStray: (each: Uint8Array) => void stray.push(each.slice()) } : {},
  });
  let error: unknown = null;
  try {
    const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
    let start = 0;
    for (const end of ends) {
      decoder.push(bytes.slice(start, end));
      start = end;
    }
    decoder.end();
  } catch (thrown) {
    error = thrown;
  }
  return { messages, stray: join(stray), error };
}

Deno.test("FrameDecoder returns what was encoded, however the bytes are split", () => {
  fc.assert(fc.property(fc.array(message), fc.array(fc.nat()), (messages, cuts) => {
    const { messages: decoded, stray, error } = decode(join(encodeAll(messages)), cuts, false);
    expect(error).toBeNull();
    expect(decoded).toEqual(JSON.parse(JSON.stringify(messages)));
    expect(stray.length).toBe(0);
  }));
});

Deno.test("FrameDecoder tells text that others print between frames from the frames", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.string({ unit: "binary" }), message)),
      fc.array(fc.nat()),
      (parts, cuts) => {
        const frames = encodeAll(parts.map(([, each]) => each));
        const printed = parts.map(([text]) => encoder.encode(text));
        const { messages, stray, error } = decode(
          join(frames.flatMap((frame, i) => [printed[i]!, frame])),
          cuts,
        );
        expect(error).toBeNull();
        expect(messages).toEqual(JSON.parse(JSON.stringify(parts.map(([, each]) => each))));
        expect(stray).toEqual(join(printed));
      },
    ),
  );
});

Deno.test("FrameDecoder takes nothing that was altered for a message: a prefix of the truth, then a FormatError", () => {
  const edits = fc.array(
    fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.constantFrom("set", "drop", "add")),
    {
      minLength: 1,
      maxLength: 4,
    },
  );
  fc.assert(
    fc.property(fc.array(message, { minLength: 1 }), edits, fc.array(fc.nat()), fc.boolean(), (...given) => {
      const [messages, changes, cuts, tolerant] = given;
      const original = join(encodeAll(messages));
      const bytes = [...original];
      for (const [where, value, kind] of changes) {
        const at = where % bytes.length;
        if (kind === "set") bytes[at] = value;
        else if (kind === "drop") bytes.splice(at, 1);
        else bytes.splice(at, 0, value);
        if (bytes.length === 0) bytes.push(value);
      }
      const { messages: decoded, error } = decode(Uint8Array.from(bytes), cuts, tolerant);
      const truth = JSON.parse(JSON.stringify(messages));
      expect(decoded).toEqual(truth.slice(0, decoded.length));
      if (error !== null) expect(error).toBeInstanceOf(FormatError);
      // Foreign text between two frames is allowed; without it, whatever is missing has been told.
      else if (!tolerant) expect(decoded.length).toBe(messages.length);
    }),
    { numRuns: runs(500) },
  );
});

Deno.test("FrameDecoder refuses a frame that is too large before it waits for its bytes", () => {
  const [frame] = encodeAll([{}]);
  new DataView(frame!.buffer as ArrayBuffer).setUint32(6, MAX_PAYLOAD_BYTES + 1, false);
  expect(() => new FrameDecoder({ onMessage: () => {} }).push(frame!.subarray(0, 14))).toThrow(
    /at most 16777216/,
  );
  expect(() => new FrameEncoder().encode("x".repeat(MAX_PAYLOAD_BYTES))).toThrow(FormatError);
});

Deno.test("FrameDecoder refuses a lost and a repeated frame", () => {
  const [a, b, c] = encodeAll([1, 2, 3]);
  expect(decode(join([a!, c!])).error).toMatchObject({
    code: "FORMAT",
    message: expect.stringMatching(/number is 2, expected 1/),
  });
  expect(decode(join([a!, b!, b!])).error).toMatchObject({
    message: expect.stringMatching(/number is 1, expected 2/),
  });
});

Deno.test("FrameDecoder takes time in proportion to a frame, however small its pieces", () => {
  const ids = Array.from({ length: 2 ** 19 }, (_, index) => 100_000 + index % 1000);
  const [frame] = encodeAll([ids]);
  const messages: unknown[] = [];
  const decoder = new FrameDecoder({ onMessage: (each) => messages.push(each) });
  const startMs = performance.now();
  for (let at = 0; at < frame!.length; at += 256) decoder.push(frame!.subarray(at, at + 256));
  expect(messages).toEqual([ids]);
  // 14,336 pieces of 3.5 MiB: some 50 GiB if each were put together with all before it.
  expect(performance.now() - startMs).toBeLessThan(5000);
});
