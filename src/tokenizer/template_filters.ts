/** Filters and tests of chat templates as Jinja and Python have them. What is not here is the library's. */
import { type JsonOptions, toJson } from "./template_json.ts";
import { distinct, indented, sorted, sortedEntries } from "./template_sorting.ts";
import {
  type Arguments,
  capitalized,
  formatted,
  numberArgument,
  replaced,
  requireText,
  stripped,
  textArgument,
} from "./template_strings.ts";
import {
  asEntries,
  asItems,
  asNumber,
  asText,
  compare,
  equal,
  float,
  integer,
  isInCase,
  isNone,
  isTrue,
  isUndefined,
  itemsOf,
  iterator,
  joined,
  lengthOf,
  list,
  type Run,
  sizeOf,
  text,
  tuple,
  undefinedValue,
  type Value,
  VISIT,
  written,
} from "./template_values.ts";

export interface FilterContext {
  readonly run: Run;
  /** Another filter, by its name; for `map`. */
  readonly filter: (name: string, value: Value, args: Arguments) => Value;
}

type Filter = (value: Value, args: Arguments, context: FilterContext) => Value;
type Test = (value: Value, args: readonly Value[], run: Run) => boolean;

const ofText = (change: (own: string) => string): Filter => (value, _, { run }) =>
  text(change(written(value, run)));

const orElse: Filter = (value, { positional, named }) => {
  const other = positional[0] ?? named.get("default_value") ?? text("");
  const takesFalse = positional[1] ?? named.get("boolean");
  const isMissing = isUndefined(value) || (takesFalse !== undefined && isTrue(takesFalse) && !isTrue(value));
  return isMissing ? other : value;
};

const length: Filter = (value) => {
  const length = lengthOf(value);
  if (length === undefined) throw new Error(`it asks for the length of a value of type ${value.type}`);
  return integer(length);
};

/** By a test, which is whether the item is true where none is named. */
const choosing = (keeps: boolean): Filter => (value, { positional: [name, ...args] }, { run }) =>
  iterator(requireItems(value).filter((item) => holds(name, item, args, run) === keeps));

const choosingBy = (keeps: boolean): Filter => (value, { positional }, { run }) => {
  const [attribute, name, ...args] = positional;
  const of = (item: Value) => attributeOf(item, attribute, run);
  return iterator(requireItems(value).filter((item) => holds(name, of(item), args, run) === keeps));
};

function holds(name: Value | undefined, item: Value, args: readonly Value[], run: Run): boolean {
  run.spend([item, ...args].reduce((sum, value) => sum + sizeOf(value), 1));
  return name === undefined ? isTrue(item) : test(requireText(name), item, args, run) ?? unknownTest(name);
}

function unknownTest(name: Value): never {
  throw new Error(`Unknown test: ${requireText(name)}`);
}

const extreme = (sign: number): Filter => (value, _, { run }) => {
  const items = requireItems(value);
  if (items.length === 0) return undefinedValue();
  return items.reduce((best, item) => sign * compare(item, best, run) > 0 ? item : best);
};

const FILTERS: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ["trim", (value, args, { run }) => {
    const from = textArgument(args, 0, "chars");
    return text(stripped(written(value, run), from, { left: true, right: true }, run));
  }],
  ["upper", ofText((own) => own.toUpperCase())],
  ["lower", ofText((own) => own.toLowerCase())],
  ["capitalize", ofText(capitalized)],
  // As Jinja has it, which begins a word behind a space, a bracket or a dash.
  ["title", (value, _, { run }) => text(titled(written(value, run), run))],
  ["string", ofText((own) => own)],
  ["safe", (value) => value],
  [
    "format",
    (value, { positional }, { run }) => text(formatted(requireText(value), tuple(positional), run)),
  ],
  ["default", orElse],
  ["d", orElse],
  ["length", length],
  ["count", length],
  ["list", (value) => list(requireItems(value))],
  ["first", (value) => requireItems(value)[0] ?? undefinedValue()],
  ["last", (value) => {
    if (value.type === "Iterator") throw new Error("it asks for the last of what is given one by one");
    return requireItems(value).at(-1) ?? undefinedValue();
  }],
  ["reverse", (value) => {
    const items = requireItems(value).toReversed();
    return asText(value) === undefined ? iterator(items) : text(items.map(requireText).join(""));
  }],
  ["items", (value) => {
    if (isUndefined(value)) return list([]);
    const entries = asEntries(value);
    if (entries === undefined) throw new Error(`it asks for the items of a value of type ${value.type}`);
    return iterator([...entries].map(([key, value]) => tuple([text(key), value])));
  }],
  ["join", (value, args, { run }) => {
    const separator = textArgument(args, 0, "d") ?? "";
    const attribute = args.positional[1] ?? args.named.get("attribute");
    const items = requireItems(value);
    const of = (item: Value) => attribute === undefined ? item : attributeOf(item, attribute, run);
    return text(joined(items.map((item) => written(of(item), run)), separator, run));
  }],
  ["replace", (value, args, { run }) => {
    const [from, to] = [requireText(args.positional[0]), requireText(args.positional[1])];
    return text(replaced(written(value, run), from, to, numberArgument(args, 2, "count") ?? -1, run));
  }],
  ["select", choosing(true)],
  ["reject", choosing(false)],
  ["selectattr", choosingBy(true)],
  ["rejectattr", choosingBy(false)],
  ["map", (value, { positional: [name, ...positional], named }, { run, filter }) => {
    const items = requireItems(value);
    run.spend(items.length);
    if (name !== undefined) {
      return iterator(items.map((item) => filter(requireText(name), item, { positional, named })));
    }
    const attribute = named.get("attribute");
    const other = named.get("default") ?? undefinedValue();
    return iterator(items.map((item) => {
      const found = attributeOf(item, attribute, run);
      return isUndefined(found) ? other : found;
    }));
  }],
  ["sum", (value) => {
    const items = requireItems(value);
    const total = items.reduce((sum, item) => sum + requireNumber(item), 0);
    return items.some(({ type }) => type === "FloatValue") ? float(total) : integer(total);
  }],
  ["sort", (value, args, { run }) => sorted(requireItems(value), args, attributeOf, run)],
  ["unique", (value, args, { run }) => distinct(requireItems(value), args, attributeOf, run)],
  ["dictsort", (value, args, { run }) => sortedEntries(value, args, run)],
  ["indent", (value, args, { run }) => indented(requireText(value), args, run)],
  ["abs", (value) => (value.type === "FloatValue" ? float : integer)(Math.abs(requireNumber(value)))],
  ["round", (value, args) => rounded(value, args)],
  ["min", extreme(-1)],
  ["max", extreme(1)],
  ["int", (value, args) => {
    const number = asNumber(value) ?? numberOf(asText(value));
    return number === undefined ? args.positional[0] ?? integer(0) : integer(Math.trunc(number));
  }],
  ["float", (value, args) => {
    const number = asNumber(value) ?? numberOf(asText(value));
    return number === undefined ? args.positional[0] ?? float(0) : float(number);
  }],
  ["tojson", (value, args, { run }) => text(toJson(value, jsonOptions(args), run))],
]);

const isEqual: Test = (value, args, run) => equal(value, args[0] ?? undefinedValue(), run);
const isOrdered = (holds: (order: number) => boolean): Test => (value, args, run) =>
  holds(compare(value, args[0] ?? undefinedValue(), run));

const TESTS: ReadonlyMap<string, Test> = new Map<string, Test>([
  ["defined", (value) => !isUndefined(value)],
  ["undefined", isUndefined],
  ["none", isNone],
  ["string", (value) => asText(value) !== undefined],
  ["number", (value) => asNumber(value) !== undefined],
  ["integer", ({ type }) => type === "IntegerValue"],
  ["float", ({ type }) => type === "FloatValue"],
  ["boolean", ({ value }) => typeof value === "boolean"],
  ["true", ({ value }) => value === true],
  ["false", ({ value }) => value === false],
  ["mapping", (value) => value.type === "ObjectValue"],
  ["iterable", (value) => itemsOf(value) !== undefined],
  ["sequence", (value) => itemsOf(value) !== undefined],
  ["upper", (value, _, run) => isInCase(written(value, run), "upper")],
  ["lower", (value, _, run) => isInCase(written(value, run), "lower")],
  ["odd", (value) => Math.abs(requireNumber(value) % 2) === 1],
  ["even", (value) => requireNumber(value) % 2 === 0],
  ["divisibleby", (value, [by]) => requireNumber(value) % requireNumber(by) === 0],
  ...["eq", "equalto", "=="].map((name) => [name, isEqual] as const),
  ...["ne", "!="].map((name) => [name, (...given: Parameters<Test>) => !isEqual(...given)] as const),
  ...["lt", "lessthan", "<"].map((name) => [name, isOrdered((order) => order < 0)] as const),
  ...["gt", "greaterthan", ">"].map((name) => [name, isOrdered((order) => order > 0)] as const),
  ...["le", "<="].map((name) => [name, isOrdered((order) => order <= 0)] as const),
  ...["ge", ">="].map((name) => [name, isOrdered((order) => order >= 0)] as const),
  ["in", (value, args, run) => contains(args[0] ?? undefinedValue(), value, run)],
]);

/** Undefined for a filter that is not known here. */
export function filtered(
  name: string,
  value: Value,
  args: Arguments,
  context: FilterContext,
): Value | undefined {
  return FILTERS.get(name)?.(value, args, context);
}

/** Undefined for a test that is not known here. */
export function test(name: string, value: Value, args: readonly Value[], run: Run): boolean | undefined {
  return TESTS.get(name)?.(value, args, run);
}

/** Python's `in`. */
export function contains(container: Value, value: Value, run: Run): boolean {
  const own = asText(container);
  if (own !== undefined) return run.plain(own).includes(run.plain(requireText(value)));
  const [entries, key] = [asEntries(container), asText(value)];
  if (entries !== undefined) return key !== undefined && entries.has(run.plain(key));
  return requireItems(container).some((item) => equal(item, value, run));
}

function requireItems(value: Value): readonly Value[] {
  const items = itemsOf(value);
  if (items === undefined) throw new Error(`it goes through a value of type ${value.type}`);
  return items;
}

function requireNumber(value: Value | undefined): number {
  const number = asNumber(value);
  if (number === undefined) throw new Error(`it counts with a value of type ${value?.type ?? "nothing"}`);
  return number;
}

/** By a dotted path of keys and indices. */
function attributeOf(item: Value, attribute: Value | undefined, run: Run): Value {
  const path = typeof attribute?.value === "number" ? String(attribute.value) : requireText(attribute);
  run.spend(VISIT * path.length);
  return path.split(".").reduce((value, key) => {
    const index = /^\d+$/.test(key) ? Number(key) : undefined;
    return asEntries(value)?.get(key) ?? (index === undefined ? undefined : asItems(value)?.[index]) ??
      undefinedValue();
  }, item);
}

function titled(own: string, run: Run): string {
  let [title, end] = ["", 0];
  for (const { 0: word, index } of run.plain(own).matchAll(/[^-\s({[<]+/gu)) {
    title += own.slice(end, index) + capitalized(own.slice(index, index + word.length));
    end = index + word.length;
  }
  return title + own.slice(end);
}

/** As Python rounds: to the even one of two numbers that are as near. */
function rounded(value: Value, args: Arguments): Value {
  const number = requireNumber(value);
  const method = textArgument(args, 1, "method") ?? "common";
  const digits = numberArgument(args, 0, "precision") ?? 0;
  if (!["common", "ceil", "floor"].includes(method) || !Number.isInteger(digits) || Math.abs(digits) > 15) {
    throw new Error(`it rounds by ${method} to ${digits} digits`);
  }
  const scale = 10 ** digits;
  if (method !== "common") return float(Math[method as "ceil" | "floor"](number * scale) / scale);
  if (digits > 0 && value.type !== "FloatValue") return integer(number);
  if (digits > 0) return float(Number(number.toFixed(digits)));
  const scaled = number * scale;
  const floor = Math.floor(scaled);
  const isUp = scaled - floor > 0.5 || (scaled - floor === 0.5 && floor % 2 !== 0);
  return (value.type === "FloatValue" ? float : integer)((isUp ? floor + 1 : floor) / scale);
}

function numberOf(own: string | undefined): number | undefined {
  const number = own !== undefined && /^\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?\s*$/i.test(own)
    ? Number(own)
    : NaN;
  return Number.isFinite(number) ? number : undefined;
}

function jsonOptions(args: Arguments): JsonOptions {
  const { named, positional } = args;
  const isSet = (index: number, name: string) => {
    const value = positional[index] ?? named.get(name);
    return value !== undefined && isTrue(value);
  };
  const given = positional[1] ?? named.get("indent");
  const spaces = asNumber(given);
  const indent = spaces === undefined ? asText(given) ?? null : " ".repeat(Math.min(64, Math.max(0, spaces)));
  const [item, key] = asItems(positional[2] ?? named.get("separators"))?.map(requireText) ?? [];
  return {
    ...{ ensureAscii: isSet(0, "ensure_ascii"), sortKeys: isSet(3, "sort_keys"), indent },
    separators: [item ?? (indent === null ? ", " : ","), key ?? ": "],
  };
}
