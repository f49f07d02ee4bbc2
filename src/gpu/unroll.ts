/**
 * Repeats lines of WGSL a number of times known before compilation. Registers cannot be indexed on a GPU: an array with
 * a loop over it goes to memory, and a product with its sums there ran at about a sixth of the speed (bench/RESULTS.md).
 * So the few kernels whose tiles live in registers are written once and unrolled here, by directives in comments:
 *
 *     //! for t in TOKENS     the lines up to its `//! end`, once for each t from 0, with `$t` replaced by the number
 *     //! if SPLIT > 1        the lines up to its `//! end`, or nothing
 *
 * A bound is a number or a constant, or several of them multiplied and divided from left to right, rounded down at the
 * end, or up where `up` stands behind it. In a text with directives `$NAME` is the value of a constant, for what WGSL wants
 * a constant for: the sizes of inner arrays. Directives nest; each replaced line keeps its place, so the text stays
 * readable, but line numbers in the compiler's messages are those of the expanded text.
 */

/** Values of the names that bounds and conditions may use; the kernel's overrides. */
export type UnrollConstants = Readonly<Record<string, number>>;

const DIRECTIVE = /^\s*\/\/! *(.*?)\s*$/;
const FOR = /^for ([a-z]) in (\w+(?: ?[*/] ?\w+)*)( up)?$/;
const IF = /^if (\w+) ([<>]) (\d+)$/;

/** Throws a plain Error for a directive that is malformed, unbalanced or names an unknown constant. */
export function unroll(text: string, constants: UnrollConstants): string {
  if (!text.includes("//!")) return text;
  const lines = text.split("\n");
  const { result, next } = block(lines, 0, constants);
  if (next !== lines.length) {
    throw new Error(`Line ${next + 1} ends a block that was not begun: "${lines[next]}"`);
  }
  return result.join("\n")
    .replaceAll(/\$([A-Z]+)/g, (_, name) => String(valueOf(name, constants)));
}

/** Expands lines from `start` to the end or to an unmatched `end`, whose index is `next`. */
function block(lines: readonly string[], start: number, constants: UnrollConstants) {
  const result: string[] = [];
  let next = start;
  while (next < lines.length) {
    const line = lines[next]!;
    const directive = DIRECTIVE.exec(line)?.[1];
    if (directive === undefined) {
      result.push(line);
      next++;
      continue;
    }
    if (directive === "end") break;
    const inner = block(lines, next + 1, constants);
    if (inner.next === lines.length) throw new Error(`"${line.trim()}" has no end`);
    result.push(...repeat(directive, inner.result, constants));
    next = inner.next + 1;
  }
  return { result, next };
}

function repeat(directive: string, body: readonly string[], constants: UnrollConstants): readonly string[] {
  const loop = FOR.exec(directive);
  if (loop !== null) {
    const [, variable, bound, up] = loop;
    const value = product(bound!, constants);
    const count = up === undefined ? Math.floor(value) : Math.ceil(value);
    return Array.from(
      { length: count },
      (_, i) => body.map((line) => line.replaceAll(`$${variable}`, String(i))),
    ).flat();
  }
  const condition = IF.exec(directive);
  if (condition === null) throw new Error(`Cannot read the directive "${directive}"`);
  const [, name, comparison, limit] = condition;
  const value = valueOf(name!, constants);
  return (comparison === "<" ? value < Number(limit) : value > Number(limit)) ? body : [];
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
