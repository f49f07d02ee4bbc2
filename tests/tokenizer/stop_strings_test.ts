import { expect } from "@std/expect";
import fc from "fast-check";
import { StopMatcher } from "../../src/tokenizer/stop_strings.ts";

/** What a matcher sends for these deltas, and which string it found. */
function run(stops: readonly string[], deltas: readonly string[]) {
  const matcher = new StopMatcher(stops);
  const sent = deltas.map((delta) => matcher.push(delta).text);
  return { sent, rest: matcher.flush(), found: matcher.found };
}

Deno.test("push() holds back what may begin a stop string and gives it up when it does not", () => {
  expect(run(["</end>"], ["one <", "/e", "mpty> two"])).toEqual({
    sent: ["one ", "", "</empty> two"],
    rest: "",
    found: null,
  });
});

Deno.test("push() ends before the stop string, also where it spans several deltas", () => {
  expect(run(["STOP"], ["abS", "T", "OPcd", "ef"])).toEqual({
    sent: ["ab", "", "", ""],
    rest: "",
    found: "STOP",
  });
});

Deno.test("push() takes the stop string that begins first", () => {
  expect(run(["bcd", "ab"], ["xabcd"])).toEqual({ sent: ["x"], rest: "", found: "ab" });
  expect(run(["aab"], ["aaab"])).toEqual({ sent: ["a"], rest: "", found: "aab" });
});

Deno.test("push() takes the shorter of two that begin together, whichever comes first in the list", () => {
  for (const stops of [["ab", "abc"], ["abc", "ab"]]) {
    expect(run(stops, ["xabcd"])).toEqual({ sent: ["x"], rest: "", found: "ab" });
  }
});

Deno.test("push() waits where what began before a stop string may become another, and flush() for no longer", () => {
  const waiting = { sent: ["x", ""], rest: "a", found: "bc" };
  expect(run(["abcd", "bc"], ["xab", "c"])).toEqual(waiting);
  expect(run(["abcd", "bc"], ["xab", "c", "d"])).toEqual({ sent: ["x", "", ""], rest: "", found: "abcd" });
  expect(run(["abcd", "bc"], ["xab", "c", "e"])).toEqual({ sent: ["x", "", "a"], rest: "", found: "bc" });
});

Deno.test("flush() gives up what was held back", () => {
  expect(run(["stop"], ["we st", "o"])).toEqual({ sent: ["we ", ""], rest: "sto", found: null });
});

Deno.test("StopMatcher without strings holds nothing", () => {
  expect(run([], ["a", "b"])).toEqual({ sent: ["a", "b"], rest: "", found: null });
  expect(run([""], ["a"])).toEqual({ sent: ["a"], rest: "", found: null });
});

Deno.test("StopMatcher sends the text before the first stop string, however it is cut", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 40 });
  const stops = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 4 }), {
    maxLength: 3,
  });
  const cuts = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 40 });
  fc.assert(fc.property(text, stops, cuts, (text, stops, cuts) => {
    const deltas: string[] = [];
    let rest = text;
    for (const cut of cuts) {
      deltas.push(rest.slice(0, cut));
      rest = rest.slice(cut);
    }
    const { sent, rest: held, found } = run(stops, [...deltas, rest]);
    const result = sent.join("") + held;
    if (found === null) {
      expect(result).toBe(text);
      expect(stops.some((stop) => text.includes(stop))).toBe(false);
    } else {
      const starts = stops.map((stop) => text.indexOf(stop)).filter((index) => index >= 0);
      expect(result).toBe(text.slice(0, Math.min(...starts)));
      expect(text.startsWith(result + found)).toBe(true);
      expect(stops.some((stop) => result.includes(stop))).toBe(false);
    }
  }));
});
