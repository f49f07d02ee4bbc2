/** Filters of chat templates that put in order, leave out what is there twice, or indent: Jinja's, which pass over case. */
import { type Arguments, numberArgument, textArgument } from "./template_strings.ts";
import {
  asEntries,
  asNumber,
  asText,
  compare,
  equal,
  isTrue,
  iterator,
  joined,
  list,
  type Run,
  text,
  tuple,
  type Value,
} from "./template_values.ts";

/** Of an item, by a dotted path. */
export type AttributeOf = (item: Value, attribute: Value, run: Run) => Value;

export function sorted(
  items: readonly Value[],
  args: Arguments,
  attributeOf: AttributeOf,
  run: Run,
): Value {
  const key = keyOf(args, 1, 2, attributeOf, run);
  return list(inOrder(items.map((item) => [key(item), item]), isSet(args, 0, "reverse"), run));
}

/** The first of those that are the same. */
export function distinct(
  items: readonly Value[],
  args: Arguments,
  attributeOf: AttributeOf,
  run: Run,
): Value {
  const key = keyOf(args, 0, 1, attributeOf, run);
  const seen = new Set<string | number>();
  const others: Value[] = [];
  return iterator(items.filter((item) => {
    const value = key(item);
    const own = asText(value) ?? asNumber(value);
    if (own === undefined) return !others.some((other) => equal(value, other, run)) && others.push(value) > 0;
    return !seen.has(own) && seen.add(own) !== undefined;
  }));
}

/** Entries by their keys, or by their values. */
export function sortedEntries(value: Value, args: Arguments, run: Run): Value {
  const entries = asEntries(value);
  if (entries === undefined) throw new Error(`it asks for the entries of a value of type ${value.type}`);
  const by = textArgument(args, 1, "by") ?? "key";
  if (by !== "key" && by !== "value") throw new Error('dictsort() goes by "key" or "value"');
  const fold = folding(isSet(args, 0, "case_sensitive"), run);
  const pairs = [...entries].map(([key, value]): [Value, Value] => [
    fold(by === "key" ? text(key) : value),
    tuple([text(key), value]),
  ]);
  return list(inOrder(pairs, isSet(args, 2, "reverse"), run));
}

/** With so many spaces, or a text, before each line but the first, and before no empty one, unless it is asked for. */
export function indented(own: string, args: Arguments, run: Run): Value {
  const width = args.positional[0] ?? args.named.get("width");
  const given = asText(width);
  const spaces = given === undefined ? Math.max(0, numberArgument(args, 0, "width") ?? 4) : 0;
  const lines = own.split("\n");
  run.spend((given?.length ?? spaces) * lines.length);
  const indent = given ?? " ".repeat(spaces);
  const [first, blank] = [isSet(args, 1, "first"), isSet(args, 2, "blank")];
  const written = lines.map((line, index) =>
    (index === 0 ? first : blank || line !== "") ? indent + line : line
  );
  return text(joined(written, "\n", run));
}

function inOrder(pairs: (readonly [Value, Value])[], isReverse: boolean, run: Run): Value[] {
  const sign = isReverse ? -1 : 1;
  return pairs.sort(([one], [other]) => sign * compare(one, other, run)).map(([, item]) => item);
}

/** What an item is sorted by, from the arguments at these places. */
function keyOf(
  args: Arguments,
  caseIndex: number,
  attributeIndex: number,
  attributeOf: AttributeOf,
  run: Run,
): (item: Value) => Value {
  const given = args.positional[attributeIndex] ?? args.named.get("attribute");
  const attribute = given?.value === null ? undefined : given;
  const fold = folding(isSet(args, caseIndex, "case_sensitive"), run);
  return (item) => fold(attribute === undefined ? item : attributeOf(item, attribute, run));
}

function folding(isCaseSensitive: boolean, run: Run): (value: Value) => Value {
  return (value) => {
    const own = asText(value);
    if (own === undefined) return value;
    run.spend(own.length);
    const read = run.plain(own);
    return text(isCaseSensitive ? read : read.toLowerCase());
  };
}

function isSet({ positional, named }: Arguments, index: number, name: string): boolean {
  const value = positional[index] ?? named.get(name);
  return value !== undefined && isTrue(value);
}
