/** Tokens to text under stop strings, held against the plain definition on the whole text. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { OutputText } from "../../src/app/generate/output_text.ts";
import type { EventToken } from "../../src/app/types.ts";
import { StopMatcher } from "../../src/tokenizer/stop_strings.ts";

/** Token i stands for pieces[i]; bytes of unfinished characters are not its business here. */
function outputOf(pieces: readonly string[], stop: readonly string[], minTokens = 0): OutputText {
  return new OutputText({
    decoder: { push: (id) => pieces[id]!, flush: () => "" },
    stops: stop.length === 0 ? null : new StopMatcher(stop),
    minTokens,
    textOf: (id) => `<${id}>`,
  });
}

/** Where the answer ends: before the stop string that begins first in the whole text. */
function cutAt(pieces: readonly string[], stop: readonly string[], minTokens: number): string {
  const free = pieces.slice(0, minTokens).join("");
  const text = pieces.slice(minTokens).join("");
  const found = stop.map((string) => text.indexOf(string)).filter((index) => index >= 0);
  return free + text.slice(0, found.length === 0 ? undefined : Math.min(...found));
}

Deno.test("OutputText.push() gives exactly the text before the first stop string, whole tokens at a time", () => {
  const piece = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 4 });
  const stops = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 5 }), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), stops, fc.nat({ max: 5 }), (pieces, stop, minTokens) => {
      const output = outputOf(pieces, stop, minTokens);
      const given: EventToken[] = [];
      for (const id of pieces.keys()) {
        if (output.stopped) break;
        given.push(...output.push({ id }));
      }
      const { endsStopped } = output;
      given.push(...output.finish().tokens);
      expect(output.stopped).toBe(endsStopped);
      expect(given.map((token) => token.text).join("")).toBe(cutAt(pieces, stop, minTokens));
      expect(output.text).toBe(cutAt(pieces, stop, minTokens));
      // Every token that went in comes out, once, in order.
      expect(given.map((token) => token.id)).toEqual(
        Array.from({ length: output.tokenCount }, (_, id) => id),
      );
      if (!output.stopped) expect(output.tokenCount).toBe(pieces.length);
    }),
  );
});

Deno.test("OutputText.push() gives a token at once when nothing of it can begin a stop string", () => {
  const output = outputOf(["Hello", " wor", "ld"], ["END"]);
  expect(output.push({ id: 0 }).map((token) => token.text)).toEqual(["Hello"]);
  expect(output.push({ id: 1 }).map((token) => token.text)).toEqual([" wor"]);
});

Deno.test("OutputText.push() holds a token that may begin a stop string, with all of its text", () => {
  const output = outputOf(["so E", "N", "d"], ["END"]);
  expect(output.push({ id: 0 })).toEqual([]);
  expect(output.push({ id: 1 })).toEqual([]);
  expect(output.push({ id: 2 }).map((token) => token.text)).toEqual(["so E", "N", "d"]);
});

Deno.test("OutputText.finish() ends before a stop string that only what began before it had held back", () => {
  const output = outputOf(["xa", "bc"], ["abcd", "bc"]);
  expect([0, 1].flatMap((id) => output.push({ id }))).toEqual([]);
  expect([output.stopped, output.endsStopped]).toEqual([false, true]);
  expect(output.finish().tokens.map((token) => token.text)).toEqual(["xa", ""]);
  expect([output.stopped, output.text]).toEqual([true, "xa"]);
});

Deno.test("OutputText.finish() looks for stop strings in what is left of a character, too", () => {
  const stops = new StopMatcher(["a\ufffd"]);
  const decoder = { push: (id: number) => ["xa", ""][id]!, flush: () => "\ufffd\ufffd" };
  const output = new OutputText({ decoder, stops, minTokens: 0, textOf: () => "" });
  const given = [0, 1].flatMap((id) => output.push({ id }));
  const { tokens, text } = output.finish();
  expect([...given, ...tokens].map((token) => token.text).join("") + text).toBe("x");
  expect(output.stopped).toBe(true);
});

Deno.test("OutputText.push() lets the first minTokens tokens say anything", () => {
  const output = outputOf(["END", "x", "END"], ["END"], 2);
  const given = [0, 1, 2].flatMap((id) => output.push({ id }));
  expect(given.map((token) => token.text)).toEqual(["END", "x", ""]);
  expect(output.stopped).toBe(true);
});

Deno.test("OutputText.push() carries logprobs and names alternatives", () => {
  const output = outputOf(["a"], []);
  const [token] = output.push({ id: 0, logprob: -1.5, top: [{ id: 7, logprob: -1 }] });
  expect(token).toEqual({ id: 0, text: "a", logprob: -1.5, top: [{ id: 7, logprob: -1, text: "<7>" }] });
});
