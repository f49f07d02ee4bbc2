/**
 * Values of chat templates as Python has them: how they are written, compared and walked through. The library's own notion
 * of them is JavaScript's. Every step is paid for with `run.spend`, because a list may contain itself many times over.
 */
import { Environment, Interpreter } from "@huggingface/jinja";

export type Value = ReturnType<Interpreter["evaluate"]>;
/** What a template runs under. */
export interface Run {
  /** So much text, or so many items, are produced or looked at. */
  readonly spend: (amount: number) => void;
  /** A text as it is compared: some of its characters may stand for others, one for one. */
  readonly plain: (own: string) => string;
}
export type Call = (args: Value[], scope: Environment) => Value;

const PAIRS = /[\ud800-\udbff][\udc00-\udfff]/g;

type Constructor = new (value?: unknown) => Value;
const constructorOf = (value: unknown) => new Environment().set("value", value).constructor as Constructor;

const StringValue = constructorOf("");
const IntegerValue = constructorOf(0);
const FloatValue = constructorOf(0.5);
const BooleanValue = constructorOf(true);
const NullValue = constructorOf(null);
const UndefinedValue = constructorOf(undefined);
const ArrayValue = constructorOf([]);
const ObjectValue = constructorOf({});
const FunctionValue = constructorOf(() => null);
const TUPLE = { type: "TupleLiteral", value: [] };
const TupleValue = new Interpreter().evaluate(TUPLE, new Environment()).constructor as Constructor;

export const text = (value: string): Value => new StringValue(value);
export const integer = (value: number): Value => new IntegerValue(value);
export const float = (value: number): Value => new FloatValue(value);
export const boolean = (value: boolean): Value => new BooleanValue(value);
export const none = (): Value => new NullValue(null);
export const undefinedValue = (): Value => new UndefinedValue(undefined);
export const list = (items: readonly Value[]): Value => new ArrayValue([...items]);
export const tuple = (items: readonly Value[]): Value => new TupleValue([...items]);
/** What filters give one by one: true even where nothing is left, and to be gone through, not looked into. */
export function iterator(items: readonly Value[]): Value {
  return Object.assign(list(items), { type: "Iterator", __bool__: () => boolean(true) });
}
export const mapping = (entries: Iterable<readonly [string, Value]>): Value =>
  new ObjectValue(new Map(entries));
export const callable = (call: Call): Value => new FunctionValue(call);

export function asText(value: Value | undefined): string | undefined {
  return typeof value?.value === "string" ? value.value : undefined;
}
export function asItems(value: Value | undefined): readonly Value[] | undefined {
  return Array.isArray(value?.value) ? value.value as Value[] : undefined;
}
/** Entries of a mapping. */
export function asEntries(value: Value | undefined): ReadonlyMap<string, Value> | undefined {
  return value?.value instanceof Map ? value.value as Map<string, Value> : undefined;
}
/** Of a number or, as in Python, of true and false. */
export function asNumber(value: Value | undefined): number | undefined {
  return typeof value?.value === "number" || typeof value?.value === "boolean"
    ? Number(value.value)
    : undefined;
}
export function isUndefined(value: Value): boolean {
  return value.type === "UndefinedValue";
}
export function isNone(value: Value): boolean {
  return value.type === "NullValue";
}
export function isTrue(value: Value): boolean {
  return value.__bool__().value;
}

/** What a loop goes through; undefined for what cannot be gone through. */
export function itemsOf(value: Value): readonly Value[] | undefined {
  if (isUndefined(value)) return [];
  const characters = asText(value);
  if (characters !== undefined) return Array.from(characters, text);
  const entries = asEntries(value);
  return entries === undefined ? asItems(value) : [...entries.keys()].map(text);
}

/** In characters, not in UTF-16 units, of a text. */
export function lengthOf(value: Value): number | undefined {
  const own = asText(value);
  if (value.type === "Iterator") return undefined;
  return own === undefined ? itemsOf(value)?.length : own.length - (own.match(PAIRS)?.length ?? 0);
}

/** What a value within another costs when it is looked at: as much as so many characters. */
export const VISIT = 16;

/** Characters of a text, entries of a list or mapping. */
export function sizeOf({ value }: Value): number {
  if (typeof value === "string" || Array.isArray(value)) return value.length;
  return value instanceof Map ? value.size : 0;
}

/** Put together, which is paid for before. */
export function joined(parts: readonly string[], between: string, run: Run): string {
  run.spend(parts.reduce((sum, { length }) => sum + length, between.length * parts.length));
  return parts.join(between);
}

/** Python's `==`. */
export function equal(one: Value, other: Value, run: Run): boolean {
  run.spend(VISIT);
  const [a, b] = [asNumber(one), asNumber(other)];
  if (a !== undefined || b !== undefined) return a === b;
  const [items, others] = [asItems(one), asItems(other)];
  if (items !== undefined && others !== undefined) {
    if (one.type !== other.type || items.length !== others.length) return false;
    return items.every((item, index) => equal(item, others[index]!, run));
  }
  const [entries, otherEntries] = [asEntries(one), asEntries(other)];
  if (entries !== undefined && otherEntries !== undefined) {
    const sameOf = (key: string, value: Value) => {
      const same = otherEntries.get(key);
      return same !== undefined && equal(value, same, run);
    };
    return entries.size === otherEntries.size && [...entries].every(([key, value]) => sameOf(key, value));
  }
  const [own, another] = [asText(one), asText(other)];
  if (own !== undefined && another !== undefined) {
    if (own.length !== another.length) return false;
    run.spend(own.length);
    return run.plain(own) === run.plain(another);
  }
  return one.type === other.type && one.value === other.value;
}

/** Negative, 0 or positive; throws for values that have no order. */
export function compare(one: Value, other: Value, run: Run): number {
  run.spend(VISIT);
  const [a, b] = [asNumber(one), asNumber(other)];
  if (a !== undefined && b !== undefined) return a - b;
  const [items, others] = [asItems(one), asItems(other)];
  if (items !== undefined && others !== undefined && one.type === other.type && one.type !== "Iterator") {
    const index = items.findIndex((item, i) => i >= others.length || !equal(item, others[i]!, run));
    return index < 0 || index >= others.length
      ? items.length - others.length
      : compare(items[index]!, others[index]!, run);
  }
  const [left, right] = [asText(one), asText(other)];
  if (left === undefined || right === undefined) {
    throw new Error(`it compares ${one.type} with ${other.type}`);
  }
  run.spend(left.length + right.length);
  return compareCharacters(run.plain(left), run.plain(right));
}

/** By code points, where JavaScript goes by UTF-16 units. */
function compareCharacters(left: string, right: string): number {
  const shorter = Math.min(left.length, right.length);
  let at = 0;
  while (at < shorter && left.charCodeAt(at) === right.charCodeAt(at)) at++;
  if (at === shorter) return left.length - right.length;
  // What differs may be the second half of a character.
  const isSecond = at > 0 && left.codePointAt(at - 1)! > 0xffff && right.codePointAt(at - 1)! > 0xffff;
  const start = isSecond ? at - 1 : at;
  return left.codePointAt(start)! - right.codePointAt(start)!;
}

/** Whether a text has letters of a case, and none of the other. */
export function isInCase(own: string, of: "upper" | "lower"): boolean {
  const [same, other] = [own.toUpperCase(), own.toLowerCase()];
  return same !== other && own === (of === "upper" ? same : other);
}

/** Python's `str()`; nothing for what is undefined. */
export function written(value: Value, run: Run): string {
  const own = asText(value);
  run.spend(own?.length ?? 0);
  if (own !== undefined) return own;
  return isUndefined(value) ? "" : represented(value, run);
}

/** Python's `repr()`. */
export function represented(value: Value, run: Run): string {
  const own = asText(value);
  run.spend(VISIT + (own?.length ?? 0));
  if (own !== undefined) return quoted(own, run);
  const items = asItems(value)?.map((item) => represented(item, run));
  if (items !== undefined && value.type !== "Iterator") {
    if (value.type !== "TupleValue") return `[${joined(items, ", ", run)}]`;
    return items.length === 1 ? `(${items[0]},)` : `(${joined(items, ", ", run)})`;
  }
  const entries = asEntries(value);
  if (entries !== undefined) {
    const parts = [...entries].map(([key, value]) => `${quoted(key, run)}: ${represented(value, run)}`);
    return `{${joined(parts, ", ", run)}}`;
  }
  if (isNone(value)) return "None";
  if (isUndefined(value)) return "Undefined";
  if (value.type === "FloatValue") return writtenFloat(value.value as number);
  if (typeof value.value === "boolean") return value.value ? "True" : "False";
  if (typeof value.value === "number") return String(value.value);
  throw new Error(`it writes a value of type ${value.type}`);
}

export function writtenFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e16 || size < 1e-4)) {
    return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  }
  if (Object.is(value, -0)) return "-0.0";
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function quoted(own: string, { plain }: Run): string {
  const read = plain(own);
  const quote = read.includes("'") && !read.includes('"') ? '"' : "'";
  const inner = own.replace(/[\\\p{C}\p{Z}]/gu, (character) => {
    if (character === " " || plain(character) !== character) return character;
    const code = character.codePointAt(0)!;
    const digits = code.toString(16);
    return ESCAPES[character] ??
      (code < 0x100
        ? `\\x${digits.padStart(2, "0")}`
        : code < 0x10000
        ? `\\u${digits.padStart(4, "0")}`
        : `\\U${digits.padStart(8, "0")}`);
  });
  return quote + (quote === "'" ? inner.replaceAll("'", "\\'") : inner) + quote;
}

/** Python's arithmetic. */
export function calculated(operator: string, [left, a]: [Value, number], [right, b]: [Value, number]): Value {
  const isFloat = left.type === "FloatValue" || right.type === "FloatValue";
  const number = isFloat ? float : integer;
  if (["/", "//", "%"].includes(operator) && b === 0) throw new Error("it divides by zero");
  switch (operator) {
    case "+":
      return number(a + b);
    case "-":
      return number(a - b);
    case "*":
      return number(a * b);
    case "/":
      return float(a / b);
    case "//":
      return number(Math.floor(a / b));
    case "%":
      return number(a - b * Math.floor(a / b));
    case "**": {
      const power = a ** b;
      if (!Number.isFinite(power)) throw new Error("it raises to a power that is no number");
      return b < 0 ? float(power) : number(power);
    }
    default:
      throw new Error(`it has ${operator} between numbers`);
  }
}
