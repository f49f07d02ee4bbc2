import { expect } from "@std/expect";
import { unroll } from "../../src/gpu/unroll.ts";

const text = (...lines: string[]) => lines.join("\n");

const CASES: Readonly<Record<string, readonly [source: string, expected: string]>> = {
  "no directives": [text("a", "// for t in 2"), text("a", "// for t in 2")],
  "a number": [text("//! for t in 2", "x_$t", "//! end", "y"), text("x_0", "x_1", "y")],
  "a constant": [
    text("//! for t in N", "x_$t = $tu;", "//! end"),
    text("x_0 = 0u;", "x_1 = 1u;", "x_2 = 2u;"),
  ],
  "a share of a constant": [text("//! for t in N/2", "x_$t", "//! end"), "x_0"],
  "a product of constants": [text("//! for t in 4 * N/2/N", "x_$t", "//! end"), text("x_0", "x_1")],
  "a quotient rounded at its end": [
    text("//! for t in N/2*N", "x_$t", "//! end"),
    text("x_0", "x_1", "x_2", "x_3"),
  ],
  "a share rounded up": [text("//! for t in N/2 up", "x_$t", "//! end"), text("x_0", "x_1")],
  "values of constants": [text("//! for t in 1", "array<f32, $Nu>", "//! end"), "array<f32, 3u>"],
  "nothing": [text("a", "//! for t in ZERO", "x", "//! end", "b"), text("a", "b")],
  "nested loops": [
    text("//! for p in 2", "a_$p", "  //! for t in 2", "b_$p_$t", "  //! end", "//! end"),
    text("a_0", "b_0_0", "b_0_1", "a_1", "b_1_0", "b_1_1"),
  ],
  "a number and one larger": [
    text("//! for t in 2", "x_$t + x_$(t+2)", "//! end"),
    text("x_0 + x_2", "x_1 + x_3"),
  ],
  "halves, which bound other loops": [
    text("//! for n halving 4", "n = $n;", "//! for t in $n", "x_$t += x_$(t+$n);", "//! end", "//! end"),
    text("n = 2;", "x_0 += x_2;", "x_1 += x_3;", "n = 1;", "x_0 += x_1;"),
  ],
  "nothing to halve": [text("a", "//! for n halving 1", "x", "//! end"), "a"],
  "conditions": [
    text(
      "//! if N > 2",
      "more",
      "//! end",
      "//! if N > 3",
      "most",
      "//! end",
      "//! if N < 4",
      "less",
      "//! end",
    ),
    text("more", "less"),
  ],
};

for (const [name, [source, expected]] of Object.entries(CASES)) {
  Deno.test(`unroll() repeats ${name}`, () => {
    expect(unroll(source, { N: 3, ZERO: 0 })).toBe(expected);
  });
}

const MISTAKES: Readonly<Record<string, readonly [source: string, message: string]>> = {
  "an unknown constant": [text("//! for t in M", "//! end"), 'Unknown constant "M"'],
  "a value of an unknown constant": [text("//! for t in 1", "//! end", "$M"), 'Unknown constant "M"'],
  "a missing end": [text("a", "//! for t in 2", "b"), '"//! for t in 2" has no end'],
  "an end too many": [text("a", "//! end"), 'Line 2 ends a block that was not begun: "//! end"'],
  "an unknown directive": [text("//! while N", "//! end"), 'Cannot read the directive "while N"'],
};

for (const [name, [source, message]] of Object.entries(MISTAKES)) {
  Deno.test(`unroll() refuses ${name}`, () => {
    expect(() => unroll(source, { N: 3 })).toThrow(message);
  });
}
