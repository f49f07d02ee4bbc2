/** Numbers as JSON writes them, read by their digits: the bounds of 64 bits are no doubles. */
const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
/** Digits before the point; those of 128 bits have 39. */
export const MAX_DIGITS = 40;

/** The whole numbers next to a number, which is both where it is whole. */
export interface Whole {
  readonly floor: bigint;
  readonly ceil: bigint;
}

export function isNumber(text: string): boolean {
  return NUMBER.test(text);
}

/** Of the number times 10 ** shift. Null where it has more digits before its point than {@link MAX_DIGITS}. */
export function wholesNextTo(text: string, shift = 0): Whole | null {
  const [, sign, whole = "", fraction = "", exponent = "0"] = NUMBER.exec(text)!;
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  if (digits === "") return { floor: 0n, ceil: 0n };
  // Of the point, from the first of those digits.
  const at = digits.length - fraction.length + Number(exponent);
  if (at > MAX_DIGITS) return null;
  const end = Math.max(0, at + shift);
  const near = BigInt(digits.slice(0, end).padEnd(at + shift, "0") || "0");
  const isWhole = /^0*$/.test(digits.slice(end));
  const far = isWhole ? near : near + 1n;
  return sign === "-" ? { floor: -far, ceil: -near } : { floor: near, ceil: far };
}
