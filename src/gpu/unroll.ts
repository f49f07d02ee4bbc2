/**
 * Repeats lines of WGSL a number of times known before compilation. Registers cannot be indexed on a GPU: an array with
 * a loop over it goes to memory, and a product with its sums there ran at about a sixth of the speed (bench/RESULTS.md).
 * So the few kernels whose tiles live in registers are written once and unrolled here, by directives in comments:
 *
 *     //! for t in TOKENS        the lines up to its `//! end`, once for each t from 0, with `$t` replaced by the number, and
 *                                `$(t+4)` by one four larger
 *     //! for n halving TOKENS   the same for half of TOKENS, a quarter of it and so on down to 1
 *     //! if SPLIT > 1           the lines up to its `//! end`, or nothing
 *
 * A bound is a number or a constant, or several of them multiplied and divided from left to right, rounded down at the
 * end, or up where `up` stands behind it. In a text with directives `$NAME` is the value of a constant, for what WGSL wants
 * a constant for: the sizes of inner arrays. Directives nest, from the outside in, so that the variable of one may bound
 * another; each replaced line keeps its place, so the text stays readable, but line numbers in the compiler's messages are
 * those of the expanded text.
 */

/** Values of the names that bounds and conditions may use; the kernel's overrides. */
export type UnrollConstants = Readonly<Record<string, number>>;

const DIRECTIVE = /^\s*\/\/! *(.*?)\s*$/;
const FOR = /^for ([a-z]) in (\w+(?: ?[*/] ?\w+)*)( up)?$/;
const HALVING = /^for ([a-z]) halving (\w+)$/;
const IF = /^if (\w+) ([<>]) (\d+)$/;

/** Throws a plain Error for a directive that is malformed, unbalanced or names an unknown constant. */
export function unroll(text: string, constants: UnrollConstants): string {
  if (!text.includes("//!")) return text;
  return expand(text.split("\n"), constants).join("\n")
    .replaceAll(/\$([A-Z]+)/g, (_, name) => String(valueOf(name, constants)));
}

function expand(lines: readonly string[], constants: UnrollConstants): readonly string[] {
  const result: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const directive = DIRECTIVE.exec(lines[at]!)?.[1];
    if (directive === undefined) {
      result.push(lines[at]!);
      continue;
    }
    if (directive === "end") {
      throw new Error(`Line ${at + 1} ends a block that was not begun: "${lines[at]}"`);
    }
    const end = endOf(lines, at);
    const body = lines.slice(at + 1, end);
    // Not spread into push(): arguments have a bound.
    for (const copy of copies(directive, body, constants)) {
      for (const line of expand(copy, constants)) result.push(line);
    }
    at = end;
  }
  return result;
}

/** The line that ends the block begun at `start`. */
function endOf(lines: readonly string[], start: number): number {
  let depth = 0;
  for (let at = start; at < lines.length; at++) {
    const directive = DIRECTIVE.exec(lines[at]!)?.[1];
    if (directive !== undefined) depth += directive === "end" ? -1 : 1;
    if (depth === 0) return at;
  }
  throw new Error(`"${lines[start]!.trim()}" has no end`);
}

/** A block's body as often as its directive wants it, with the directive's variable replaced. */
function copies(directive: string, body: readonly string[], constants: UnrollConstants) {
  const loop = FOR.exec(directive);
  if (loop !== null) {
    const [, variable, bound, up] = loop;
    const value = product(bound!, constants);
    const count = up === undefined ? Math.floor(value) : Math.ceil(value);
    return Array.from({ length: count }, (_, i) => withValue(body, variable!, i));
  }
  const halving = HALVING.exec(directive);
  if (halving !== null) {
    const [, variable, bound] = halving;
    const steps = Math.floor(Math.log2(Math.max(1, valueOf(bound!, constants))));
    return Array.from({ length: steps }, (_, i) => withValue(body, variable!, 2 ** (steps - 1 - i)));
  }
  const condition = IF.exec(directive);
  if (condition === null) throw new Error(`Cannot read the directive "${directive}"`);
  const [, name, comparison, limit] = condition;
  const value = valueOf(name!, constants);
  return (comparison === "<" ? value < Number(limit) : value > Number(limit)) ? [body] : [];
}

function withValue(body: readonly string[], variable: string, value: number): readonly string[] {
  const larger = new RegExp(`\\$\\(${variable}\\+(\\d+)\\)`, "g");
  return body.map((line) =>
    line.replaceAll(`$${variable}`, String(value)).replaceAll(
      larger,
      (_, more) => String(value + Number(more)),
    )
  );
}

function product(bound: string, constants: UnrollConstants): number {
  const [first, ...rest] = bound.matchAll(/([*/]?) ?(\w+)/g);
  return rest.reduce((result, [, sign, factor]) => {
    const value = valueOf(factor!, constants);
    return sign === "*" ? result * value : result / value;
  }, valueOf(first![2]!, constants));
}

function valueOf(bound: string, constants: UnrollConstants): number {
  const value = /^\d+$/.test(bound) ? Number(bound) : constants[bound];
  if (value === undefined) throw new Error(`Unknown constant "${bound}"`);
  return value;
}
